/** Ports that a model has from its start: of nobody's making, there to be adopted. */
import { cidrOf, type Ipv4Cidr, type Ipv6Cidr } from "../../net/cidr.ts";
import { type Ip, type Ipv4, ipFromBytes, isIpv6 } from "../../net/ip.ts";
import { type Mac, macFromBytes } from "../../net/mac.ts";
import { type Vni, vni } from "../../net/vni.ts";
import { GATEWAY_MAC } from "../constants.ts";
import type { CreateXde, IpCfg } from "../types.ts";

export interface InitialPort {
  readonly name: string;
  readonly vni?: Vni;
  readonly mac?: Mac;
  readonly ip?: Ip;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) as number), 0x01000193) >>> 0;
  return value;
}

function ipCfg(ip: Ip): IpCfg {
  const rest = {
    externalIps: { snat: undefined, ephemeralIp: undefined, floatingIps: [] },
    attachedSubnets: [],
    transitIps: [],
  };
  return isIpv6(ip)
    ? { v6: { ...rest, privateIp: ip, gatewayIp: ip, vpcSubnet: cidrOf(ip, 64) as Ipv6Cidr } }
    : { v4: { ...rest, privateIp: ip, gatewayIp: ip, vpcSubnet: cidrOf(ip, 24) as Ipv4Cidr } };
}

/** What is left out follows from the name, so that the same command line makes the same port. */
export function initialPort(port: InitialPort): CreateXde {
  const seed = hash(port.name);
  const [a, b, c] = [(seed >>> 16) & 255, (seed >>> 8) & 255, seed & 255];
  return {
    linkId: seed,
    name: port.name,
    mtu: undefined,
    cfg: {
      ipCfg: ipCfg(port.ip ?? (ipFromBytes([10, a, b, Math.min(254, Math.max(2, c))]) as Ipv4)),
      guestMac: port.mac ?? macFromBytes([0xa8, 0x40, 0x25, a, b, c]),
      gatewayMac: GATEWAY_MAC,
      vni: port.vni ?? (vni(100) as Vni),
      physIp: "fd00::1" as CreateXde["cfg"]["physIp"],
      dhcp: {
        hostname: undefined,
        hostDomain: undefined,
        domainSearchList: [],
        dns4Servers: [],
        dns6Servers: [],
      },
    },
  };
}
