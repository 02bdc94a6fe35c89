/** Firewall rules of a body that passed its schema. */
import { badRequest } from "../../error.ts";
import { type Cidr, parseCidr } from "../../net/cidr.ts";
import type { Vni } from "../../net/vni.ts";
import type { IcmpFilter } from "../../opte/types.ts";
import type { HostFilter, PortRange, ProtocolFilter, VpcFirewallRule } from "../../ports/spec.ts";
import type { FirewallRuleBody } from "../schemas/firewall.ts";
import { parseNic } from "./nic.ts";

type ProtocolBody = NonNullable<FirewallRuleBody["filter_protocols"]>[number];
type HostBody = NonNullable<FirewallRuleBody["filter_hosts"]>[number];

/** `N` or `N-M`, both inclusive; the schema's pattern proved the shape. */
function parseRange(text: string, min: number, max: number, field: string): { first: number; last: number } {
  const [first = 0, last = first] = text.split("-").map(Number);
  if (first < min || last > max) throw badRequest(`${field}: ${text} is not within ${min} to ${max}`);
  if (first > last) throw badRequest(`${field}: ${text} ends before it begins`);
  return { first, last };
}

function parseHost(host: HostBody): HostFilter {
  return host.type === "ip"
    ? { type: "ip", cidr: parseCidr(host.value) as Cidr }
    : { type: "vpc", vni: host.value as Vni };
}

function parseProtocol(protocol: ProtocolBody, field: string): ProtocolFilter {
  if (protocol.type === "tcp" || protocol.type === "udp") return { type: protocol.type };
  const type = protocol.type === "icmp" ? "icmp" : "icmpv6";
  const body = protocol.value;
  if (body === null) return { type, filter: undefined };
  const code = body.code ? parseRange(body.code, 0, 255, `${field}.value.code`) : undefined;
  const filter: IcmpFilter = { type: body.icmp_type, codes: code && { start: code.first, end: code.last } };
  return { type, filter };
}

/**
 * Each rule becomes the product of its protocols and hosts for the driver, and each range all of
 * its ports. A body of a megabyte can ask for more than any memory holds, or any driver takes.
 */
const MAX_DRIVER_RULES = 65_536;
const MAX_PORTS = 1 << 22;

export function parseFirewallRules(bodies: readonly FirewallRuleBody[], field: string): VpcFirewallRule[] {
  let driverRules = 0;
  let ports = 0;
  return bodies.map((body, i) => {
    const at = `${field}[${i}]`;
    const rule = parseFirewallRule(body, at);
    driverRules += Math.max(1, rule.hosts.length) * Math.max(1, rule.protocols.length);
    ports += rule.ports.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    if (driverRules > MAX_DRIVER_RULES) {
      throw badRequest(`${at}: the rules come to more than ${MAX_DRIVER_RULES} combinations of host and protocol`);
    }
    if (ports > MAX_PORTS)
      throw badRequest(`${at}.filter_ports: the rules come to more than ${MAX_PORTS} single ports`);
    return rule;
  });
}

/** A NIC, and as such refused whole (the original parses it as one); the port is known by two of its fields. */
function parseTarget(target: FirewallRuleBody["targets"][number], field: string): VpcFirewallRule["targets"][number] {
  const { vni, mac } = parseNic(target, field);
  return { vni, mac };
}

function parseFirewallRule(rule: FirewallRuleBody, field: string): VpcFirewallRule {
  const portField = (i: number) => `${field}.filter_ports[${i}]`;
  const protocolField = (i: number) => `${field}.filter_protocols[${i}]`;
  return {
    enabled: rule.status === "enabled",
    direction: rule.direction === "inbound" ? "in" : "out",
    targets: rule.targets.map((target, i) => parseTarget(target, `${field}.targets[${i}]`)),
    hosts: (rule.filter_hosts ?? []).map(parseHost),
    ports: (rule.filter_ports ?? []).map((text, i): PortRange => parseRange(text, 1, 65_535, portField(i))),
    protocols: (rule.filter_protocols ?? []).map((protocol, i) => parseProtocol(protocol, protocolField(i))),
    action: rule.action,
    priority: rule.priority,
  };
}
