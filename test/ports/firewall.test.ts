/** sled-agent-api.md §6.4 and rows 32 to 34 of §12. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FirewallRule } from "../../src/opte/types.ts";
import { firewallRules } from "../../src/ports/firewall.ts";
import type { HostFilter, PortRange, ProtocolFilter, VpcFirewallRule } from "../../src/ports/spec.ts";
import { property } from "../net/arbitraries.ts";
import { cidr, mac, vniOf } from "../net/make.ts";

const NIC = { vni: vniOf(100), mac: mac("a8:40:25:00:00:01") };
const ALL: PortRange = { first: 1, last: 65_535 };

/** The translation as the specification tells it, rule by rule, with nothing shared with the program. */
function naive(rules: readonly VpcFirewallRule[]): unknown[] {
  const out: unknown[] = [];
  for (const rule of rules) {
    const aimed =
      rule.targets.length === 0 || rule.targets.some((t) => `${t.vni}/${t.mac}` === `${NIC.vni}/${NIC.mac}`);
    if (!rule.enabled || !aimed) continue;
    const { direction, action, priority } = rule;
    for (const protocol of naiveProtocols(rule)) {
      for (const host of rule.hosts.length === 0 ? [undefined] : rule.hosts) {
        const ports = protocol.type === "tcp" || protocol.type === "udp" ? naivePorts(rule.ports) : "any";
        out.push({ direction, hosts: naiveHost(host), protocol, ports, action, priority });
      }
    }
  }
  return out;
}

function naiveProtocols(rule: VpcFirewallRule): readonly { readonly type: string }[] {
  if (rule.protocols.length > 0) return rule.protocols;
  // Row 32: ports without a protocol are TCP and UDP ports.
  return rule.ports.length > 0 ? [{ type: "tcp" }, { type: "udp" }] : [{ type: "any" }];
}

function naiveHost(host: HostFilter | undefined): object {
  if (host === undefined) return { type: "any" };
  if (host.type === "vpc") return { type: "vni", vni: host.vni };
  const [address, length] = host.cidr.split("/");
  const oneHost = host.cidr.includes(":") ? "128" : "32";
  return length === oneHost ? { type: "ip", ip: address } : { type: "subnet", cidr: host.cidr };
}

function naivePorts(ranges: readonly PortRange[]): unknown {
  const ports = new Set(
    ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
  );
  // Row 34: a list of every port is "any".
  return ranges.length === 0 || ports.size === 65_535 ? "any" : [...ports].sort((a, b) => a - b);
}

/** Ports of a rule are a set: their order means nothing. */
const portsSorted = (rules: readonly FirewallRule[]) =>
  rules.map((rule) => ({ ...rule, ports: rule.ports === "any" ? "any" : [...rule.ports].sort((a, b) => a - b) }));

const hostFilter: fc.Arbitrary<HostFilter> = fc.oneof(
  fc
    .constantFrom(
      "10.0.0.0/8",
      "10.1.2.3/32",
      "10.1.2.3/24",
      "fd00::/64",
      "fd00::1/128",
      "fd00::1/32",
      "0.0.0.0/0",
      "::/0",
    )
    .map((text) => ({ type: "ip" as const, cidr: cidr(text) })),
  fc.integer({ min: 0, max: 0xff_ff_ff }).map((vni) => ({ type: "vpc" as const, vni: vniOf(vni) })),
);

const icmpFilter = fc.option(
  fc.record({
    type: fc.nat(255),
    codes: fc.option(fc.record({ start: fc.nat(9), end: fc.integer({ min: 9, max: 255 }) }), { nil: undefined }),
  }),
  { nil: undefined },
);

const protocolFilter: fc.Arbitrary<ProtocolFilter> = fc.oneof(
  fc.constantFrom({ type: "tcp" as const }, { type: "udp" as const }),
  fc.record({ type: fc.constantFrom("icmp" as const, "icmpv6" as const), filter: icmpFilter }),
);

const portRange: fc.Arbitrary<PortRange> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 65_500 }), fc.nat(35))
      .map(([first, n]) => ({ first, last: first + n })),
  },
  { weight: 1, arbitrary: fc.constant(ALL) },
);

const target = fc.record({
  vni: fc.constantFrom(NIC.vni, vniOf(101)),
  mac: fc.constantFrom(NIC.mac, mac("a8:40:25:0:0:2")),
});

const vpcRule: fc.Arbitrary<VpcFirewallRule> = fc.record({
  enabled: fc.boolean(),
  direction: fc.constantFrom("in" as const, "out" as const),
  targets: fc.array(target, { maxLength: 3 }),
  hosts: fc.array(hostFilter, { maxLength: 3 }),
  ports: fc.array(portRange, { maxLength: 3 }),
  protocols: fc.array(protocolFilter, { maxLength: 3 }),
  action: fc.constantFrom("allow" as const, "deny" as const),
  priority: fc.nat(65_535),
});

const RULE: VpcFirewallRule = {
  enabled: true,
  direction: "in",
  targets: [],
  hosts: [],
  ports: [],
  protocols: [],
  action: "allow",
  priority: 100,
};

const translated = (change: Partial<VpcFirewallRule>) => firewallRules([{ ...RULE, ...change }], NIC);
const tcp: ProtocolFilter = { type: "tcp" };

describe("a VPC's rules for a port", () => {
  it("are what the naive translation makes of them", () => {
    fc.assert(
      property(fc.array(vpcRule, { maxLength: 4 }), (rules) =>
        expect(portsSorted(firewallRules(rules, NIC))).toEqual(naive(rules)),
      ),
      { numRuns: 150 },
    );
  });

  it("name each port once", () => {
    fc.assert(
      property(vpcRule, (rule) => {
        for (const { ports } of firewallRules([rule], NIC))
          if (ports !== "any") expect(new Set(ports).size).toBe(ports.length);
      }),
    );
  });
});

describe("a rule", () => {
  it("without filters is one rule for everything", () => {
    expect(translated({})).toEqual([
      {
        direction: "in",
        hosts: { type: "any" },
        protocol: { type: "any" },
        ports: "any",
        action: "allow",
        priority: 100,
      },
    ]);
  });

  it("that is disabled is left out", () => expect(translated({ enabled: false })).toEqual([]));

  it("for another NIC's MAC or VNI is left out", () => {
    expect(translated({ targets: [{ ...NIC, vni: vniOf(101) }] })).toEqual([]);
    expect(translated({ targets: [{ ...NIC, mac: mac("a8:40:25:0:0:2") }] })).toEqual([]);
    expect(translated({ targets: [{ ...NIC, vni: vniOf(101) }, NIC] })).toHaveLength(1);
  });

  it("is spelled out protocol by protocol, each with every host", () => {
    const hosts: HostFilter[] = ["10.0.0.0/8", "fd00::1/128"].map((text) => ({ type: "ip", cidr: cidr(text) }));
    const rules = translated({ protocols: [{ type: "udp" }, tcp], hosts });
    expect(rules.map(({ protocol, hosts }) => [protocol.type, hosts.type])).toEqual([
      ["udp", "subnet"],
      ["udp", "ip"],
      ["tcp", "subnet"],
      ["tcp", "ip"],
    ]);
  });

  it("with ports and no protocol is for TCP and UDP, never for everything", () => {
    const rules = translated({ ports: [{ first: 22, last: 22 }] });
    expect(rules.map(({ protocol, ports }) => [protocol.type, ports])).toEqual([
      ["tcp", [22]],
      ["udp", [22]],
    ]);
  });

  it("for ICMP keeps its type and codes and has no ports", () => {
    const filter = { type: 3, codes: { start: 0, end: 4 } };
    expect(translated({ protocols: [{ type: "icmp", filter }], ports: [{ first: 22, last: 22 }] })).toEqual([
      expect.objectContaining({ protocol: { type: "icmp", filter }, ports: "any" }),
    ]);
  });

  it("for a range of ports names each port of it", () => {
    expect(translated({ protocols: [tcp], ports: [{ first: 8000, last: 8003 }] })[0]?.ports).toEqual([
      8000, 8001, 8002, 8003,
    ]);
  });

  it("for all ports says any port", () => {
    expect(translated({ protocols: [tcp], ports: [ALL] })[0]?.ports).toBe("any");
    expect(translated({ protocols: [tcp], ports: [{ first: 22, last: 22 }, ALL] })[0]?.ports).toBe("any");
  });

  it("for all ports in several ranges says any port, not a list of 65535", () => {
    const ports = [
      { first: 1, last: 1023 },
      { first: 1024, last: 65_535 },
    ];
    expect(translated({ protocols: [tcp], ports })[0]?.ports === "any").toBe(true);
  });
});
