/**
 * Ports: what is said to make one and what a list of them tells (oxide-vpc `api.rs`). 39 added
 * attached subnets and transit addresses and moved the DHCP settings into `cfg`, where they follow
 * the same field as before; 41 put an MTU in the place of `passthrough`.
 */
import type { Codec } from "../../postcard/codec.ts";
import { map, seq } from "../../postcard/collections.ts";
import { enumeration, option, struct } from "../../postcard/composites.ts";
import { bool, string, u32 } from "../../postcard/scalars.ts";
import { DhcpCfg, Ipv4Addr, Ipv4CidrCodec, Ipv6Addr, Ipv6CidrCodec, MacAddr, VniCodec } from "./basic.ts";
import { externalIpCfg } from "./network.ts";

export const PortInfo = struct({
  name: string,
  mac_addr: MacAddr,
  ip4_addr: option(Ipv4Addr),
  ephemeral_ip4_addr: option(Ipv4Addr),
  floating_ip4_addrs: option(seq(Ipv4Addr)),
  ip6_addr: option(Ipv6Addr),
  ephemeral_ip6_addr: option(Ipv6Addr),
  floating_ip6_addrs: option(seq(Ipv6Addr)),
  state: string,
});

const PortNameReq = struct({ port_name: string });

/** The same in every version. */
export const shared = {
  PortInfo,
  ListPortsResp: struct({ ports: seq(PortInfo) }),
  DeleteXdeReq: struct({ xde_devname: string }),
  SetXdeUnderlayReq: struct({ u1: string, u2: string }),
  ListLayersReq: PortNameReq,
  ClearUftReq: PortNameReq,
  DumpUftReq: PortNameReq,
  DumpTcpFlowsReq: PortNameReq,
  ClearLftReq: struct({ port_name: string, layer_name: string }),
  DumpLayerReq: struct({ port_name: string, name: string }),
};

function plainIpCfg<A, N>(address: Codec<A>, cidr: Codec<N>) {
  return { vpc_subnet: cidr, private_ip: address, gateway_ip: address, external_ips: externalIpCfg(address) };
}

function subnetIpCfg<A, N>(address: Codec<A>, cidr: Codec<N>) {
  return struct({
    ...plainIpCfg(address, cidr),
    attached_subnets: map(cidr, struct({ is_external: bool })),
    transit_ips: map(cidr, struct({ allow_in: bool, allow_out: bool })),
  });
}

function ipCfg<V4, V6>(ipv4: Codec<V4>, ipv6: Codec<V6>) {
  return enumeration({ Ipv4: ipv4, Ipv6: ipv6, DualStack: struct({ ipv4, ipv6 }) });
}

const identity = { guest_mac: MacAddr, gateway_mac: MacAddr, vni: VniCodec, phys_ip: Ipv6Addr };

const Ipv4Cfg38 = struct(plainIpCfg(Ipv4Addr, Ipv4CidrCodec));
const Ipv6Cfg38 = struct(plainIpCfg(Ipv6Addr, Ipv6CidrCodec));
const IpCfg38 = ipCfg(Ipv4Cfg38, Ipv6Cfg38);
const VpcCfg38 = struct({ ip_cfg: IpCfg38, ...identity });

const Ipv4Cfg = subnetIpCfg(Ipv4Addr, Ipv4CidrCodec);
const Ipv6Cfg = subnetIpCfg(Ipv6Addr, Ipv6CidrCodec);
const IpCfg = ipCfg(Ipv4Cfg, Ipv6Cfg);
export const VpcCfg = struct({ ip_cfg: IpCfg, ...identity, dhcp: DhcpCfg });

export const before39 = { Ipv4Cfg: Ipv4Cfg38, Ipv6Cfg: Ipv6Cfg38, IpCfg: IpCfg38, VpcCfg: VpcCfg38 };
export const since39 = { Ipv4Cfg, Ipv6Cfg, IpCfg, VpcCfg };

export const CreateXdeReq38 = struct({
  linkid: u32,
  xde_devname: string,
  cfg: VpcCfg38,
  dhcp: DhcpCfg,
  passthrough: bool,
});
export const CreateXdeReq39 = struct({ linkid: u32, xde_devname: string, cfg: VpcCfg, passthrough: bool });
export const CreateXdeReq41 = struct({ linkid: u32, xde_devname: string, cfg: VpcCfg, mtu: option(u32) });
