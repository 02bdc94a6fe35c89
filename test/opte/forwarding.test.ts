/** SetMcastForwarding, ClearMcastForwarding, DumpMcastForwarding. */
import { describe, expect, it } from "vitest";
import { underlay } from "../net/make.ts";
import { driverWith, exclude, forwarding, hop, include, mapping, refusal } from "./kit.ts";

const A = hop("fd00::a");
const B = hop("fd00::b");

describe("setting forwarding", () => {
  it("adds hops to those that are there", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", A));
    await driver.setMcastForwarding(forwarding("ff04::1", B));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", A, B)]);
  });

  it("replaces a hop of the same address", async () => {
    const { driver } = await driverWith();
    const changed = hop("fd00::a", { replication: "external", filter: include("10.0.0.1") });
    await driver.setMcastForwarding(forwarding("ff04::1", A, B));
    await driver.setMcastForwarding(forwarding("ff04::1", changed));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", changed, B)]);
  });

  it("takes the last of two hops of the same address", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", hop("fd00::a", { replication: "external" }), A));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", A)]);
  });

  it("makes an entry without hops of an empty list", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1"));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1")]);
  });

  it("removes nothing for an empty list", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", A));
    await driver.setMcastForwarding(forwarding("ff04::1"));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", A)]);
  });

  it("passes the unspecified address", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", hop("::")));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", hop("::"))]);
  });

  it("does not look at the sources of a filter", async () => {
    const { driver } = await driverWith();
    const odd = hop("fd00::a", { filter: exclude("239.1.1.1", "::1") });
    await driver.setMcastForwarding(forwarding("ff04::1", odd));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", odd)]);
  });

  it("keeps the reserved replication", async () => {
    const { driver } = await driverWith();
    const reserved = hop("fd00::a", { replication: "reserved" });
    await driver.setMcastForwarding(forwarding("ff04::1", reserved));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", reserved)]);
  });

  it.each([0, 76, 78, 16_777_215])("refuses a hop of VNI %i", async (vni) => {
    const { driver } = await driverWith();
    const set = driver.setMcastForwarding(forwarding("ff04::1", hop("fd00::a", { vni })));
    expect(await refusal(set)).toEqual({
      variant: "System",
      errno: 22,
      msg: `multicast next hop VNI must be DEFAULT_MULTICAST_VNI (77), got: ${vni}`,
    });
  });

  it.each(["ff00::", "ff04::9", "ff0e::1"])("refuses the multicast hop %s", async (addr) => {
    const { driver } = await driverWith();
    expect(await refusal(driver.setMcastForwarding(forwarding("ff04::1", hop(addr))))).toEqual({
      variant: "System",
      errno: 22,
      msg: `NextHopV6.addr must be unicast (switch address), got multicast: ${addr}`,
    });
  });

  it.each([hop("fd00::c", { vni: 1 }), hop("ff02::1")])("changes nothing when the last hop is bad", async (bad) => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", A));
    await refusal(
      driver.setMcastForwarding(forwarding("ff04::1", hop("fd00::a", { replication: "external" }), B, bad)),
    );
    await refusal(driver.setMcastForwarding(forwarding("ff04::2", B, bad)));
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::1", A)]);
  });
});

describe("clearing forwarding", () => {
  it("removes the whole entry of the one underlay group", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", A, B));
    await driver.setMcastForwarding(forwarding("ff04::2", A));
    await driver.clearMcastForwarding({ underlay: underlay("ff04::1") });
    expect(await driver.dumpMcastForwarding()).toEqual([forwarding("ff04::2", A)]);
  });

  it("succeeds where there is none", async () => {
    const { driver } = await driverWith();
    await expect(driver.clearMcastForwarding({ underlay: underlay("ff04::1") })).resolves.toBeUndefined();
  });

  it("does not touch the mappings", async () => {
    const { driver } = await driverWith();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.clearMcastForwarding({ underlay: underlay("ff04::1") });
    expect(await driver.dumpMcast2Phys()).toHaveLength(1);
  });
});

describe("the list of forwarding", () => {
  it("is ordered by the number of the underlay group, then of the hop", async () => {
    const { driver } = await driverWith();
    for (const under of ["ff04::10", "ff04::9", "ff04:1::"]) {
      await driver.setMcastForwarding(forwarding(under, hop("fd00::10"), hop("fd00::9"), hop("::")));
    }
    const hops = [hop("::"), hop("fd00::9"), hop("fd00::10")];
    expect(await driver.dumpMcastForwarding()).toEqual([
      forwarding("ff04::9", ...hops),
      forwarding("ff04::10", ...hops),
      forwarding("ff04:1::", ...hops),
    ]);
  });
});
