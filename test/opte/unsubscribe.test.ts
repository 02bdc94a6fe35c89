/** McastUnsubscribe and McastUnsubscribeAll. */
import { describe, expect, it } from "vitest";
import { ip } from "../net/make.ts";
import { driverWith, mapping, refusal, subscribers, subscription } from "./kit.ts";

const from = (port: string, group: string) => ({ port, group: ip(group) });

async function subscribed(ports = 1) {
  const made = await driverWith(ports);
  await made.driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
  for (let n = 0; n < ports; n++) await made.driver.mcastSubscribe(subscription(`opte${n}`, "239.1.1.1"));
  return made;
}

describe("unsubscribing a port from a group", () => {
  it("removes this port and no other", async () => {
    const { driver } = await subscribed(2);
    await driver.mcastUnsubscribe(from("opte0", "239.1.1.1"));
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte1"] });
  });

  it("takes the entry away with its last port", async () => {
    const { driver } = await subscribed();
    await driver.mcastUnsubscribe(from("opte0", "239.1.1.1"));
    expect(await driver.dumpMcastSubscriptions()).toEqual([]);
  });

  it("succeeds where the port is not subscribed", async () => {
    const { driver } = await subscribed(2);
    await driver.mcastUnsubscribe(from("opte0", "239.1.1.1"));
    await expect(driver.mcastUnsubscribe(from("opte0", "239.1.1.1"))).resolves.toBeUndefined();
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte1"] });
  });

  it("ends the port's other groups on the same underlay group, too", async () => {
    const { driver } = await subscribed();
    await driver.setMcast2Phys(mapping("239.1.1.2", "ff04::1"));
    await driver.mcastUnsubscribe(from("opte0", "239.1.1.2"));
    expect(await driver.dumpMcastSubscriptions()).toEqual([]);
  });

  it("succeeds and removes nothing when the group has no mapping", async () => {
    const { driver } = await subscribed();
    await driver.clearMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.mcastUnsubscribe(from("opte0", "239.1.1.1"));
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
  });

  it("removes nothing for a group inside ff04::/16 that was subscribed without a mapping", async () => {
    const { driver } = await driverWith(1);
    await driver.mcastSubscribe(subscription("opte0", "ff04::5"));
    await driver.mcastUnsubscribe(from("opte0", "ff04::5"));
    expect(await subscribers(driver)).toEqual({ "ff04::5": ["opte0"] });
  });

  it("does not reach what was subscribed under an earlier underlay group", async () => {
    const { driver } = await subscribed();
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::2"));
    await driver.mcastUnsubscribe(from("opte0", "239.1.1.1"));
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
  });

  it("reaches what was left behind once a mapping to that underlay group is there again", async () => {
    const { driver } = await subscribed();
    await driver.clearMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.setMcast2Phys(mapping("239.9.9.9", "ff04::1"));
    await driver.mcastUnsubscribe(from("opte0", "239.9.9.9"));
    expect(await driver.dumpMcastSubscriptions()).toEqual([]);
  });
});

describe("the order of checks when a port unsubscribes", () => {
  it("looks at the port before the group", async () => {
    const { driver } = await driverWith();
    expect(await refusal(driver.mcastUnsubscribe(from("none", "10.0.0.1")))).toEqual({
      variant: "PortNotFound",
      text: "none",
    });
  });

  it("looks at the port before the mapping", async () => {
    const { driver } = await driverWith();
    expect((await refusal(driver.mcastUnsubscribe(from("none", "239.1.1.1")))).variant).toBe("PortNotFound");
  });

  it("looks at the group before the mapping", async () => {
    const { driver } = await driverWith(1);
    await driver.setMcast2Phys(mapping("10.0.0.1", "ff04::1"));
    expect(await refusal(driver.mcastUnsubscribe(from("opte0", "10.0.0.1")))).toEqual({
      variant: "BadState",
      text: "IP address 10.0.0.1 is not a multicast address",
    });
  });
});

describe("unsubscribing all ports of a group", () => {
  it("removes every port under its underlay group and no other entry", async () => {
    const { driver } = await subscribed(2);
    await driver.mcastSubscribe(subscription("opte0", "ff04::9"));
    await driver.mcastUnsubscribeAll({ group: ip("239.1.1.1") });
    expect(await subscribers(driver)).toEqual({ "ff04::9": ["opte0"] });
  });

  it("succeeds and removes nothing when the group has no mapping", async () => {
    const { driver } = await subscribed();
    await driver.clearMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.mcastUnsubscribeAll({ group: ip("239.1.1.1") });
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
  });

  it("refuses what is no group", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.mcastUnsubscribeAll({ group: ip("fe80::1") }))).toEqual({
      variant: "BadState",
      text: "IP address fe80::1 is not a multicast address",
    });
  });
});
