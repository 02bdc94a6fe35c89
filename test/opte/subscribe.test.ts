/** McastSubscribe and DumpMcastSubscriptions. */
import { describe, expect, it } from "vitest";
import { ANY_SOURCE } from "../../src/opte/filter.ts";
import { driverWith, include, mapping, port, refusal, subscribers, subscription } from "./kit.ts";

const badState = (text: string) => ({ variant: "BadState", text });
const NO_IPV4_MAPPING = badState("no underlay mapping for IPv4 multicast group");

async function mapped(ports: number) {
  const made = await driverWith(ports);
  await made.driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
  return made;
}

describe("subscribing a port to a group", () => {
  it("is kept under the group's underlay group", async () => {
    const { driver } = await mapped(1);
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include("10.0.0.1")));
    expect(await driver.dumpMcastSubscriptions()).toEqual([
      { underlay: "ff04::1", subscribers: [{ port: "opte0", filter: include("10.0.0.1") }] },
    ]);
  });

  it("replaces the port's filter when it is done again", async () => {
    const { driver } = await mapped(1);
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include("10.0.0.1")));
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1"));
    expect(await driver.dumpMcastSubscriptions()).toEqual([
      { underlay: "ff04::1", subscribers: [{ port: "opte0", filter: ANY_SOURCE }] },
    ]);
  });

  it("is shared by two groups on one underlay group: the last filter holds for both", async () => {
    const { driver } = await mapped(1);
    await driver.setMcast2Phys(mapping("239.1.1.2", "ff04::1"));
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include("10.0.0.1")));
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.2", include("10.0.0.2")));
    expect(await driver.dumpMcastSubscriptions()).toEqual([
      { underlay: "ff04::1", subscribers: [{ port: "opte0", filter: include("10.0.0.2") }] },
    ]);
  });

  it("takes a group inside ff04::/16 without a mapping as its own underlay group", async () => {
    const { driver } = await driverWith(1);
    await driver.mcastSubscribe(subscription("opte0", "ff04::5"));
    expect(await subscribers(driver)).toEqual({ "ff04::5": ["opte0"] });
  });

  it("prefers the mapping of a group inside ff04::/16", async () => {
    const { driver } = await driverWith(1);
    await driver.setMcast2Phys(mapping("ff04::5", "ff04::6"));
    await driver.mcastSubscribe(subscription("opte0", "ff04::5"));
    expect(await subscribers(driver)).toEqual({ "ff04::6": ["opte0"] });
  });

  it("takes a filter that lets nothing pass", async () => {
    const { driver } = await mapped(1);
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include()));
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
  });

  it("refuses an IPv4 group without a mapping", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.mcastSubscribe(subscription("opte0", "239.1.1.1")))).toEqual(NO_IPV4_MAPPING);
  });

  it.each(["ff0e::1", "ff05::1", "ff14::1"])("refuses the IPv6 group %s without a mapping", async (group) => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.mcastSubscribe(subscription("opte0", group)))).toEqual(
      badState("no underlay mapping for IPv6 multicast group"),
    );
  });

  it("refuses a port that is not there", async () => {
    const { driver } = await mapped(1);
    expect(await refusal(driver.mcastSubscribe(subscription("opte9", "239.1.1.1")))).toEqual({
      variant: "PortNotFound",
      text: "opte9",
    });
  });

  it.each(["10.0.0.1", "240.0.0.0", "::", "feff::1", "::ffff:224.1.2.3"])(
    "refuses %s, which is no group",
    async (group) => {
      const { driver } = await driverWith(1);
      expect(await refusal(driver.mcastSubscribe(subscription("opte0", group)))).toEqual(
        badState(`IP address ${group} is not a multicast address`),
      );
    },
  );

  it.each(["0.0.0.0", "127.0.0.1", "255.255.255.255", "169.254.7.7", "::", "::1", "fe80::1", "febf::2"])(
    "refuses the special-use source %s",
    async (source) => {
      const { driver } = await mapped(1);
      expect(await refusal(driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include(source))))).toEqual(
        badState(`source filter address ${source} is a special-use address`),
      );
    },
  );

  it.each(["224.0.0.1", "239.255.255.255", "ff02::1", "ff04::9"])("refuses the multicast source %s", async (source) => {
    const { driver } = await mapped(1);
    expect(await refusal(driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include(source))))).toEqual(
      badState(`source filter address ${source} is multicast`),
    );
  });

  it("keeps the old filter when the new one is refused", async () => {
    const { driver } = await mapped(1);
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include("10.0.0.1")));
    await refusal(driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include("127.0.0.1"))));
    expect((await driver.dumpMcastSubscriptions())[0]?.subscribers[0]?.filter).toEqual(include("10.0.0.1"));
  });

  it("takes a source of the other family, which never matches", async () => {
    const { driver } = await mapped(1);
    await driver.mcastSubscribe(subscription("opte0", "239.1.1.1", include("fd00::1")));
    expect(await subscribers(driver)).toEqual({ "ff04::1": ["opte0"] });
  });
});

describe("the order of checks when a port subscribes", () => {
  it("looks at the group before the sources", async () => {
    const { driver } = await driverWith();
    const call = driver.mcastSubscribe(subscription("none", "10.0.0.1", include("127.0.0.1")));
    expect(await refusal(call)).toEqual(badState("IP address 10.0.0.1 is not a multicast address"));
  });

  it("looks at the sources before the mapping", async () => {
    const { driver } = await driverWith();
    const call = driver.mcastSubscribe(subscription("none", "239.1.1.1", include("127.0.0.1")));
    expect(await refusal(call)).toEqual(badState("source filter address 127.0.0.1 is a special-use address"));
  });

  it("looks at the mapping before the port", async () => {
    const { driver } = await driverWith();
    expect(await refusal(driver.mcastSubscribe(subscription("none", "239.1.1.1")))).toEqual(NO_IPV4_MAPPING);
  });
});

describe("the list of subscriptions", () => {
  it("is ordered by underlay group, then by the ports' VNI and MAC", async () => {
    const { driver } = await driverWith();
    await driver.createXde(port(1, { name: "a", vni: 200, mac: "00:00:00:00:00:01" }));
    await driver.createXde(port(2, { name: "b", vni: 100, mac: "0a:00:00:00:00:01" }));
    await driver.createXde(port(3, { name: "c", vni: 100, mac: "02:00:00:00:00:01" }));
    await driver.createXde(port(4, { name: "d", vni: 9, mac: "ff:00:00:00:00:01" }));
    for (const under of ["ff04::10", "ff04::9"]) {
      for (const name of ["a", "b", "c", "d"]) await driver.mcastSubscribe(subscription(name, under));
    }
    expect((await driver.dumpMcastSubscriptions()).map((entry) => entry.underlay)).toEqual(["ff04::9", "ff04::10"]);
    expect(await subscribers(driver)).toEqual({ "ff04::9": ["d", "c", "b", "a"], "ff04::10": ["d", "c", "b", "a"] });
  });
});
