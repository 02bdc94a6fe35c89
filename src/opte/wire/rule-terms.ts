/** Firewall rules and routes between the wire's shapes and this program's terms. */
import type { ValueOf } from "../../postcard/codec.ts";
import type { Direction, FirewallHosts, FirewallProtocol, FirewallRule, RouterTarget } from "../types.ts";
import type * as basic from "./basic.ts";
import type { network } from "./network.ts";
import { fromCidr, fromIp, orNull, orUndefined, toCidr, toIp } from "./terms.ts";

type WireDirection = ValueOf<typeof basic.Direction>;
export const toDirection = (wire: WireDirection): Direction => (wire === "In" ? "in" : "out");
export const fromDirection = (way: Direction): WireDirection => (way === "in" ? "In" : "Out");

type WireRule = ValueOf<typeof network.FirewallRule>;
type WireHosts = WireRule["filters"]["hosts"];
type WireProtocol = WireRule["filters"]["protocol"];

function toHosts(wire: WireHosts): FirewallHosts {
  if (wire === "Any") return { type: "any" };
  if ("Subnet" in wire) return { type: "subnet", cidr: toCidr(wire.Subnet) };
  return "Ip" in wire ? { type: "ip", ip: toIp(wire.Ip) } : { type: "vni", vni: wire.Vni };
}

function fromHosts(hosts: FirewallHosts): WireHosts {
  switch (hosts.type) {
    case "any":
      return "Any";
    case "subnet":
      return { Subnet: fromCidr(hosts.cidr) };
    case "ip":
      return { Ip: fromIp(hosts.ip) };
    case "vni":
      return { Vni: hosts.vni };
  }
}

const PROTOCOLS = [
  ["icmp", "ICMP"],
  ["igmp", "IGMP"],
  ["tcp", "TCP"],
  ["udp", "UDP"],
  ["icmpv6", "ICMPv6"],
] as const;

function toOther(wire: ValueOf<typeof network.Protocol>): FirewallProtocol {
  if (typeof wire !== "string") return { type: "other", protocol: "unknown", number: wire.Unknown };
  const [protocol] = PROTOCOLS.find(([, name]) => name === wire) ?? ["icmp"];
  return { type: "other", protocol };
}

function fromOther(other: Extract<FirewallProtocol, { type: "other" }>): WireProtocol {
  if (other.protocol === "unknown") return { Other: { Unknown: other.number } };
  const [, name] = PROTOCOLS.find(([protocol]) => protocol === other.protocol) ?? ["icmp", "ICMP"];
  return { Other: name };
}

type WireIcmp = ValueOf<typeof network.IcmpFilter>;
type Icmp = Extract<FirewallProtocol, { type: "icmp" | "icmpv6" }>["filter"];

const toIcmp = (wire: WireIcmp | null): Icmp =>
  wire === null ? undefined : { type: wire.ty, codes: orUndefined(wire.codes) };
const fromIcmp = (filter: Icmp): WireIcmp | null =>
  filter === undefined ? null : { ty: filter.type, codes: orNull(filter.codes) };

const SIMPLE = { Any: "any", Arp: "arp", Tcp: "tcp", Udp: "udp" } as const;
const SIMPLE_WIRE = { any: "Any", arp: "Arp", tcp: "Tcp", udp: "Udp" } as const;

function toProtocol(wire: WireProtocol): FirewallProtocol {
  if (typeof wire === "string") return { type: SIMPLE[wire] };
  if ("Icmp" in wire) return { type: "icmp", filter: toIcmp(wire.Icmp) };
  if ("Icmpv6" in wire) return { type: "icmpv6", filter: toIcmp(wire.Icmpv6) };
  return toOther(wire.Other);
}

function fromProtocol(protocol: FirewallProtocol): WireProtocol {
  switch (protocol.type) {
    case "icmp":
      return { Icmp: fromIcmp(protocol.filter) };
    case "icmpv6":
      return { Icmpv6: fromIcmp(protocol.filter) };
    case "other":
      return fromOther(protocol);
    default:
      return SIMPLE_WIRE[protocol.type];
  }
}

export function toRule({ direction, filters, action, priority }: WireRule): FirewallRule {
  return {
    direction: toDirection(direction),
    hosts: toHosts(filters.hosts),
    protocol: toProtocol(filters.protocol),
    ports: filters.ports === "Any" ? "any" : filters.ports.PortList,
    action: action === "Allow" ? "allow" : "deny",
    priority,
  };
}

export function fromRule(rule: FirewallRule): WireRule {
  return {
    direction: fromDirection(rule.direction),
    filters: {
      hosts: fromHosts(rule.hosts),
      protocol: fromProtocol(rule.protocol),
      ports: rule.ports === "any" ? "Any" : { PortList: rule.ports },
    },
    action: rule.action === "allow" ? "Allow" : "Deny",
    priority: rule.priority,
  };
}

type WireTarget = ValueOf<typeof network.RouterTarget>;

export function toTarget(wire: WireTarget): RouterTarget {
  if (wire === "Drop") return { type: "drop" };
  if ("InternetGateway" in wire) return { type: "internet-gateway", id: orUndefined(wire.InternetGateway) };
  return "Ip" in wire ? { type: "ip", ip: toIp(wire.Ip) } : { type: "vpc-subnet", cidr: toCidr(wire.VpcSubnet) };
}

export function fromTarget(target: RouterTarget): WireTarget {
  switch (target.type) {
    case "drop":
      return "Drop";
    case "internet-gateway":
      return { InternetGateway: orNull(target.id) };
    case "ip":
      return { Ip: fromIp(target.ip) };
    case "vpc-subnet":
      return { VpcSubnet: fromCidr(target.cidr) };
  }
}
