/** A configuration that meets a driver that is away, or a ledger that cannot be written: decided and kept, or not at all. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DriverUnavailable } from "../../src/opte/error.ts";
import { CONFIG, Commands, type Outcome, putConfig } from "../harness/config.ts";
import { Sled } from "../harness/sled.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";

const [G1, G2, G3] = ["239.1.1.1", "239.1.1.2", "ff0e::3"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];
/** The repair comes after half a second, and then with growing pauses. */
const SOON = { timeout: 20_000, interval: 20 };

let sled: Sled;
let commands: Commands;
beforeEach(async () => {
  sled = await Sled.start();
  commands = new Commands(sled.model);
});
afterEach(() => sled.close());

async function outcomeOf(
  ...config: Parameters<typeof putConfig> extends [Sled, ...infer Rest] ? Rest : never
): Promise<Outcome> {
  const { status, body } = await putConfig(sled, ...config);
  expect(status).toBe(200);
  return body;
}

const degraded = () => sled.agent.status().degraded.map(({ thing, subject }) => `${thing} ${subject}`);
const away = () => new DriverUnavailable("/dev/xde cannot be opened (ENOENT)", { code: "ENOENT", reached: false });

describe("with the driver away", () => {
  test.each(["DumpMcast2Phys", "DumpMcastForwarding"] as const)(
    "a configuration is 503 and nothing is recorded: what was in force stays in force (%s)",
    async (command) => {
      await outcomeOf(1, { [G1]: U1 });
      sled.breakNext(command, away());
      const answer = await changingNothing(sled, () => putConfig(sled, 2, { [G2]: U2 }));
      expectError(answer, { status: 503, code: "DRIVER_UNAVAILABLE" });
      expect((await sled.get(CONFIG)).body).toMatchObject({ generation: 1 });
      sled = await sled.restart();
      expect((await sled.get(CONFIG)).body).toMatchObject({ generation: 1 });
      expect((await putConfig(sled, 2, { [G2]: U2 })).status).toBe(200);
    },
  );

  test("the first configuration is 503, and there is none after", async () => {
    sled.breakNext("DumpMcast2Phys", away());
    expectError(await putConfig(sled, 1, { [G1]: U1 }), { status: 503, code: "DRIVER_UNAVAILABLE" });
    expectError(await sled.get(CONFIG), { status: 404 });
    expectDone(await sled.setMapping(G1, U1));
  });

  test("an older generation is 409 all the same, and what is in force can be read and given back", async () => {
    await outcomeOf(2, { [G1]: U1 });
    sled.breakNext("DumpMcast2Phys", away());
    expectError(await putConfig(sled, 1, { [G1]: U1 }), { status: 409, code: "GENERATION" });
    expect((await sled.get(CONFIG)).status).toBe(200);
    expectDone(await sled.delete(CONFIG));
  });

  test("that goes away half-way, the rest is not waited for but kept, and done when it is back", async () => {
    sled.breakNext("SetMcast2Phys", away());
    const { applied, failed } = await outcomeOf(1, { [G1]: U1, [G2]: U2, [G3]: U3 }, { [U1]: [] });
    expect({ applied, failed: failed.length }).toEqual({ applied: 1, failed: 3 });
    expect(commands.writes).toEqual([`SetMcastForwarding ${U1}`]);
    await expect.poll(degraded, SOON).toEqual([]);
    expect(sled.mappings).toEqual({ [G1]: U1, [G2]: U2, [G3]: U3 });
  });
});

describe("with a ledger that cannot be written", () => {
  test("a configuration is 503 RESOURCE_LIMIT and nothing is touched", async () => {
    await outcomeOf(1, { [G1]: U1 });
    commands.forget();
    sled.ledger.failNext("ENOSPC");
    const answer = await changingNothing(sled, () => putConfig(sled, 2, { [G2]: U2 }));
    expectError(answer, { status: 503, code: "RESOURCE_LIMIT" });
    expect(commands.writes).toEqual([]);
    expect((await sled.get(CONFIG)).body).toMatchObject({ generation: 1 });
    expect(await outcomeOf(2, { [G2]: U2 })).toMatchObject({ applied: 1 });
  });

  test("control is not given back: 503, and the configuration is still in force", async () => {
    await outcomeOf(1, { [G1]: U1 });
    sled.ledger.failNext("EROFS");
    expectError(await sled.delete(CONFIG), { status: 503, code: "RESOURCE_LIMIT" });
    expectError(await sled.setMapping(G2, U2), { status: 409, code: "MANAGED_BY_CONFIG" });
    expect((await sled.get(CONFIG)).status).toBe(200);
  });

  test("the same content again is no change, and needs no ledger", async () => {
    await outcomeOf(1, { [G1]: U1 });
    sled.ledger.failNext("ENOSPC");
    expect(await outcomeOf(1, { [G1]: U1 })).toEqual({ generation: 1, applied: 1, failed: [] });
  });
});
