/**
 * The rules of a port's gateway layer (oxide-vpc `gateway/`): what OPTE answers itself, and whose
 * packets pass. They follow from the port's configuration.
 */
import { type Cidr, cidrOf, compareCidr, isIpv6Cidr } from "../../net/cidr.ts";
import type { MulticastAddr } from "../../net/group.ts";
import { type Ip, type Ipv4, type Ipv6, ipBytes, ipFromBytes } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import { multicastMac } from "../../net/mac.ts";
import { driverMac, driverText } from "../driver-text.ts";
import type { Ipv4Cfg, Ipv6Cfg, VpcCfg } from "../types.ts";
import { icmpName } from "./icmp-names.ts";
import type { ModelPort } from "./model-port.ts";
import * as text from "./rules.ts";

const BROADCAST = "ff:ff:ff:ff:ff:ff" as Mac;
const MULTICAST4 = cidrOf("224.0.0.0" as Ipv4, 4);
const MULTICAST6 = cidrOf("ff00::" as Ipv6, 8);
const LINK_LOCAL = cidrOf("fe80::" as Ipv6, 64);
const ALL_ROUTERS = "ff02::2" as Ipv6 & MulticastAddr;

type Sides = text.BothWays<text.RuleText[]>;

/** RFC 4291, appendix A. */
function linkLocalOf(mac: Mac): Ipv6 {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((part) => Number.parseInt(part, 16));
  return ipFromBytes([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]) as Ipv6;
}

/** RFC 4291, section 2.7.1. */
function solicitedNode(ip: Ipv6): Ipv6 & MulticastAddr {
  const bytes = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...ipBytes(ip).slice(13)];
  return ipFromBytes(bytes) as Ipv6 & MulticastAddr;
}

function hairpin(priority: number, action: string, predicates: readonly string[]): text.RuleText {
  return { priority, predicates, action: `Hairpin: ${action}` };
}

interface Echo {
  readonly name: "ICMPv4" | "ICMPv6";
  readonly priority: number;
  readonly guest: Ip;
  readonly gateway: Ip;
}

function echoReply({ guestMac, gatewayMac }: VpcCfg, { name, priority, guest, gateway }: Echo): text.RuleText {
  const from = `${driverMac(gatewayMac)},${driverText(gateway)}`;
  const to = `${driverMac(guestMac)},${driverText(guest)}`;
  const protocol = name === "ICMPv4" ? "ICMP" : name;
  return hairpin(priority, `${name} Echo Reply (${from}) => (${to})`, [
    text.macIs("src", guestMac),
    text.macIs("dst", gatewayMac),
    text.addressIs("src", guest),
    text.addressIs("dst", gateway),
    text.protocolIs(protocol),
    text.icmpTypes("echo request", "echo request"),
  ]);
}

function dhcp({ guestMac }: VpcCfg, { privateIp }: Ipv4Cfg, reply: "OFFER" | "ACK", to: string): text.RuleText {
  return {
    ...hairpin(1, `DHCPv4 ${reply}: ${privateIp}`, [
      text.macIs("dst", BROADCAST),
      text.macIs("src", guestMac),
      text.addressIs("src", "0.0.0.0" as Ipv4),
      text.addressIs("dst", "255.255.255.255" as Ipv4),
      text.protocolIs("UDP"),
      text.portsAre("dst", [67, 67]),
      text.portsAre("src", [68, 68]),
    ]),
    dataPredicates: [`dhcp.msg_type=${to}`],
  };
}

function arp({ guestMac }: VpcCfg): text.RuleText {
  return {
    priority: 1,
    predicates: [text.etherTypeIs("ARP"), text.macIs("dst", BROADCAST), text.macIs("src", guestMac)],
    action: "Handle Packet",
  };
}

function ndp({ guestMac, gatewayMac }: VpcCfg): text.RuleText[] {
  const gateway = linkLocalOf(gatewayMac);
  const node = solicitedNode(gateway);
  const what = `IPv6=${driverText(gateway)} MAC=${driverMac(gatewayMac)}`;
  return [
    hairpin(3, `NDP RA ${what}`, [
      text.macIs("src", guestMac),
      text.macIs("dst", multicastMac(ALL_ROUTERS)),
      text.addressIn("src", LINK_LOCAL),
      text.addressIs("dst", ALL_ROUTERS),
      text.protocolIs("ICMPv6"),
      text.icmpTypes("router solicitation", "router solicitation"),
    ]),
    hairpin(4, `NDP NA ${what}`, [
      text.macIs("src", guestMac),
      text.macIs("dst", gatewayMac, multicastMac(node)),
      `${text.addressIn("src", LINK_LOCAL)},::`,
      text.addressAmong("dst", [gateway, node]),
      text.protocolIs("ICMPv6"),
      text.icmpTypes("neighbor solicitation", "neighbor solicitation"),
    ]),
  ];
}

/** Whatever of neighbour discovery nobody answered. */
const ndpFilter = (priority: number): text.RuleText => ({
  priority,
  predicates: [text.icmpTypes(icmpName("icmpv6", 133), icmpName("icmpv6", 137))],
  action: text.DENY,
});

function dhcpv6({ guestMac }: VpcCfg, { privateIp }: Ipv6Cfg): text.RuleText {
  return hairpin(1, `DHCPv6 IA Addrs: [${driverText(privateIp)}]`, [
    text.macIs("src", guestMac),
    text.addressIn("src", LINK_LOCAL),
    text.addressAmong("dst", ["ff02::1:2" as Ipv6, "ff05::1:3" as Ipv6]),
    text.protocolIs("UDP"),
    text.portsAre("src", [546, 546]),
    text.portsAre("dst", [547, 547]),
  ]);
}

/** The guest's own packets pass, and those of networks that are allowed beside its address. */
function passing({ create, attachedSubnets, transitIps }: ModelPort, own: Ip, multicast: Cidr): Sides {
  const { guestMac, gatewayMac } = create.cfg;
  const inward = { priority: 1000, action: `Static: ether.src=${driverMac(gatewayMac)}` };
  const outward = { priority: 1000, action: "Meta: vpc-meta" };
  const six = isIpv6Cidr(multicast);
  const allowed = (way: "allowIn" | "allowOut") => {
    const transit = transitIps.filter(([, ways]) => ways[way]);
    const networks = new Set([...attachedSubnets, ...transit].map(([network]) => network));
    return [...networks].filter((network) => isIpv6Cidr(network) === six).sort(compareCidr);
  };
  return {
    in: [
      { ...inward, predicates: [text.addressIs("dst", own), text.macIs("dst", guestMac)] },
      { ...inward, priority: 1001, predicates: [text.addressIn("dst", multicast), "inner.ether.dst=multicast"] },
      ...allowed("allowIn").map((network) => ({
        ...inward,
        predicates: [text.addressIn("dst", network), text.macIs("dst", guestMac)],
      })),
    ],
    out: [
      { ...outward, predicates: [text.addressIs("src", own), text.macIs("src", guestMac)] },
      ...allowed("allowOut").map((network) => ({
        ...outward,
        predicates: [text.macIs("src", guestMac), text.addressIn("src", network)],
      })),
    ],
  };
}

function ipv4Rules(port: ModelPort, v4: Ipv4Cfg): Sides {
  const { cfg } = port.create;
  const own = passing(port, v4.privateIp, MULTICAST4);
  return {
    in: own.in,
    out: [
      arp(cfg),
      dhcp(cfg, v4, "OFFER", "Discover"),
      dhcp(cfg, v4, "ACK", "Request"),
      echoReply(cfg, { name: "ICMPv4", priority: 1, guest: v4.privateIp, gateway: v4.gatewayIp }),
      ...own.out,
    ],
  };
}

function ipv6Rules(port: ModelPort, v6: Ipv6Cfg): Sides {
  const { cfg } = port.create;
  const own = passing(port, v6.privateIp, MULTICAST6);
  const gateway = linkLocalOf(cfg.gatewayMac);
  return {
    in: [ndpFilter(1), ...own.in],
    out: [
      echoReply(cfg, { name: "ICMPv6", priority: 1, guest: v6.privateIp, gateway }),
      echoReply(cfg, { name: "ICMPv6", priority: 2, guest: linkLocalOf(cfg.guestMac), gateway }),
      ...ndp(cfg),
      ndpFilter(5),
      dhcpv6(cfg, v6),
      ...own.out,
    ],
  };
}

/** In the order in which the driver makes them. */
export function gatewayRules(port: ModelPort): text.LayerRules {
  const { v4, v6 } = port.create.cfg.ipCfg;
  const four = v4 && ipv4Rules(port, v4);
  const six = v6 && ipv6Rules(port, v6);
  return {
    in: [...(four?.in ?? []), ...(six?.in ?? [])],
    out: [...(four?.out ?? []), ...(six?.out ?? [])],
  };
}
