/** What the driver model has of a port, in the words of the translation. */
import type { PortSnapshot } from "../../src/opte/model/model-port.ts";
import type {
  FirewallHosts,
  FirewallPorts,
  FirewallProtocol,
  FirewallRule,
  RouterTarget,
} from "../../src/opte/types.ts";
import { cidrKey, ipKey, macKey } from "./address.ts";
import { type ExpectedFamily, type ExpectedPort, type ExpectedRule, gatewayText } from "./translation.ts";

/** What a family's configuration is at its creation, and what it has become. */
type FamilyCfg = NonNullable<
  PortSnapshot["create"]["cfg"]["ipCfg"]["v4"] | PortSnapshot["create"]["cfg"]["ipCfg"]["v6"]
>;
type External = FamilyCfg["externalIps"];

export function seenPort(port: PortSnapshot): ExpectedPort {
  const { create, externalIps, firewall, routes } = port;
  const { cfg, mtu } = create;
  const { v4, v6 } = cfg.ipCfg;
  return {
    mac: macKey(cfg.guestMac),
    gatewayMac: cfg.gatewayMac,
    vni: cfg.vni,
    physIp: ipKey(cfg.physIp),
    mtu,
    v4: v4 && familyOf(port, v4, externalIps.v4, "v4"),
    v6: v6 && familyOf(port, v6, externalIps.v6, "v6"),
    gateways: externalIps.internetGateways?.map(gatewayText).sort(),
    dhcp: {
      hostname: cfg.dhcp.hostname,
      domain: cfg.dhcp.hostDomain,
      search: cfg.dhcp.domainSearchList,
      dns4: cfg.dhcp.dns4Servers.map(ipKey),
      dns6: cfg.dhcp.dns6Servers.map(ipKey),
    },
    firewall: firewall.map(ruleOf),
    routes: routes.map((entry) => `${entry.class} ${cidrKey(entry.dest)} ${targetText(entry.target)}`).sort(),
  };
}

function familyOf(
  port: PortSnapshot,
  cfg: FamilyCfg,
  external: External | undefined,
  family: "v4" | "v6",
): ExpectedFamily {
  const ofFamily = (text: string) => text.startsWith(family);
  return {
    ip: ipKey(cfg.privateIp),
    subnet: cidrKey(cfg.vpcSubnet),
    gateway: ipKey(cfg.gatewayIp),
    transit: port.transitIps
      .map(([cidr, { allowIn, allowOut }]) => `${cidrKey(cidr)}${allowIn ? " in" : ""}${allowOut ? " out" : ""}`)
      .filter(ofFamily)
      .sort(),
    attached: port.attachedSubnets
      .map(([cidr, { isExternal }]) => `${cidrKey(cidr)} ${isExternal ? "external" : "internal"}`)
      .filter(ofFamily)
      .sort(),
    external: externalText(external),
  };
}

function externalText(external: External | undefined): string {
  const { snat, ephemeralIp, floatingIps = [] } = external ?? {};
  const nat = snat === undefined ? "none" : `${ipKey(snat.externalIp)} ${snat.firstPort}-${snat.lastPort}`;
  const ephemeral = ephemeralIp === undefined ? "none" : ipKey(ephemeralIp);
  return `snat ${nat}; ephemeral ${ephemeral}; floating ${floatingIps.map(ipKey).sort().join()}`;
}

function ruleOf({ direction, action, priority, protocol, hosts, ports }: FirewallRule): ExpectedRule {
  const host = hostText(hosts);
  return { direction, action, priority, protocol: protocolText(protocol), host, ports: portsText(ports) };
}

function protocolText(protocol: FirewallProtocol): string {
  if (protocol.type !== "icmp" && protocol.type !== "icmpv6") return protocol.type;
  if (protocol.filter === undefined) return protocol.type;
  const { type, codes } = protocol.filter;
  return `${protocol.type} type ${type} code ${codes === undefined ? "any" : `${codes.start}-${codes.end}`}`;
}

function hostText(hosts: FirewallHosts): string {
  switch (hosts.type) {
    case "any":
      return "any";
    case "vni":
      return `vni ${hosts.vni}`;
    case "ip":
      return `ip ${ipKey(hosts.ip)}`;
    case "subnet":
      return `subnet ${cidrKey(hosts.cidr)}`;
  }
}

/** Single ports as the ranges they make: a port twice, or a list of none, would show. */
function portsText(ports: FirewallPorts): string {
  if (ports === "any") return ports;
  const ranges: [number, number][] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const before = ranges.at(-1);
    if (before !== undefined && port === before[1] + 1) before[1] = port;
    else ranges.push([port, port]);
  }
  return ranges.length === 0 ? "none" : ranges.map(([first, last]) => `${first}-${last}`).join();
}

export function targetText(target: RouterTarget): string {
  switch (target.type) {
    case "drop":
      return "drop";
    case "ip":
      return `ip ${ipKey(target.ip)}`;
    case "vpc-subnet":
      return `vpc-subnet ${cidrKey(target.cidr)}`;
    case "internet-gateway":
      return target.id === undefined ? "internet-gateway" : `internet-gateway ${target.id}`;
  }
}
