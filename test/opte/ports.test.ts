/** CreateXde, DeleteXde, ListPorts, and the virtual-to-physical entries that come and go with a port. */
import { describe, expect, it } from "vitest";
import { ip, ipv6, mac, vniOf } from "../net/make.ts";
import { driverWith, mapping, port, refusal, subscribers, subscription, V4_ONLY } from "./kit.ts";

const PHYS = { ether: "a8:40:25:00:00:00", ip: "fd00::1" };
const V2P_OF_OPTE0 = [
  {
    vni: 100,
    mappings: [
      ["10.0.0.10", PHYS],
      ["fd77::10", PHYS],
    ],
  },
];

describe("making a port", () => {
  it("fails where no underlay is set", async () => {
    const { driver } = await driverWith(0, { underlay: false });
    expect(await refusal(driver.createXde(port(0)))).toEqual({
      variant: "System",
      errno: 22,
      msg: "underlay not initialized",
    });
  });

  it("fails where the name exists", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.createXde(port(1, { name: "opte0" })))).toEqual({
      variant: "PortExists",
      text: "opte0",
    });
  });

  it("fails where the VNI and MAC exist, and says the name that was asked for", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.createXde(port(1, { mac: "a8:40:25:0:0:0" })))).toEqual({
      variant: "MacExists",
      port: "opte1",
      vni: 100,
      mac: "a8:40:25:00:00:00",
    });
  });

  it("takes a MAC that exists in another VNI", async () => {
    const { driver } = await driverWith(1);
    await driver.createXde(port(1, { vni: 101, mac: "a8:40:25:0:0:0" }));
    expect(await driver.listPorts()).toHaveLength(2);
  });

  it("looks for the name before the MAC", async () => {
    const { driver } = await driverWith(1);
    expect((await refusal(driver.createXde(port(0)))).variant).toBe("PortExists");
  });

  it("enters the port's own addresses into the virtual-to-physical table", async () => {
    const { driver } = await driverWith(1);
    expect(await driver.dumpVirt2Phys()).toEqual(V2P_OF_OPTE0);
  });

  it("enters nothing when it fails for the MAC", async () => {
    const { driver } = await driverWith(1);
    await refusal(driver.createXde(port(7, { mac: "a8:40:25:0:0:0" })));
    expect(await driver.dumpVirt2Phys()).toEqual(V2P_OF_OPTE0);
  });

  it("leaves the addresses behind when it fails with BadName", async () => {
    const { model, driver } = await driverWith();
    expect(await refusal(model.call("CreateXde", port(0, { name: "op\0te" })))).toEqual({ variant: "BadName" });
    expect(await driver.listPorts()).toEqual([]);
    expect(await driver.dumpVirt2Phys()).toEqual(V2P_OF_OPTE0);
  });

  it("can be done again after a delete, with the same name and MAC and no subscription of the old one", async () => {
    const { driver } = await driverWith(1);
    await driver.mcastSubscribe(subscription("opte0", "ff04::5"));
    await driver.deleteXde("opte0");
    await driver.createXde(port(0));
    expect(await driver.dumpMcastSubscriptions()).toEqual([]);
  });

  it("is ready until somebody opens the link", async () => {
    const { model, driver } = await driverWith(1);
    expect((await driver.listPorts())[0]?.state).toBe("ready");
    model.setPort({ name: "opte0", state: "running" });
    expect((await driver.listPorts())[0]?.state).toBe("running");
  });

  it("is running at once where guests open links at once", async () => {
    const { driver } = await driverWith(1, { portsStart: "running" });
    expect((await driver.listPorts())[0]?.state).toBe("running");
  });
});

describe("the list of ports", () => {
  it("is ordered by VNI and MAC, not by name", async () => {
    const { driver } = await driverWith();
    await driver.createXde(port(1, { name: "a", vni: 16_777_215, mac: "00:00:00:00:00:01" }));
    await driver.createXde(port(2, { name: "b", vni: 100, mac: "0a:00:00:00:00:01" }));
    await driver.createXde(port(3, { name: "c", vni: 100, mac: "02:00:00:00:00:01" }));
    await driver.createXde(port(4, { name: "d", vni: 9, mac: "ff:00:00:00:00:01" }));
    expect((await driver.listPorts()).map(({ name }) => name)).toEqual(["d", "c", "b", "a"]);
  });

  it("tells a port's addresses, and of a family it lacks nothing", async () => {
    const { driver } = await driverWith();
    await driver.createXde(port(0, { ipCfg: V4_ONLY(0) }));
    expect(await driver.listPorts()).toEqual([
      {
        name: "opte0",
        mac: "a8:40:25:00:00:00",
        ip4: "10.0.0.10",
        ephemeralIp4: undefined,
        floatingIp4s: [],
        ip6: undefined,
        ephemeralIp6: undefined,
        floatingIp6s: undefined,
        state: "ready",
      },
    ]);
  });
});

describe("deleting a port", () => {
  it("takes its subscriptions and addresses along, and leaves those of others", async () => {
    const { driver } = await driverWith(2);
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    for (const name of ["opte0", "opte1"]) await driver.mcastSubscribe(subscription(name, "239.1.1.1"));
    await driver.deleteXde("opte1");
    expect((await driver.listPorts()).map(({ name }) => name)).toEqual(["opte0"]);
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
    expect(await driver.dumpVirt2Phys()).toEqual(V2P_OF_OPTE0);
  });

  it("takes every subscription of the port along", async () => {
    const { driver } = await driverWith(1);
    for (const group of ["ff04::1", "ff04::2", "ff04::3"]) await driver.mcastSubscribe(subscription("opte0", group));
    await driver.deleteXde("opte0");
    expect(await driver.dumpMcastSubscriptions()).toEqual([]);
  });

  it("fails where there is no such port", async () => {
    const { driver } = await driverWith();
    expect(await refusal(driver.deleteXde("nope"))).toEqual({ variant: "PortNotFound", text: "nope" });
  });

  it("fails with EBUSY where the port is in use", async () => {
    const { model, driver } = await driverWith(1);
    model.setPort({ name: "opte0", busy: true });
    expect(await refusal(driver.deleteXde("opte0"))).toMatchObject({ variant: "System", errno: 16 });
  });

  it("loses the subscriptions of a port in use and keeps the port and its addresses", async () => {
    const { model, driver } = await driverWith(2);
    for (const name of ["opte0", "opte1"]) await driver.mcastSubscribe(subscription(name, "ff04::5"));
    model.setPort({ name: "opte0", busy: true });
    await refusal(driver.deleteXde("opte0"));
    expect(await subscribers(driver)).toEqual({ "ff04::5": ["opte1"] });
    expect(await driver.listPorts()).toHaveLength(2);
    expect((await driver.dumpVirt2Phys())[0]?.mappings).toHaveLength(4);
  });

  it("works again once the port is not in use any more", async () => {
    const { model, driver } = await driverWith(1);
    model.setPort({ name: "opte0", busy: true });
    await refusal(driver.deleteXde("opte0"));
    model.setPort({ name: "opte0", busy: false });
    await driver.deleteXde("opte0");
    expect(await driver.listPorts()).toEqual([]);
  });
});

describe("the virtual-to-physical table", () => {
  const entry = (vip: string, vni = 100) => ({
    vip: ip(vip),
    phys: { ether: mac("a8:40:25:ff:ff:ff"), ip: ipv6("fd00::99"), vni: vniOf(vni) },
  });

  it("is ordered by VNI, then by address, IPv4 first", async () => {
    const { driver } = await driverWith();
    for (const vni of [200, 9])
      for (const vip of ["fd77::2", "10.0.0.10", "10.0.0.9"]) await driver.setVirt2Phys(entry(vip, vni));
    const dump = await driver.dumpVirt2Phys();
    expect(dump.map(({ vni, mappings }) => [vni, mappings.map(([vip]) => vip)])).toEqual([
      [9, ["10.0.0.9", "10.0.0.10", "fd77::2"]],
      [200, ["10.0.0.9", "10.0.0.10", "fd77::2"]],
    ]);
  });

  it("forgets an address by VNI and address alone", async () => {
    const { driver } = await driverWith(1);
    await driver.clearVirt2Phys(entry("fd77::10"));
    expect(await driver.dumpVirt2Phys()).toEqual([{ vni: 100, mappings: [["10.0.0.10", PHYS]] }]);
  });
});
