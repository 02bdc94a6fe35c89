/** The layers whose rules follow from a port's configuration: gateway and NAT (oxide-vpc `gateway/`, `nat.rs`), written out. */
import { describe, expect, it } from "vitest";
import type { Direction } from "../../src/opte/types.ts";
import { cidr, ipv4, ipv6, uuid } from "../net/make.ts";
import { NO_EXTERNAL, refusal } from "./kit.ts";
import { rules, withPorts } from "./layers-kit.ts";

describe("the gateway's rules", () => {
  const guest = "A8:40:25:00:00:04";
  const gateway = "A8:40:25:FF:77:77";

  it("of an IPv4 port answer ARP, DHCP and pings, and let its own address pass", async () => {
    const driver = await withPorts();
    const dhcp = (kind: string) => [
      "inner.ether.dst=FF:FF:FF:FF:FF:FF",
      `inner.ether.src=${guest}`,
      "inner.ip.src=0.0.0.0",
      "inner.ip.dst=255.255.255.255",
      "inner.ip.proto=UDP",
      "inner.ulp.dst=67",
      "inner.ulp.src=68",
      `dhcp.msg_type=${kind}`,
    ];
    expect(await rules(driver, "gateway", "out", "v4")).toEqual([
      [
        3,
        1,
        [
          `inner.ether.src=${guest}`,
          `inner.ether.dst=${gateway}`,
          "inner.ip.src=10.0.0.14",
          "inner.ip.dst=10.0.0.1",
          "inner.ip.proto=ICMP",
          "inner.icmp.type=echo request",
        ],
        `Hairpin: ICMPv4 Echo Reply (${gateway},10.0.0.1) => (${guest},10.0.0.14)`,
      ],
      [2, 1, dhcp("Request"), "Hairpin: DHCPv4 ACK: 10.0.0.14"],
      [1, 1, dhcp("Discover"), "Hairpin: DHCPv4 OFFER: 10.0.0.14"],
      [
        0,
        1,
        ["inner.ether.ether_type=ARP", "inner.ether.dst=FF:FF:FF:FF:FF:FF", `inner.ether.src=${guest}`],
        "Handle Packet",
      ],
      [4, 1000, ["inner.ip.src=10.0.0.14", `inner.ether.src=${guest}`], "Meta: vpc-meta"],
    ]);
    expect(await rules(driver, "gateway", "in", "v4")).toEqual([
      [0, 1000, ["inner.ip.dst=10.0.0.14", `inner.ether.dst=${guest}`], `Static: ether.src=${gateway}`],
      [1, 1001, ["inner.ip.dst=224.0.0.0/4", "inner.ether.dst=multicast"], `Static: ether.src=${gateway}`],
    ]);
  });

  it("of an IPv6 port answer neighbour discovery, DHCPv6 and pings, and drop other discovery", async () => {
    const driver = await withPorts();
    const mac = "A8:40:25:00:00:06";
    const [link, own] = ["fe80::aa40:25ff:feff:7777", "fe80::aa40:25ff:fe00:6"];
    const echo = (source: string) => [
      `inner.ether.src=${mac}`,
      `inner.ether.dst=${gateway}`,
      `inner.ip6.src=${source}`,
      `inner.ip6.dst=${link}`,
      "inner.ip.proto=ICMPv6",
      "inner.icmp.type=echo request",
    ];
    const reply = (to: string) => `Hairpin: ICMPv6 Echo Reply (${gateway},${link}) => (${mac},${to})`;
    expect(await rules(driver, "gateway", "out", "v6")).toEqual([
      [
        5,
        1,
        [
          `inner.ether.src=${mac}`,
          "inner.ip6.src=fe80::/64",
          "inner.ip6.dst=ff02::1:2,ff05::1:3",
          "inner.ip.proto=UDP",
          "inner.ulp.src=546",
          "inner.ulp.dst=547",
        ],
        "Hairpin: DHCPv6 IA Addrs: [fd77::16]",
      ],
      [0, 1, echo("fd77::16"), reply("fd77::16")],
      [1, 2, echo(own), reply(own)],
      [
        2,
        3,
        [
          `inner.ether.src=${mac}`,
          "inner.ether.dst=33:33:00:00:00:02",
          "inner.ip6.src=fe80::/64",
          "inner.ip6.dst=ff02::2",
          "inner.ip.proto=ICMPv6",
          "inner.icmp.type=router solicitation",
        ],
        `Hairpin: NDP RA IPv6=${link} MAC=${gateway}`,
      ],
      [
        3,
        4,
        [
          `inner.ether.src=${mac}`,
          `inner.ether.dst=${gateway},33:33:FF:FF:77:77`,
          "inner.ip6.src=fe80::/64,::",
          `inner.ip6.dst=${link},ff02::1:ffff:7777`,
          "inner.ip.proto=ICMPv6",
          "inner.icmp.type=neighbor solicitation",
        ],
        `Hairpin: NDP NA IPv6=${link} MAC=${gateway}`,
      ],
      [4, 5, ["inner.icmp.type∈(router solicitation..=redirect)"], "Deny"],
      [6, 1000, ["inner.ip6.src=fd77::16", `inner.ether.src=${mac}`], "Meta: vpc-meta"],
    ]);
    expect(await rules(driver, "gateway", "in", "v6")).toEqual([
      [0, 1, ["inner.icmp.type∈(router solicitation..=redirect)"], "Deny"],
      [1, 1000, ["inner.ip6.dst=fd77::16", `inner.ether.dst=${mac}`], `Static: ether.src=${gateway}`],
      [2, 1001, ["inner.ip6.dst=ff00::/8", "inner.ether.dst=multicast"], `Static: ether.src=${gateway}`],
    ]);
  });

  it("let allowed networks and attached subnets pass, each network once", async () => {
    const driver = await withPorts();
    await driver.allowCidr({ port: "v4", cidr: cidr("10.9.0.0/16"), direction: "in" });
    await driver.attachSubnet({ port: "v4", cidr: cidr("10.8.0.0/16"), isExternal: false });
    await driver.allowCidr({ port: "v4", cidr: cidr("10.8.0.0/16"), direction: "out" });
    const passing = async (way: Direction) =>
      (await rules(driver, "gateway", way, "v4"))
        .filter(([, priority]) => priority === 1000)
        .map(([, , predicates]) => predicates);
    expect(await passing("in")).toEqual([
      ["inner.ip.dst=10.9.0.0/16", `inner.ether.dst=${guest}`],
      ["inner.ip.dst=10.8.0.0/16", `inner.ether.dst=${guest}`],
      ["inner.ip.dst=10.0.0.14", `inner.ether.dst=${guest}`],
    ]);
    expect(await passing("out")).toEqual([
      [`inner.ether.src=${guest}`, "inner.ip.src=10.8.0.0/16"],
      ["inner.ip.src=10.0.0.14", `inner.ether.src=${guest}`],
    ]);
  });

  it("are all made anew, with new ids, at each change of networks, even one that removes nothing", async () => {
    const driver = await withPorts();
    const first = async () => Math.min(...(await rules(driver, "gateway", "out", "v4")).map(([id]) => id));
    const ids = [await first()];
    const network = { port: "v4", cidr: cidr("10.9.0.0/16"), direction: "out" } as const;
    for (const change of [
      () => driver.allowCidr(network),
      () => driver.removeCidr(network),
      () => driver.removeCidr(network),
      () => driver.detachSubnet({ port: "v4", cidr: network.cidr }),
      () => driver.attachSubnet({ port: "v4", cidr: network.cidr, isExternal: true }),
      () => driver.attachSubnet({ port: "v4", cidr: network.cidr, isExternal: true }),
    ]) {
      await change();
      ids.push(await first());
    }
    // A port has five, and one more while the network is allowed or attached.
    expect(ids).toEqual([0, 5, 11, 16, 16, 21, 21]);
  });
});

describe("the NAT layer's rules", () => {
  const [a, b] = [uuid("aaaaaaaa-0000-4000-8000-000000000001"), uuid("bbbbbbbb-0000-4000-8000-000000000001")];

  it("prefer floating addresses to ephemeral ones, and those to SNAT, by the gateway they are for", async () => {
    const driver = await withPorts();
    const [one, two] = [ipv4("203.0.113.1"), ipv4("203.0.113.2")];
    const [ephemeral, snat] = [ipv4("203.0.113.3"), ipv4("203.0.113.4")];
    await driver.attachSubnet({ port: "v4", cidr: cidr("198.51.100.0/28"), isExternal: true });
    await driver.setExternalIps({
      port: "v4",
      v4: {
        snat: { externalIp: snat, firstPort: 0, lastPort: 16383 },
        ephemeralIp: ephemeral,
        floatingIps: [one, two],
      },
      v6: undefined,
      internetGateways: [
        [one, [a, b]],
        [two, [b]],
      ],
    });
    const to = (gateway: string) => ["inner.ether.ether_type=IPv4", `meta: router-target=${gateway}`];
    const made = async (way: Direction) => (await rules(driver, "nat", way, "v4")).map(([, ...rest]) => rest);
    expect(await made("out")).toEqual([
      [4, ["inner.ip.src=198.51.100.0/28"], "Meta: ExternalIpTagger"],
      [5, to(`ig=${b}`), "Stateful: 10.0.0.14 <=> {203.0.113.1,203.0.113.2}"],
      [5, to(`ig=${a}`), "Stateful: 10.0.0.14 <=> 203.0.113.1"],
      [10, to("ig"), "Stateful: 10.0.0.14 <=> 203.0.113.3"],
      [100, to("ig"), "Stateful: 203.0.113.4:0-16383"],
      [255, ["meta: router-target-class=ig"], "Deny"],
    ]);
    expect(await made("in")).toEqual([
      [4, ["inner.ip.dst=198.51.100.0/28"], "Allow"],
      [5, ["inner.ip.dst=203.0.113.1,203.0.113.2"], "Stateful: 10.0.0.14 <=> (external)"],
      [10, ["inner.ip.dst=203.0.113.3"], "Stateful: 10.0.0.14 <=> (external)"],
    ]);
  });

  it("of an address with several gateways go by the gateways' order, however they were named", async () => {
    const driver = await withPorts();
    const address = ipv4("203.0.113.1");
    const v4 = { snat: undefined, ephemeralIp: address, floatingIps: [] };
    await driver.setExternalIps({ port: "v4", v4, v6: undefined, internetGateways: [[address, [b, a, b]]] });
    const out = await rules(driver, "nat", "out", "v4");
    expect(out.map(([id, , [, target]]) => [id, target])).toEqual([
      [2, `meta: router-target=ig=${b}`],
      [1, `meta: router-target=ig=${a}`],
      [3, undefined],
    ]);
  });

  it("of IPv6 put the pool's address in brackets", async () => {
    const driver = await withPorts();
    const snat = { externalIp: ipv6("2001:db8::1"), firstPort: 1, lastPort: 2 };
    await driver.setExternalIps({
      port: "v6",
      v4: undefined,
      v6: { ...NO_EXTERNAL, snat },
      internetGateways: undefined,
    });
    expect((await rules(driver, "nat", "out", "v6"))[0]).toEqual([
      // The first was there from the creation.
      1,
      100,
      ["inner.ether.ether_type=IPv6", "meta: router-target=ig"],
      "Stateful: [2001:db8::1]:1-2",
    ]);
  });

  it("stay as they were where external addresses are refused; the gateways count from the next change on", async () => {
    const driver = await withPorts();
    const address = ipv4("203.0.113.3");
    const v4 = { ...NO_EXTERNAL, ephemeralIp: address };
    await driver.setExternalIps({ port: "v4", v4, v6: undefined, internetGateways: undefined });
    const internetGateways = [[address, [a]]] as const;
    await refusal(driver.setExternalIps({ port: "v4", v4, v6: NO_EXTERNAL, internetGateways }));
    const target = async () => (await rules(driver, "nat", "out", "v4"))[0]?.[2][1];
    expect(await target()).toBe("meta: router-target=ig");
    await driver.attachSubnet({ port: "v4", cidr: cidr("10.9.0.0/16"), isExternal: false });
    expect(await target()).toBe(`meta: router-target=ig=${a}`);
  });
});
