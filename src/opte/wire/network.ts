/** Firewall, routes, external addresses, virtual-to-physical tables (oxide-vpc `api.rs`). The same in API 38 to 41. */
import type { Codec } from "../../postcard/codec.ts";
import { map, seq, set } from "../../postcard/collections.ts";
import { enumeration, option, pair, rangeInclusive, struct, unit } from "../../postcard/composites.ts";
import { bool, string, u8, u16, u64 } from "../../postcard/scalars.ts";
import {
  Direction,
  IpAddr,
  IpCidr,
  Ipv4Addr,
  Ipv4CidrCodec,
  Ipv6Addr,
  Ipv6CidrCodec,
  MacAddr,
  UuidCodec,
  VniCodec,
} from "./basic.ts";

/** Not the IP protocol number: an ordinal, and the number only of one that OPTE has no name for. */
export const Protocol = enumeration({ ICMP: unit, IGMP: unit, TCP: unit, UDP: unit, ICMPv6: unit, Unknown: u8 });
const IcmpFilter = struct({ ty: u8, codes: option(rangeInclusive(u8)) });
const Address = enumeration({ Any: unit, Subnet: IpCidr, Ip: IpAddr, Vni: VniCodec });
const ProtoFilter = enumeration({
  Any: unit,
  Arp: unit,
  Tcp: unit,
  Udp: unit,
  Icmp: option(IcmpFilter),
  Icmpv6: option(IcmpFilter),
  Other: Protocol,
});
const Ports = enumeration({ Any: unit, PortList: seq(u16) });
const FirewallAction = enumeration({ Allow: unit, Deny: unit });
export const FirewallRule = struct({
  direction: Direction,
  filters: struct({ hosts: Address, protocol: ProtoFilter, ports: Ports }),
  action: FirewallAction,
  priority: u16,
});

const RouterTarget = enumeration({
  Drop: unit,
  InternetGateway: option(UuidCodec),
  Ip: IpAddr,
  VpcSubnet: IpCidr,
});
const RouterClass = enumeration({ System: unit, Custom: unit });
const RouterEntryReq = struct({ port_name: string, dest: IpCidr, target: RouterTarget, class: RouterClass });

export function externalIpCfg<T>(address: Codec<T>) {
  const snat = struct({ external_ip: address, ports: rangeInclusive(u16) });
  return struct({ snat: option(snat), ephemeral_ip: option(address), floating_ips: seq(address) });
}

const PhysNet = struct({ ether: MacAddr, ip: Ipv6Addr, vni: VniCodec });
const GuestPhysAddr = struct({ ether: MacAddr, ip: Ipv6Addr });
const TunnelEndpoint = struct({ ip: Ipv6Addr, vni: VniCodec });
const Virt2PhysReq = struct({ vip: IpAddr, phys: PhysNet });
const Virt2BoundaryReq = struct({ vip: IpCidr, tep: seq(TunnelEndpoint) });
const CidrDirReq = struct({ port_name: string, cidr: IpCidr, dir: Direction });
const RemoveCidrResp = enumeration({ Ok: IpCidr, NotFound: unit });

export const network = {
  Direction,
  Protocol,
  IcmpFilter,
  Address,
  ProtoFilter,
  Ports,
  FirewallAction,
  FirewallRule,
  SetFwRulesReq: struct({ port_name: string, rules: seq(FirewallRule) }),
  AddFwRuleReq: struct({ port_name: string, rule: FirewallRule }),
  RemFwRuleReq: struct({ port_name: string, dir: Direction, id: u64 }),
  RouterTarget,
  RouterClass,
  AddRouterEntryReq: RouterEntryReq,
  DelRouterEntryReq: RouterEntryReq,
  DelRouterEntryResp: enumeration({ Ok: unit, NotFound: unit }),
  SetExternalIpsReq: struct({
    port_name: string,
    external_ips_v4: option(externalIpCfg(Ipv4Addr)),
    external_ips_v6: option(externalIpCfg(Ipv6Addr)),
    inet_gw_map: option(map(IpAddr, set(UuidCodec))),
  }),
  AllowCidrReq: CidrDirReq,
  RemoveCidrReq: CidrDirReq,
  RemoveCidrResp,
  /** Since API 39. */
  AttachSubnetReq: struct({ port_name: string, cidr: IpCidr, cfg: struct({ is_external: bool }) }),
  DetachSubnetReq: struct({ port_name: string, cidr: IpCidr }),
  DetachSubnetResp: RemoveCidrResp,
  PhysNet,
  GuestPhysAddr,
  TunnelEndpoint,
  SetVirt2PhysReq: Virt2PhysReq,
  ClearVirt2PhysReq: Virt2PhysReq,
  DumpVirt2PhysResp: struct({
    mappings: seq(
      struct({
        vni: VniCodec,
        ip4: seq(pair(Ipv4Addr, GuestPhysAddr)),
        ip6: seq(pair(Ipv6Addr, GuestPhysAddr)),
      }),
    ),
  }),
  SetVirt2BoundaryReq: Virt2BoundaryReq,
  ClearVirt2BoundaryReq: Virt2BoundaryReq,
  DumpVirt2BoundaryResp: struct({
    mappings: struct({
      ip4: seq(pair(Ipv4CidrCodec, set(TunnelEndpoint))),
      ip6: seq(pair(Ipv6CidrCodec, set(TunnelEndpoint))),
    }),
  }),
};
