/** Firewall rules and routes as opteadm spells them (oxide-vpc `api.rs`). Words may be in any case. */
import { InvalidArgumentError } from "commander";
import { type Cidr, isIpv4Cidr, isIpv6Cidr } from "../../net/cidr.ts";
import { type Ip, isIpv4, isIpv6 } from "../../net/ip.ts";
import type {
  FirewallHosts,
  FirewallPorts,
  FirewallProtocol,
  FirewallRule,
  IcmpFilter,
  RouterEntry,
  RouterTarget,
} from "../../opte/types.ts";
import { parseUuid } from "../../uuid.ts";
import { cidrArgument, directionArgument, ipArgument, numberOf, refuse, vniArgument } from "./arguments.ts";

/** What stands before the first separator, and what behind it; undefined: there is none. */
function cut(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

export function hostsArgument(text: string): FirewallHosts {
  const [kind, value] = cut(text.toLowerCase(), "=");
  if (kind === "any" && value === undefined) return { type: "any" };
  if (kind === "ip" && value !== undefined) return { type: "ip", ip: ipArgument(value) };
  if (kind === "subnet" && value !== undefined) return { type: "subnet", cidr: cidrArgument(value) };
  if (kind === "vni" && value !== undefined) return { type: "vni", vni: vniArgument(value) };
  return refuse(text, "any, ip=ADDRESS, subnet=CIDR or vni=NUMBER");
}

const byte = numberOf(8);

/** `TYPE`, `TYPE,CODE` or `TYPE,FIRST-LAST`. */
function icmpFilter(text: string): IcmpFilter {
  const [type, codes] = cut(text, ",");
  if (codes === undefined) return { type: byte(type), codes: undefined };
  const [first, last = first] = cut(codes, "-");
  const range = { start: byte(first), end: byte(last) };
  // The driver takes it, and the rule would match nothing.
  if (range.start > range.end) return refuse(codes, "a code, or a range with the lower code first");
  return { type: byte(type), codes: range };
}

export function protocolArgument(text: string): FirewallProtocol {
  const [name, filter] = cut(text, ":");
  const kind = name.toLowerCase();
  if (kind === "icmp" || kind === "icmp6") {
    const type = kind === "icmp" ? kind : "icmpv6";
    return { type, filter: filter === undefined ? undefined : icmpFilter(filter) };
  }
  if (filter !== undefined) return refuse(text, "a protocol: only icmp and icmp6 take a filter");
  if (kind === "any" || kind === "arp" || kind === "tcp" || kind === "udp") return { type: kind };
  return refuse(text, "one of any, arp, tcp, udp, icmp, icmp6");
}

const u16 = numberOf(16);

export function portsArgument(text: string): FirewallPorts {
  if (/^any,?$/i.test(text)) return "any";
  const ports = text.split(",").map(u16);
  return ports.includes(0) ? refuse(text, "a list of ports: 0 is none") : ports;
}

export function actionArgument(text: string): FirewallRule["action"] {
  const lower = text.toLowerCase();
  return lower === "allow" || lower === "deny" ? lower : refuse(text, "allow or deny");
}

export const priorityArgument = u16;

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined)
    throw new InvalidArgumentError(`${key}=… is missing; a rule needs dir, action and priority.`);
  return value;
}

/** One rule in one line: `dir=in action=allow priority=10 protocol=tcp port=22 hosts=any`. */
export function ruleLine(line: string): FirewallRule {
  const rule: { -readonly [K in keyof FirewallRule]?: FirewallRule[K] } = {};
  for (const token of line.toLowerCase().split(" ")) {
    const [key, value] = cut(token, "=");
    if (value === undefined) return refuse(token, "KEY=VALUE");
    switch (key) {
      case "dir":
        rule.direction = directionArgument(value);
        break;
      case "action":
        rule.action = actionArgument(value);
        break;
      case "priority":
        rule.priority = priorityArgument(value);
        break;
      case "hosts":
        rule.hosts = hostsArgument(value);
        break;
      case "protocol":
        rule.protocol = protocolArgument(value);
        break;
      case "port":
        rule.ports = portsArgument(value);
        break;
      default:
        return refuse(key, "a key of a rule: dir, action, priority, hosts, protocol, port");
    }
  }
  return {
    action: required(rule.action, "action"),
    direction: required(rule.direction, "dir"),
    priority: required(rule.priority, "priority"),
    hosts: rule.hosts ?? { type: "any" },
    protocol: rule.protocol ?? { type: "any" },
    ports: rule.ports ?? "any",
  };
}

const TARGETS = "drop, ig, ig=UUID, ip4=ADDRESS, ip6=ADDRESS, sub4=CIDR or sub6=CIDR";

function ipTarget(text: string, isOne: (ip: Ip) => boolean): RouterTarget {
  const ip = ipArgument(text);
  return isOne(ip) ? { type: "ip", ip } : refuse(text, "of the family that its kind says");
}

function subnetTarget(text: string, isOne: (cidr: Cidr) => boolean): RouterTarget {
  const cidr = cidrArgument(text);
  return isOne(cidr) ? { type: "vpc-subnet", cidr } : refuse(text, "of the family that its kind says");
}

const VALUED: Readonly<Record<string, (value: string) => RouterTarget>> = {
  ig: (value) => ({ type: "internet-gateway", id: parseUuid(value) ?? refuse(value, "a UUID") }),
  ip4: (value) => ipTarget(value, isIpv4),
  ip6: (value) => ipTarget(value, isIpv6),
  sub4: (value) => subnetTarget(value, isIpv4Cidr),
  sub6: (value) => subnetTarget(value, isIpv6Cidr),
};

export function targetArgument(text: string): RouterTarget {
  const [kind, value] = cut(text.toLowerCase(), "=");
  if (value !== undefined && Object.hasOwn(VALUED, kind)) return VALUED[kind]?.(value) ?? refuse(text, TARGETS);
  if (value === undefined && kind === "drop") return { type: "drop" };
  if (value === undefined && kind === "ig") return { type: "internet-gateway", id: undefined };
  return refuse(text, TARGETS);
}

export function classArgument(text: string): RouterEntry["class"] {
  const lower = text.toLowerCase();
  return lower === "system" || lower === "custom" ? lower : refuse(text, "system or custom");
}
