/** From what the driver holds to what a configuration wants: by exactly the difference, in an order that is kind to traffic. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { Commands, forwardingOf, type Hop, hop, putConfig } from "../harness/config.ts";
import { Sled } from "../harness/sled.ts";

const [G1, G2, G3] = ["239.1.1.1", "239.1.1.2", "ff0e::3"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];
const [A, B, C] = ["fd00::a", "fd00::b", "fd00::c"];
const ANY = { mode: "exclude", sources: [] };

let sled: Sled;
let commands: Commands;
beforeEach(async () => {
  sled = await Sled.start();
  commands = new Commands(sled.model);
});
afterEach(() => sled.close());

/** A command of somebody else's, past the agent. */
const opteadm = <Name extends CommandName>(command: Name, req: Record<string, unknown>) =>
  sled.model.call(command, req as unknown as Request<Name>);

let generation = 0;

/** What a configuration has the driver told; all of it succeeds. */
async function writesFor(
  m2p: Readonly<Record<string, string>>,
  forwarding: Readonly<Record<string, readonly Hop[]>> = {},
): Promise<string[]> {
  commands.forget();
  generation++;
  const { status, body } = await putConfig(sled, generation, m2p, forwarding);
  const applied = Object.keys(m2p).length + Object.keys(forwarding).length;
  expect({ status, body }).toEqual({ status: 200, body: { generation, applied, failed: [] } });
  expect(sled.mappings).toEqual(m2p);
  return commands.writes;
}

describe("of the mappings", () => {
  test("those that are there are not sent, whoever set them", async () => {
    await sled.setMapping(G1, U1);
    await opteadm("SetMcast2Phys", { group: G2, underlay: U2 });
    expect(await writesFor({ [G1]: U1, [G2]: U2, [G3]: U3 })).toEqual([`SetMcast2Phys ${G3} ${U3}`]);
    expect([...sled.nics.joined].sort()).toEqual([U1, U2, U3]);
  });

  test("a moved one is set anew, without being cleared", async () => {
    await writesFor({ [G1]: U1, [G2]: U1 });
    expect(await writesFor({ [G1]: U2, [G2]: U1 })).toEqual([`SetMcast2Phys ${G1} ${U2}`]);
    expect([...sled.nics.joined].sort()).toEqual([U1, U2]);
  });

  test("two that change places are each set once", async () => {
    await writesFor({ [G1]: U1, [G2]: U2 });
    const writes = await writesFor({ [G1]: U2, [G2]: U1 });
    expect(writes.sort()).toEqual([`SetMcast2Phys ${G1} ${U2}`, `SetMcast2Phys ${G2} ${U1}`]);
    expect([...sled.nics.joined].sort()).toEqual([U1, U2]);
  });

  test("those that are not wanted are cleared, whoever set them", async () => {
    await sled.setMapping(G1, U1);
    await opteadm("SetMcast2Phys", { group: G2, underlay: U2 });
    expect((await writesFor({ [G1]: U1 })).sort()).toEqual([`ClearMcast2Phys ${G2} ${U2}`]);
    expect([...sled.nics.joined]).toEqual([U1]);
  });

  test.each(["10.0.0.1", "fd00::1", "ff04::9", "::"])(
    "one of a thing that is no overlay group is cleared: %s",
    async (group) => {
      await opteadm("SetMcast2Phys", { group, underlay: U1 });
      expect(await writesFor({})).toEqual([`ClearMcast2Phys ${group} ${U1}`]);
      expect([...sled.nics.joined]).toEqual([]);
    },
  );
});

describe("of the forwarding entries", () => {
  test("those that are there are not sent, whoever set them and in whatever order their hops were", async () => {
    await sled.put("/networking/mcast-fwd", { underlay: U1, next_hops: [hop(B), hop(A)] });
    expect(await writesFor({}, { [U1]: [hop(A), hop(B)], [U2]: [] })).toEqual([`SetMcastForwarding ${U2}`]);
  });

  test("one that gains hops is sent those alone", async () => {
    await writesFor({}, { [U1]: [hop(A)] });
    expect(await writesFor({}, { [U1]: [hop(C), hop(A), hop(B)] })).toEqual([`SetMcastForwarding ${U1} ${B} ${C}`]);
    expect(forwardingOf(sled)[U1]).toHaveLength(3);
  });

  test.each([
    ["replication", { replication: "external" }, "external exclude()"],
    ["filter mode", { mode: "include" }, "underlay include()"],
    ["sources", { sources: ["10.0.0.1", "fd00::9"] }, "underlay exclude(10.0.0.1,fd00::9)"],
  ])("one whose hop has another %s is sent that hop alone, and never cleared", async (_what, change, now) => {
    await writesFor({}, { [U1]: [hop(A), hop(B)] });
    expect(await writesFor({}, { [U1]: [hop(A), hop(B, change)] })).toEqual([`SetMcastForwarding ${U1} ${B}`]);
    expect(forwardingOf(sled)).toEqual({ [U1]: [`${A} underlay exclude()`, `${B} ${now}`] });
  });

  test("one that loses a hop is cleared and set whole, one right after the other", async () => {
    await writesFor({ [G1]: U1 }, { [U1]: [hop(A), hop(B)], [U2]: [hop(A)] });
    commands.forget();
    await writesFor({ [G1]: U1 }, { [U1]: [hop(B), hop(C)], [U2]: [hop(A)] });
    const [clear, set] = commands.writes;
    expect(commands.writes).toHaveLength(2);
    expect(clear).toBe(`ClearMcastForwarding ${U1}`);
    expect([`SetMcastForwarding ${U1} ${B} ${C}`, `SetMcastForwarding ${U1} ${B} ${C}`]).toContain(set);
    const at = commands.all.indexOf(clear as string);
    expect(commands.all[at + 1]).toBe(set);
    expect(Object.keys(forwardingOf(sled))).toEqual([U1, U2]);
    expect(forwardingOf(sled)[U1]).toEqual([`${B} underlay exclude()`, `${C} underlay exclude()`]);
  });

  test("one that loses all its hops and stays is cleared and set empty", async () => {
    await writesFor({}, { [U1]: [hop(A)] });
    expect(await writesFor({}, { [U1]: [] })).toEqual([`ClearMcastForwarding ${U1}`, `SetMcastForwarding ${U1}`]);
    expect(forwardingOf(sled)).toEqual({ [U1]: [] });
  });

  test("those that are not wanted are cleared, empty ones too", async () => {
    await sled.put("/networking/mcast-fwd", { underlay: U1, next_hops: [hop(A)] });
    await opteadm("SetMcastForwarding", { underlay: U2, nextHops: [] });
    expect((await writesFor({})).sort()).toEqual([`ClearMcastForwarding ${U1}`, `ClearMcastForwarding ${U2}`]);
    expect(forwardingOf(sled)).toEqual({});
  });

  test("a hop of the reserved replication, which no request can name, has to go", async () => {
    const reserved = { addr: B, vni: 77, replication: "reserved", filter: ANY };
    await opteadm("SetMcastForwarding", { underlay: U1, nextHops: [reserved] });
    await writesFor({}, { [U1]: [hop(A)] });
    expect(forwardingOf(sled)).toEqual({ [U1]: [`${A} underlay exclude()`] });
  });

  test("a hop of the reserved replication at an address that is wanted is replaced without a clear", async () => {
    const reserved = { addr: A, vni: 77, replication: "reserved", filter: ANY };
    await opteadm("SetMcastForwarding", { underlay: U1, nextHops: [reserved] });
    expect(await writesFor({}, { [U1]: [hop(A)] })).toEqual([`SetMcastForwarding ${U1} ${A}`]);
    expect(forwardingOf(sled)).toEqual({ [U1]: [`${A} underlay exclude()`] });
  });

  test("an entry of a reserved hop alone is cleared where none is wanted", async () => {
    const reserved = { addr: A, vni: 77, replication: "reserved", filter: ANY };
    await opteadm("SetMcastForwarding", { underlay: U1, nextHops: [reserved] });
    expect(await writesFor({})).toEqual([`ClearMcastForwarding ${U1}`]);
  });
});

test("a mapping goes before its hops do, and comes after them: it never leads nowhere", async () => {
  await writesFor({ [G1]: U1 }, { [U1]: [hop(A)] });
  expect(await writesFor({ [G2]: U2 }, { [U2]: [hop(A)] })).toEqual([
    `ClearMcast2Phys ${G1} ${U1}`,
    `SetMcastForwarding ${U2} ${A}`,
    `SetMcast2Phys ${G2} ${U2}`,
    `ClearMcastForwarding ${U1}`,
  ]);
});

test("each of three hundred groups is sent once, and again none of them", async () => {
  const m2p = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`239.1.${i >> 8}.${i & 255}`, `ff04::${(i + 1).toString(16)}`]),
  );
  expect(await writesFor(m2p)).toHaveLength(300);
  expect(await writesFor(m2p)).toEqual([]);
});
