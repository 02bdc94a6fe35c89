/** The ledger in files: what it keeps, in which order it writes, and what an operator finds there. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryLedger } from "../../src/intent/ledger.ts";
import { DIR, open, Said, stateIn, stateOf, TestDisk } from "./ledger-kit.ts";

describe("a ledger in files", () => {
  it("is one file of lines that an operator can read", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk);
    await ledger.record([
      { key: "vmm/a", value: { state: "running" } },
      { key: "port/x", value: null },
    ]);
    await ledger.record([{ key: "port/x", value: undefined }]);
    await ledger.close();
    const lines = String(disk.files["ledger.1"]).split("\n");
    expect(lines.map((line) => line.replace(/^[0-9a-f]{8} /, ""))).toEqual([
      '1 {"sledcast":"ledger","format":1,"generation":1,"after":0}',
      '2 {"snapshot_end":{"entries":0}}',
      '3 {"record":[["vmm/a",{"state":"running"}],["port/x",null]]}',
      '4 {"record":[["port/x"]]}',
      "",
    ]);
  });

  it("writes a record and syncs it before it answers, with one write and one sync", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk);
    disk.done.length = 0;
    await ledger.record([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ]);
    expect(disk.done).toEqual(["write ledger.1", "datasync ledger.1"]);
  });

  it("syncs a new generation before it is renamed, and the directory before an old one goes", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk, { leastLog: 0 });
    for (let n = 0; Object.keys(disk.files).join() !== "ledger.1,ledger.2"; n++)
      await ledger.record([{ key: "a", value: n }]);
    disk.done.length = 0;
    for (let n = 0; disk.files["ledger.1"] !== undefined; n++) await ledger.record([{ key: "a", value: n }]);
    await ledger.close();
    const from = disk.done.indexOf("create ledger.3.tmp");
    expect(
      disk.done
        .slice(from)
        .filter((step) => step !== "write ledger.3.tmp")
        .slice(0, 5),
    ).toEqual([
      "create ledger.3.tmp",
      "datasync ledger.3.tmp",
      "rename ledger.3.tmp ledger.3",
      "syncDir",
      "unlink ledger.1",
    ]);
    expect(Object.keys(disk.files)).toEqual(["ledger.2", "ledger.3"]);
  });

  it("writes a note with the next record, and at the latest at the close", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk);
    disk.done.length = 0;
    ledger.note([{ key: "a", value: 1 }]);
    expect(disk.done).toEqual([]);
    await ledger.record([{ key: "b", value: 2 }]);
    expect(await stateIn(disk)).toEqual({ a: 1, b: 2 });
    ledger.note([{ key: "a", value: 3 }]);
    await ledger.close();
    expect(await stateIn(disk)).toEqual({ a: 3, b: 2 });
  });

  it("keeps records that overlap in the order of their calls", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk);
    const first = ledger.record([{ key: "a", value: 1 }]);
    ledger.note([{ key: "a", value: 2 }]);
    const last = ledger.record([{ key: "b", value: 3 }]);
    await Promise.all([first, last]);
    expect(await stateIn(disk)).toEqual({ a: 2, b: 3 });
  });

  it("does not begin to compact after its close", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk, { leastLog: 0 });
    const record = ledger.record([{ key: "a", value: "x".repeat(1000) }]);
    await Promise.all([record, ledger.close()]);
    await ledger.repair();
    expect(disk.done.at(-1)).toBe("datasync ledger.1");
    await expect(ledger.record([{ key: "a", value: 1 }])).rejects.toThrow(`the ledger in ${DIR} is closed`);
  });

  it("leaves foreign files alone and removes what a compaction left unfinished", async () => {
    const disk = TestDisk.of({
      "ledger.1.tmp": Buffer.from("half"),
      lock: Buffer.from("{}"),
      "ledger.old": Buffer.from("mine"),
    });
    const ledger = await open(disk);
    await ledger.close();
    expect(Object.keys(disk.files).sort()).toEqual(["ledger.1", "ledger.old", "lock"]);
  });

  it("reads an older format, and has rewritten it before the next record", async () => {
    const disk = new TestDisk();
    const old = await open(disk);
    await old.record([{ key: "a", value: 1 }]);
    await old.close();
    const double = {
      version: 2,
      upgrades: new Map([
        [
          1,
          (changes: readonly { key: string; value: unknown }[]) =>
            changes.map(({ key, value }) => ({ key: `new/${key}`, value: Number(value) * 2 })),
        ],
      ]),
    };
    const ledger = await open(disk, { format: double });
    expect(stateOf(ledger)).toEqual({ "new/a": 2 });
    await ledger.record([{ key: "b", value: 1 }]);
    await ledger.close();
    expect(stateOf(await open(disk, { format: double }))).toEqual({ "new/a": 2, b: 1 });
    await expect(open(disk)).rejects.toThrow(
      `${DIR}/ledger.2 was written by a later sledcast (format 2; this one reads up to 1)`,
    );
  });

  it("refuses an older format that it has no upgrade for", async () => {
    const disk = new TestDisk();
    await (await open(disk)).close();
    await expect(open(disk, { format: { version: 3, upgrades: new Map() } })).rejects.toThrow("is of format 1, which");
  });

  const change = fc.record({
    key: fc.constantFrom("vmm/a", "vmm/b", "port/x", "port/y", "config", "__proto__"),
    value: fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }),
  });
  const event = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("record" as const), changes: fc.array(change, { maxLength: 4 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("note" as const), changes: fc.array(change, { maxLength: 2 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
  );

  it("holds what a map would, through records, notes, compactions and restarts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), fc.constantFrom(0, 200, 1e6), async (events, leastLog) => {
        const disk = new TestDisk();
        const reference = new MemoryLedger();
        let ledger = await open(disk, { leastLog });
        for (const one of events) {
          if (one.do === "reopen") {
            await reference.record([]);
            await ledger.close();
            ledger = await open(disk, { leastLog });
          } else if (one.do === "note") {
            reference.note(one.changes);
            ledger.note(one.changes);
          } else {
            await reference.record(one.changes);
            await ledger.record(one.changes);
          }
          expect([...ledger.entries("")]).toEqual([...reference.entries("")]);
          expect(ledger.get("config")).toEqual(reference.get("config"));
        }
        expect([...ledger.entries("vmm/")]).toEqual([...reference.entries("vmm/")]);
        await ledger.close();
      }),
      { numRuns: Number(process.env.SLEDCAST_RUNS ?? 100) },
    );
  });

  it("says when it was torn, where, and by how many bytes", async () => {
    const disk = new TestDisk();
    const ledger = await open(disk);
    await ledger.record([{ key: "a", value: 1 }]);
    await ledger.close();
    const whole = disk.files["ledger.1"] ?? Buffer.alloc(0);
    const said = new Said();
    const torn = TestDisk.of({ "ledger.1": Buffer.concat([whole, Buffer.from("0123")]) });
    await (await open(torn, { log: said })).close();
    expect(said.lines).toMatchObject([
      { level: "warn", fields: { file: `${DIR}/ledger.1`, at: whole.length, bytes: 4 } },
    ]);
    expect(torn.files["ledger.1"]).toEqual(whole);
  });
});
