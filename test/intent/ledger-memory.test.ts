import { describe, expect, it } from "vitest";
import { MemoryLedger } from "../../src/intent/ledger.ts";

describe("a ledger in memory", () => {
  it("gives back what was recorded, and forgets what goes", async () => {
    const ledger = new MemoryLedger();
    await ledger.record([
      { key: "a", value: { n: 1 } },
      { key: "b", value: null },
    ]);
    await ledger.record([{ key: "a", value: undefined }]);
    expect(ledger.get("a")).toBeUndefined();
    expect(ledger.get("b")).toBeNull();
  });

  it("lists a prefix by age, where a key written again keeps its place and one that came back is last", async () => {
    const ledger = new MemoryLedger();
    for (const key of ["vmm/b", "vmm/a", "port/x", "vmm/c"]) await ledger.record([{ key, value: 1 }]);
    await ledger.record([
      { key: "vmm/b", value: undefined },
      { key: "vmm/a", value: 2 },
    ]);
    await ledger.record([{ key: "vmm/b", value: 3 }]);
    expect([...ledger.entries("vmm/")]).toEqual([
      ["vmm/a", 2],
      ["vmm/c", 1],
      ["vmm/b", 3],
    ]);
  });

  it("shows a note at once", async () => {
    const ledger = new MemoryLedger();
    await ledger.record([{ key: "a", value: 1 }]);
    ledger.note([
      { key: "a", value: undefined },
      { key: "b", value: 2 },
    ]);
    expect([...ledger.entries("")]).toEqual([["b", 2]]);
    expect(ledger.get("a")).toBeUndefined();
  });

  it("lets a record overtake an earlier note of the same key", async () => {
    const ledger = new MemoryLedger();
    ledger.note([{ key: "a", value: 1 }]);
    await ledger.record([{ key: "a", value: 2 }]);
    expect(ledger.get("a")).toBe(2);
  });

  it("records nothing of what failed, says why, and is whole again when a write succeeds", async () => {
    const ledger = new MemoryLedger();
    ledger.failNext("ENOSPC", 2);
    await expect(ledger.record([{ key: "a", value: 1 }])).rejects.toMatchObject({ kind: "resource-limit" });
    expect(ledger.get("a")).toBeUndefined();
    await ledger.repair();
    expect(ledger.broken).toBe("ENOSPC");
    await ledger.repair();
    expect(ledger.broken).toBeUndefined();
    await ledger.record([{ key: "a", value: 1 }]);
    expect(ledger.get("a")).toBe(1);
  });
});
