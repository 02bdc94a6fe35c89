/** The firewall layer of a port (oxide-vpc `firewall.rs`): what becomes of its rules, and how they are told. */
import type { FirewallHosts, FirewallPorts, FirewallProtocol, FirewallRule, Request } from "../types.ts";
import { icmpName } from "./icmp-names.ts";
import type { ModelPort } from "./model-port.ts";
import { portOf } from "./ports.ts";
import { Refusal } from "./refuse.ts";
import * as text from "./rules.ts";
import type { Tables } from "./tables.ts";

function add(port: ModelPort, rule: FirewallRule): void {
  port.firewall.push({ id: port.layers.next[rule.direction]++, rule });
}

export function addFwRule(tables: Tables, { port, rule }: Request<"AddFwRule">): undefined {
  add(portOf(tables, port), rule);
}

export function remFwRule(tables: Tables, { port, direction, id }: Request<"RemFwRule">): undefined {
  const { firewall } = portOf(tables, port);
  // A text where it comes from a state file.
  const wanted = BigInt(id);
  const at = firewall.findIndex((one) => one.rule.direction === direction && BigInt(one.id) === wanted);
  if (at < 0) throw new Refusal({ variant: "RuleNotFound", id });
  firewall.splice(at, 1);
}

/** A number of 64 bits has no form in a state file. */
export function plainRemoval(req: unknown): unknown {
  const { id, ...rest } = req as Request<"RemFwRule">;
  return { ...rest, id: String(id) };
}

/** Those that go take their ids with them: the new ones count on. */
export function setFwRules(tables: Tables, { port: name, rules }: Request<"SetFwRules">): undefined {
  const port = portOf(tables, name);
  port.firewall = [];
  for (const rule of rules) add(port, rule);
}

const NAMES = { icmp: "ICMP", igmp: "IGMP", tcp: "TCP", udp: "UDP", icmpv6: "ICMPv6", unknown: "Unknown" } as const;

/** A message type is asked for in place of the protocol, not beside it. */
function protocolText(protocol: FirewallProtocol): string[] {
  switch (protocol.type) {
    case "any":
      return [];
    case "arp":
      return [text.etherTypeIs("ARP")];
    case "tcp":
    case "udp":
      return [text.protocolIs(NAMES[protocol.type])];
    case "other":
      return [text.protocolIs(NAMES[protocol.protocol])];
    default: {
      const { type, filter } = protocol;
      if (filter === undefined) return [text.protocolIs(NAMES[type])];
      const name = icmpName(type, filter.type);
      const codes = filter.codes === undefined ? [] : [text.icmpCodes(filter.codes.start, filter.codes.end)];
      return [text.icmpTypes(name, name), ...codes];
    }
  }
}

/** Neighbouring ports become ranges. */
function portText(ports: FirewallPorts): string[] {
  if (ports === "any") return [];
  const ranges: [number, number][] = [];
  for (const port of [...new Set(ports)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === port) last[1] = port;
    else ranges.push([port, port]);
  }
  return [text.portsAre("dst", ...ranges)];
}

/** The other end of the connection: the source of what comes in, the destination of what goes out. */
function hostText(hosts: FirewallHosts, end: "src" | "dst"): string[] {
  switch (hosts.type) {
    case "any":
      return [];
    case "ip":
      return [text.addressIs(end, hosts.ip)];
    case "subnet":
      return [text.addressIn(end, hosts.cidr)];
    case "vni":
      return [text.metaIs("vni", hosts.vni)];
  }
}

function ruleText({ direction, hosts, protocol, ports, action, priority }: FirewallRule): text.RuleText {
  return {
    priority,
    predicates: [...protocolText(protocol), ...portText(ports), ...hostText(hosts, direction === "in" ? "src" : "dst")],
    action: action === "allow" ? "Stateful Allow" : text.DENY,
  };
}

export function firewallRules({ firewall }: ModelPort): text.BothWays<text.Numbered<text.RuleText>[]> {
  const side = (direction: "in" | "out") =>
    firewall.filter(({ rule }) => rule.direction === direction).map(({ id, rule }) => ({ id, rule: ruleText(rule) }));
  return { in: side("in"), out: side("out") };
}
