/** Joins through Node's own sockets, with the kernel's table as witness. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { DgramJoins } from "../../src/host/dgram-joins.ts";
import { parseUnderlayGroup, type UnderlayGroup } from "../../src/net/group.ts";
import { ipBytes } from "../../src/net/ip.ts";

const linux = process.platform === "linux";
if (!linux) console.log("the kernel's membership table is only read on Linux: joins are not tested here");

const underlay = (text: string) => parseUnderlayGroup(text) as UnderlayGroup;

/** How many sockets the kernel knows as members of the group on the interface. */
function members(group: UnderlayGroup, nic: string): number {
  const hex = Buffer.from(ipBytes(group)).toString("hex");
  const lines = readFileSync("/proc/net/igmp6", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return Number(lines.find(([, name, address]) => name === nic && address === hex)?.[3] ?? 0);
}

let joins: DgramJoins;
afterEach(() => joins.close());

describe.runIf(linux)("on the loopback interface", () => {
  test("a join is in the kernel's table once, and a leave takes it out", async () => {
    joins = new DgramJoins(["lo"]);
    const group = underlay("ff04::77:1");
    await joins.join(group);
    await joins.join(group);
    expect(members(group, "lo")).toBe(1);
    expect(joins.states(group)).toEqual([{ name: "lo", index: expect.any(Number), joined: true }]);
    await joins.leave(group);
    await joins.leave(group);
    expect(members(group, "lo")).toBe(0);
  });

  test("a NIC that is not there fails the join by its name, and the others are not joined", async () => {
    joins = new DgramJoins(["lo", "nosuchnic0"]);
    const group = underlay("ff04::77:2");
    await expect(joins.join(group)).rejects.toThrow(/ff04::77:2.*nosuchnic0.*no such NIC/);
    expect(members(group, "lo")).toBe(0);
    expect(joins.states(group)).toMatchObject([
      { name: "lo", joined: false },
      { name: "nosuchnic0", index: undefined, joined: false },
    ]);
  });

  test("closing leaves everything", async () => {
    joins = new DgramJoins(["lo"]);
    const groups = ["ff04::77:3", "ff04::77:4"].map(underlay);
    for (const group of groups) await joins.join(group);
    await joins.close();
    expect(groups.map((group) => members(group, "lo"))).toEqual([0, 0]);
  });
});
