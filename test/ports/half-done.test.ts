/** What a change of very many settings writes to the ledger, and what a crash in it leaves. */
import { expect, test, vi } from "vitest";
import { MemoryLedger } from "../../src/intent/ledger.ts";
import { HalfDone, type Setting } from "../../src/ports/half-done.ts";
import { cidr } from "../net/make.ts";

const SETTINGS = Array.from(
  { length: 2500 },
  (_, i): Setting => ({ port: `opte${i % 7}`, of: "routes to", cidr: cidr(`10.${i >> 8}.${i & 255}.0/24`) }),
);
const begun = (ledger: MemoryLedger) => [...ledger.entries("half-done ")].length;

test("it is in records of a thousand, so that none holds up the event loop, and ends with none of them", async () => {
  const ledger = new MemoryLedger();
  const record = vi.spyOn(ledger, "record");
  await new HalfDone(ledger, async () => {}).change(SETTINGS, async () => {
    expect(begun(ledger)).toBe(2500);
    return [{ key: "books", value: "new" }];
  });
  expect(begun(ledger)).toBe(0);
  expect(Math.max(...record.mock.calls.map(([changes]) => changes.length))).toBeLessThanOrEqual(1001);
});

test("what is not ended of it when the agent is killed is mended by the next, from the new books", async () => {
  const ledger = new MemoryLedger();
  let crashed = new MemoryLedger();
  const record = ledger.record.bind(ledger);
  vi.spyOn(ledger, "record").mockImplementation(async (changes) => {
    await record(changes);
    if (changes.some(({ key }) => key === "books")) crashed = ledger.afterCrash();
  });
  await new HalfDone(ledger, async () => {}).change(SETTINGS, async () => [{ key: "books", value: "new" }]);
  const mended: Setting[] = [];
  const next = new HalfDone(crashed, async (setting) => mended.push(setting));
  await next.repair();
  expect(crashed.get("books")).toBe("new");
  expect(mended).toEqual(SETTINGS.slice(1000));
  expect([next.size, begun(crashed)]).toEqual([0, 0]);
});

test("one that the ledger stops taking half-way is begun nowhere", async () => {
  const ledger = new MemoryLedger();
  const record = ledger.record.bind(ledger);
  let records = 0;
  vi.spyOn(ledger, "record").mockImplementation((changes) => {
    if (++records === 2) ledger.failNext("ENOSPC");
    return record(changes);
  });
  const body = vi.fn(async () => []);
  await expect(new HalfDone(ledger, async () => {}).change(SETTINGS, body)).rejects.toThrow("ENOSPC");
  expect(body).not.toHaveBeenCalled();
  expect(begun(ledger)).toBe(0);
});
