/** A port's layers: which rules the driver makes of what it was told (oxide-vpc `engine/`), written out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Driver } from "../../src/opte/driver.ts";
import type { Direction, FirewallRule, RouterTarget } from "../../src/opte/types.ts";
import { cidr, ip, ipv4, ipv6, uuid, vniOf } from "../net/make.ts";
import { driverWith, NO_EXTERNAL, port, refusal, V4_ONLY, V6_ONLY } from "./kit.ts";

/** id, priority, predicates, action. */
type Row = readonly [number, number, readonly string[], string];

async function rules(driver: Driver, layer: string, way: Direction, name = "opte0"): Promise<Row[]> {
  const dump = await driver.dumpLayer(name, layer);
  return dump[way].rules.map(({ id, priority, predicates, dataPredicates, action }) => [
    Number(id),
    priority,
    [...predicates, ...dataPredicates],
    action,
  ]);
}

const rule = (change: Partial<FirewallRule> = {}): FirewallRule => ({
  direction: "in",
  hosts: { type: "any" },
  protocol: { type: "any" },
  ports: "any",
  action: "allow",
  priority: 100,
  ...change,
});

async function withPorts() {
  const { driver } = await driverWith();
  await driver.createXde(port(4, { name: "v4", ipCfg: V4_ONLY(4) }));
  await driver.createXde(port(6, { name: "v6", ipCfg: V6_ONLY(6) }));
  return driver;
}

describe("the list of layers", () => {
  const of = async (driver: Driver, name: string) =>
    (await driver.listLayers(name)).map((one) => [
      one.name,
      Number(one.rulesIn),
      Number(one.rulesOut),
      one.defaultIn,
      one.defaultOut,
    ]);

  it("goes from the guest outward, with the rules each layer has from the start", async () => {
    const { driver } = await driverWith(1);
    expect(await of(driver, "opte0")).toEqual([
      ["gateway", 5, 12, "deny", "deny"],
      ["firewall", 0, 0, "deny", "stateful allow"],
      ["router", 0, 1, "allow", "deny"],
      ["nat", 0, 1, "allow", "allow"],
      ["overlay", 2, 1, "deny", "deny"],
    ]);
  });

  it("has fewer in the gateway of a port with one family", async () => {
    const driver = await withPorts();
    expect((await of(driver, "v4"))[0]).toEqual(["gateway", 2, 5, "deny", "deny"]);
    expect((await of(driver, "v6"))[0]).toEqual(["gateway", 3, 7, "deny", "deny"]);
  });

  it("is not to be had of a port that is not there, nor is a layer, nor a layer that is not there", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.listLayers("opte9"))).toEqual({ variant: "PortNotFound", text: "opte9" });
    expect(await refusal(driver.dumpLayer("opte9", "nat"))).toEqual({ variant: "PortNotFound", text: "opte9" });
    expect(await refusal(driver.dumpLayer("opte0", "x"))).toEqual({ variant: "LayerNotFound", text: "x" });
  });
});

describe("the firewall's rules", () => {
  it("count their ids in each direction and never use one again", async () => {
    const { driver } = await driverWith(1);
    const ids = async () => [
      (await rules(driver, "firewall", "in")).map(([id]) => id),
      (await rules(driver, "firewall", "out")).map(([id]) => id),
    ];
    await driver.setFwRules({ port: "opte0", rules: [rule(), rule({ direction: "out" }), rule()] });
    expect(await ids()).toEqual([[1, 0], [0]]);
    await driver.remFwRule({ port: "opte0", direction: "in", id: 1n });
    await driver.addFwRule({ port: "opte0", rule: rule() });
    expect(await ids()).toEqual([[2, 0], [0]]);
    await driver.setFwRules({ port: "opte0", rules: [rule()] });
    expect(await ids()).toEqual([[3], []]);
  });

  it("are removed by direction and id", async () => {
    const { driver } = await driverWith(1);
    await driver.addFwRule({ port: "opte0", rule: rule() });
    const wrong = driver.remFwRule({ port: "opte0", direction: "out", id: 0n });
    expect(await refusal(wrong)).toEqual({ variant: "RuleNotFound", id: 0n });
    await driver.remFwRule({ port: "opte0", direction: "in", id: 0n });
    const again = driver.remFwRule({ port: "opte0", direction: "in", id: 0n });
    expect(await refusal(again)).toEqual({ variant: "RuleNotFound", id: 0n });
  });

  it("stand, after any additions and removals, where the driver's own way of placing them puts them", async () => {
    const action = fc.constantFrom("allow" as const, "deny" as const);
    const addition = fc.record({ action, priority: fc.nat(3) });
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: addition }, fc.nat(9)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (row) => {
        const { driver } = await driverWith(1);
        // layer.rs `find_pos`: in front of the first of a higher priority number, or of the same and no precedence.
        const table: { id: number; action: "allow" | "deny"; priority: number }[] = [];
        let next = 0;
        for (const one of row) {
          if (typeof one === "number") {
            const at = table.findIndex(({ id }) => id === one);
            const removal = driver.remFwRule({ port: "opte0", direction: "in", id: BigInt(one) });
            if (at < 0) await refusal(removal);
            else await removal.then(() => table.splice(at, 1));
            continue;
          }
          await driver.addFwRule({ port: "opte0", rule: rule(one) });
          const at = table.findIndex(
            (other) =>
              one.priority < other.priority ||
              (one.priority === other.priority && (one.action === "deny" || other.action !== "deny")),
          );
          table.splice(at < 0 ? table.length : at, 0, { id: next++, ...one });
        }
        expect((await rules(driver, "firewall", "in")).map(([id]) => id)).toEqual(table.map(({ id }) => id));
      }),
    );
  });

  it("are tried by priority, of one priority those that deny first, of those the newest", async () => {
    const { driver } = await driverWith(1);
    for (const [action, priority] of [
      ["allow", 7],
      ["deny", 7],
      ["allow", 7],
      ["deny", 7],
      ["allow", 3],
      ["deny", 9],
    ] as const) {
      await driver.addFwRule({ port: "opte0", rule: rule({ action, priority }) });
    }
    expect((await rules(driver, "firewall", "in")).map(([id]) => id)).toEqual([4, 3, 1, 2, 0, 5]);
  });

  it.each<[Partial<FirewallRule>, readonly string[]]>([
    [{}, []],
    [{ protocol: { type: "tcp" } }, ["inner.ip.proto=TCP"]],
    [{ protocol: { type: "arp" } }, ["inner.ether.ether_type=ARP"]],
    [{ protocol: { type: "icmpv6", filter: undefined } }, ["inner.ip.proto=ICMPv6"]],
    [{ protocol: { type: "other", protocol: "igmp" } }, ["inner.ip.proto=IGMP"]],
    [{ protocol: { type: "other", protocol: "unknown", number: 47 } }, ["inner.ip.proto=Unknown"]],
    [{ protocol: { type: "icmp", filter: { type: 8, codes: undefined } } }, ["inner.icmp.type=echo request"]],
    [
      { protocol: { type: "icmp", filter: { type: 3, codes: { start: 0, end: 4 } } } },
      ["inner.icmp.type=destination unreachable", "inner.icmp.code∈(0..=4)"],
    ],
    [
      { protocol: { type: "icmpv6", filter: { type: 200, codes: { start: 1, end: 1 } } } },
      ["inner.icmp.type=200", "inner.icmp.code=1"],
    ],
    [{ ports: [443, 80, 82, 81, 443] }, ["inner.ulp.dst∈(80..=82),=443"]],
    [{ hosts: { type: "ip", ip: ip("10.0.0.1") } }, ["inner.ip.src=10.0.0.1"]],
    [{ hosts: { type: "ip", ip: ip("2001:0:0:1::") }, direction: "out" }, ["inner.ip6.dst=2001::1:0:0:0:0"]],
    [{ hosts: { type: "subnet", cidr: cidr("fd00::/8") } }, ["inner.ip6.src=fd00::/8"]],
    [{ hosts: { type: "vni", vni: vniOf(100) } }, ["meta: vni=100"]],
    [
      { protocol: { type: "udp" }, ports: [53], hosts: { type: "subnet", cidr: cidr("10.0.0.0/8") }, direction: "out" },
      ["inner.ip.proto=UDP", "inner.ulp.dst=53", "inner.ip.dst=10.0.0.0/8"],
    ],
  ])("are told in the driver's words: %j", async (change, predicates) => {
    const { driver } = await driverWith(1);
    const one = rule(change);
    await driver.setFwRules({ port: "opte0", rules: [one] });
    expect(await rules(driver, "firewall", one.direction)).toEqual([[0, 100, predicates, "Stateful Allow"]]);
  });
});

describe("the router's rules", () => {
  it("are the routes, behind the one that lets multicast pass", async () => {
    const { driver } = await driverWith(1);
    const id = uuid("11111111-2222-4333-8444-555555555555");
    const routes: readonly [string, RouterTarget, "system" | "custom"][] = [
      ["0.0.0.0/0", { type: "internet-gateway", id: undefined }, "system"],
      ["::/0", { type: "internet-gateway", id }, "custom"],
      ["10.0.0.0/24", { type: "vpc-subnet", cidr: cidr("10.0.0.0/24") }, "system"],
      ["10.0.1.0/24", { type: "ip", ip: ip("10.0.0.9") }, "custom"],
      ["fd00::/64", { type: "drop" }, "system"],
    ];
    for (const [dest, target, kind] of routes) {
      await driver.addRouterEntry({ port: "opte0", dest: cidr(dest), target, class: kind });
    }
    expect(await rules(driver, "router", "out")).toEqual([
      [0, 0, ["any(inner.ip.dst=224.0.0.0/4,inner.ip6.dst=ff00::/8)"], "Allow"],
      [4, 26, ["inner.ip.dst=10.0.1.0/24"], "Meta: Target = IP: 10.0.0.9"],
      [3, 27, ["inner.ip.dst=10.0.0.0/24"], "Meta: Target = Subnet: 10.0.0.0/24"],
      [1, 75, ["inner.ip.dst=0.0.0.0/0"], "Meta: Target = IG(None)"],
      [5, 139, ["inner.ip6.dst=fd00::/64"], "Deny"],
      [2, 266, ["inner.ip6.dst=::/0"], `Meta: Target = IG(Some(${id}))`],
    ]);
    expect(await rules(driver, "router", "in")).toEqual([]);
  });
});

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

describe("the overlay's rules", () => {
  it("are the same for every port", async () => {
    const { driver } = await driverWith(1);
    expect(await rules(driver, "overlay", "in")).toEqual([
      [0, 1, [], "Static: Decap"],
      [1, 2, [], "Meta: mcast-vni-validator"],
    ]);
    expect(await rules(driver, "overlay", "out")).toEqual([[0, 1, [], "Static: Encap"]]);
  });
});

describe("flow tables of a port that no packet came through", () => {
  it("are empty, and there to be looked into and cleared once somebody has opened the port", async () => {
    const { driver } = await driverWith(1, { portsStart: "running" });
    const none = { limit: 524_288, count: 0, flows: [] };
    expect(await driver.dumpUft("opte0")).toEqual({ in: none, out: none });
    expect(await driver.dumpTcpFlows("opte0")).toEqual([]);
    await driver.clearLft("opte0", "nat");
    expect(await refusal(driver.clearLft("opte0", "x"))).toEqual({ variant: "LayerNotFound", text: "x" });
  });

  it("are refused before", async () => {
    const { driver } = await driverWith(1);
    const ready = { variant: "BadState", text: "ready" };
    expect(await refusal(driver.dumpUft("opte0"))).toEqual(ready);
    expect(await refusal(driver.dumpTcpFlows("opte0"))).toEqual(ready);
    expect(await refusal(driver.clearLft("opte0", "x"))).toEqual(ready);
  });
});
