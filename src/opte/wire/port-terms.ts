/** Ports between the wire's shapes and this program's terms: their configuration and their listing. */
import type { Cidr, Ipv4Cidr, Ipv6Cidr } from "../../net/cidr.ts";
import type { Ip, Ipv4, Ipv6 } from "../../net/ip.ts";
import { type Codec, mapped, type ValueOf } from "../../postcard/codec.ts";
import { EncodeError } from "../../postcard/error.ts";
import type { CreateXde, DhcpCfg, ExternalIpCfg, IpCfg, IpFamilyCfg, PortInfo, PortState, VpcCfg } from "../types.ts";
import type * as basic from "./basic.ts";
import { domainLabels } from "./basic.ts";
import * as ports from "./ports.ts";
import { orNull, orUndefined } from "./terms.ts";

interface WireExternalIps<A> {
  readonly snat: { readonly external_ip: A; readonly ports: { readonly start: number; readonly end: number } } | null;
  readonly ephemeral_ip: A | null;
  readonly floating_ips: readonly A[];
}

export function toExternalIps<A extends Ip>({
  snat,
  ephemeral_ip,
  floating_ips,
}: WireExternalIps<A>): ExternalIpCfg<A> {
  return {
    snat:
      snat === null
        ? undefined
        : { externalIp: snat.external_ip, firstPort: snat.ports.start, lastPort: snat.ports.end },
    ephemeralIp: orUndefined(ephemeral_ip),
    floatingIps: floating_ips,
  };
}

export function fromExternalIps<A extends Ip>({
  snat,
  ephemeralIp,
  floatingIps,
}: ExternalIpCfg<A>): WireExternalIps<A> {
  return {
    snat:
      snat === undefined
        ? null
        : { external_ip: snat.externalIp, ports: { start: snat.firstPort, end: snat.lastPort } },
    ephemeral_ip: orNull(ephemeralIp),
    floating_ips: floatingIps,
  };
}

interface WirePlainFamily<A, N> {
  readonly vpc_subnet: N;
  readonly private_ip: A;
  readonly gateway_ip: A;
  readonly external_ips: WireExternalIps<A>;
}

interface WireFamily<A, N> extends WirePlainFamily<A, N> {
  readonly attached_subnets: readonly (readonly [N, { readonly is_external: boolean }])[];
  readonly transit_ips: readonly (readonly [N, { readonly allow_in: boolean; readonly allow_out: boolean }])[];
}

/** API 38 has neither attached subnets nor transit addresses: there are none. */
function toFamily<A extends Ip, N extends Cidr>(wire: WirePlainFamily<A, N> | WireFamily<A, N>): IpFamilyCfg<A, N> {
  const { attached_subnets = [], transit_ips = [] } = wire as Partial<WireFamily<A, N>>;
  return {
    vpcSubnet: wire.vpc_subnet,
    privateIp: wire.private_ip,
    gatewayIp: wire.gateway_ip,
    externalIps: toExternalIps(wire.external_ips),
    attachedSubnets: attached_subnets.map(([subnet, { is_external }]) => [subnet, { isExternal: is_external }]),
    transitIps: transit_ips.map(([subnet, { allow_in, allow_out }]) => [
      subnet,
      { allowIn: allow_in, allowOut: allow_out },
    ]),
  };
}

function fromFamily<A extends Ip, N extends Cidr>(cfg: IpFamilyCfg<A, N>): WireFamily<A, N> {
  return {
    vpc_subnet: cfg.vpcSubnet,
    private_ip: cfg.privateIp,
    gateway_ip: cfg.gatewayIp,
    external_ips: fromExternalIps(cfg.externalIps),
    attached_subnets: cfg.attachedSubnets.map(([subnet, { isExternal }]) => [subnet, { is_external: isExternal }]),
    transit_ips: cfg.transitIps.map(([subnet, { allowIn, allowOut }]) => [
      subnet,
      { allow_in: allowIn, allow_out: allowOut },
    ]),
  };
}

type WireV4 = WirePlainFamily<Ipv4, Ipv4Cidr>;
type WireV6 = WirePlainFamily<Ipv6, Ipv6Cidr>;
type WireIpCfg =
  | { readonly Ipv4: WireV4 }
  | { readonly Ipv6: WireV6 }
  | { readonly DualStack: { readonly ipv4: WireV4; readonly ipv6: WireV6 } };

function toIpCfg(wire: WireIpCfg): IpCfg {
  if ("Ipv4" in wire) return { v4: toFamily(wire.Ipv4) };
  if ("Ipv6" in wire) return { v6: toFamily(wire.Ipv6) };
  return { v4: toFamily(wire.DualStack.ipv4), v6: toFamily(wire.DualStack.ipv6) };
}

function fromIpCfg({ v4, v6 }: IpCfg): ValueOf<typeof ports.VpcCfg>["ip_cfg"] {
  if (v4 === undefined) return { Ipv6: fromFamily(v6) };
  if (v6 === undefined) return { Ipv4: fromFamily(v4) };
  return { DualStack: { ipv4: fromFamily(v4), ipv6: fromFamily(v6) } };
}

type WireName = ValueOf<typeof basic.DomainName>;

const fromName = (name: string): WireName => ({ name, encoded: domainLabels(name) });
const nameOf = (wire: WireName | null) => wire?.name;

function toDhcp(wire: ValueOf<typeof basic.DhcpCfg>): DhcpCfg {
  return {
    hostname: nameOf(wire.hostname),
    hostDomain: nameOf(wire.host_domain),
    domainSearchList: wire.domain_search_list.map(({ name }) => name),
    dns4Servers: wire.dns4_servers,
    dns6Servers: wire.dns6_servers,
  };
}

function fromDhcp(cfg: DhcpCfg): ValueOf<typeof basic.DhcpCfg> {
  return {
    hostname: cfg.hostname === undefined ? null : fromName(cfg.hostname),
    host_domain: cfg.hostDomain === undefined ? null : fromName(cfg.hostDomain),
    domain_search_list: cfg.domainSearchList.map(fromName),
    dns4_servers: cfg.dns4Servers,
    dns6_servers: cfg.dns6Servers,
  };
}

type WireVpc = ValueOf<typeof ports.VpcCfg>;
type WireVpcWithoutDhcp = Omit<WireVpc, "dhcp" | "ip_cfg"> & { readonly ip_cfg: WireIpCfg };

function toVpc(wire: WireVpcWithoutDhcp, dhcp: WireVpc["dhcp"]): VpcCfg {
  return {
    ipCfg: toIpCfg(wire.ip_cfg),
    guestMac: wire.guest_mac,
    gatewayMac: wire.gateway_mac,
    vni: wire.vni,
    physIp: wire.phys_ip,
    dhcp: toDhcp(dhcp),
  };
}

function fromVpc(cfg: VpcCfg): WireVpc {
  return {
    ip_cfg: fromIpCfg(cfg.ipCfg),
    guest_mac: cfg.guestMac,
    gateway_mac: cfg.gatewayMac,
    vni: cfg.vni,
    phys_ip: cfg.physIp,
    dhcp: fromDhcp(cfg.dhcp),
  };
}

/** Before API 39 a port cannot be told of them, and leaving them out would cut the guest off without a word. */
function requireNoSubnets({ v4, v6 }: IpCfg): void {
  const lists = [v4?.attachedSubnets, v4?.transitIps, v6?.attachedSubnets, v6?.transitIps];
  if (lists.some((list) => list !== undefined && list.length > 0)) {
    throw new EncodeError("this OPTE API version has no attached subnets and transit addresses; 39 and later have");
  }
}

/** `passthrough` is for OPTE's own tests; the agent never asks for it. */
export const createXde: Readonly<Record<38 | 39 | 41, Codec<CreateXde>>> = {
  38: mapped(
    ports.CreateXdeReq38,
    ({ linkid, xde_devname, cfg, dhcp }) => ({
      linkId: linkid,
      name: xde_devname,
      cfg: toVpc(cfg, dhcp),
      mtu: undefined,
    }),
    ({ linkId, name, cfg }) => {
      requireNoSubnets(cfg.ipCfg);
      const { dhcp, ...rest } = fromVpc(cfg);
      return { linkid: linkId, xde_devname: name, cfg: rest, dhcp, passthrough: false };
    },
  ),
  39: mapped(
    ports.CreateXdeReq39,
    ({ linkid, xde_devname, cfg }) => ({
      linkId: linkid,
      name: xde_devname,
      cfg: toVpc(cfg, cfg.dhcp),
      mtu: undefined,
    }),
    ({ linkId, name, cfg }) => ({ linkid: linkId, xde_devname: name, cfg: fromVpc(cfg), passthrough: false }),
  ),
  41: mapped(
    ports.CreateXdeReq41,
    ({ linkid, xde_devname, cfg, mtu }) => ({
      linkId: linkid,
      name: xde_devname,
      cfg: toVpc(cfg, cfg.dhcp),
      mtu: orUndefined(mtu),
    }),
    ({ linkId, name, cfg, mtu }) => ({ linkid: linkId, xde_devname: name, cfg: fromVpc(cfg), mtu: orNull(mtu) }),
  ),
};

type WirePort = ValueOf<typeof ports.PortInfo>;

const toPort = (wire: WirePort): PortInfo => ({
  name: wire.name,
  mac: wire.mac_addr,
  ip4: orUndefined(wire.ip4_addr),
  ephemeralIp4: orUndefined(wire.ephemeral_ip4_addr),
  floatingIp4s: orUndefined(wire.floating_ip4_addrs),
  ip6: orUndefined(wire.ip6_addr),
  ephemeralIp6: orUndefined(wire.ephemeral_ip6_addr),
  floatingIp6s: orUndefined(wire.floating_ip6_addrs),
  // A text on the wire; a state that a later driver invents is shown as it says it.
  state: wire.state as PortState,
});

const fromPort = (port: PortInfo): WirePort => ({
  name: port.name,
  mac_addr: port.mac,
  ip4_addr: orNull(port.ip4),
  ephemeral_ip4_addr: orNull(port.ephemeralIp4),
  floating_ip4_addrs: orNull(port.floatingIp4s),
  ip6_addr: orNull(port.ip6),
  ephemeral_ip6_addr: orNull(port.ephemeralIp6),
  floating_ip6_addrs: orNull(port.floatingIp6s),
  state: port.state,
});

export const portList: Codec<readonly PortInfo[]> = mapped(
  ports.shared.ListPortsResp,
  (wire) => wire.ports.map(toPort),
  (list) => ({ ports: list.map(fromPort) }),
);
