/** SetMcast2Phys, ClearMcast2Phys, DumpMcast2Phys. */
import { describe, expect, it } from "vitest";
import { driverWith, mapping, subscribers, subscription } from "./kit.ts";

describe("mapping a group to its underlay group", () => {
  it("replaces an earlier mapping of the group", async () => {
    const { driver } = await driverWith();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::2"));
    expect(await driver.dumpMcast2Phys()).toEqual([mapping("239.1.1.1", "ff04::2")]);
  });

  it("lets many groups share one underlay group", async () => {
    const { driver } = await driverWith();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.setMcast2Phys(mapping("239.1.1.2", "ff04::1"));
    expect(await driver.dumpMcast2Phys()).toHaveLength(2);
  });

  it.each(["10.0.0.1", "fd00::1", "::ffff:239.1.1.1", "ff04::1"])(
    "does not ask whether %s is multicast",
    async (group) => {
      const { driver } = await driverWith();
      await driver.setMcast2Phys(mapping(group, "ff04::1"));
      expect(await driver.dumpMcast2Phys()).toEqual([mapping(group, "ff04::1")]);
    },
  );

  it("needs no underlay devices", async () => {
    const { driver } = await driverWith(0, { underlay: false });
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    expect(await driver.dumpMcast2Phys()).toHaveLength(1);
  });

  it("leaves the subscriptions under the old underlay group where they are", async () => {
    const { driver } = await driverWith(1);
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1"));
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::2"));
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
  });

  it("is listed by the number of the group, IPv4 first", async () => {
    const { driver } = await driverWith();
    const groups = ["224.0.0.9", "224.0.0.10", "239.1.1.1", "ff02::9", "ff02::10", "ff0e::1"];
    for (const i of [3, 0, 5, 2, 4, 1]) await driver.setMcast2Phys(mapping(groups[i] ?? "", "ff04::1"));
    expect((await driver.dumpMcast2Phys()).map(({ group }) => group)).toEqual(groups);
  });

  it("stays in its place of the list when it is replaced", async () => {
    const { driver } = await driverWith();
    for (const group of ["239.1.1.1", "239.1.1.2", "239.1.1.1"]) await driver.setMcast2Phys(mapping(group, "ff04::1"));
    expect((await driver.dumpMcast2Phys()).map(({ group }) => group)).toEqual(["239.1.1.1", "239.1.1.2"]);
  });
});

describe("clearing a mapping", () => {
  it("goes by the group alone, whatever underlay group is named", async () => {
    const { driver } = await driverWith();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.clearMcast2Phys(mapping("239.1.1.1", "ff04::2"));
    expect(await driver.dumpMcast2Phys()).toEqual([]);
  });

  it("leaves other groups on the same underlay group", async () => {
    const { driver } = await driverWith();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.setMcast2Phys(mapping("239.1.1.2", "ff04::1"));
    await driver.clearMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    expect(await driver.dumpMcast2Phys()).toEqual([mapping("239.1.1.2", "ff04::1")]);
  });

  it("succeeds where there is none", async () => {
    const { driver } = await driverWith();
    await expect(driver.clearMcast2Phys(mapping("239.1.1.1", "ff04::1"))).resolves.toBeUndefined();
  });

  it("leaves subscriptions and forwarding as they are", async () => {
    const { driver } = await driverWith(1);
    const { underlay, group } = mapping("239.1.1.1", "ff04::1");
    await driver.setMcast2Phys({ group, underlay });
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1"));
    await driver.setMcastForwarding({ underlay, nextHops: [] });
    await driver.clearMcast2Phys({ group, underlay });
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
    expect(await driver.dumpMcastForwarding()).toEqual([{ underlay, nextHops: [] }]);
  });
});
