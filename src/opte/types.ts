/**
 * What the driver is told and what it answers, in the terms of this program. The wire form of
 * each is another matter (it differs between API versions); names follow opte-api and oxide-vpc.
 */
import type { Cidr, Ipv4Cidr, Ipv6Cidr } from "../net/cidr.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Ip, Ipv4, Ipv6 } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import type { Vni } from "../net/vni.ts";
import type { Uuid } from "../uuid.ts";
import type { SourceFilter } from "./filter.ts";
import type { LayerDump, LayerInfo, TcpFlow, UftDump } from "./layers.ts";

/** The driver does not check that the group is multicast, so a dump can hold any address. */
export interface M2pMapping {
  readonly group: Ip;
  readonly underlay: UnderlayGroup;
}

export type Replication = "external" | "underlay" | "both" | "reserved";

export interface NextHop {
  readonly addr: Ipv6;
  readonly vni: Vni;
  readonly replication: Replication;
  readonly filter: SourceFilter;
}

export interface ForwardingEntry {
  readonly underlay: UnderlayGroup;
  /** In a dump: ascending by (address, VNI). */
  readonly nextHops: readonly NextHop[];
}

export interface Subscriber {
  readonly port: string;
  readonly filter: SourceFilter;
}

export interface SubscriptionEntry {
  readonly underlay: UnderlayGroup;
  /** Ascending by the ports' (VNI, MAC). */
  readonly subscribers: readonly Subscriber[];
}

export type PortState = "ready" | "running" | "paused" | "restored";

export interface PortInfo {
  readonly name: string;
  readonly mac: Mac;
  readonly ip4: Ipv4 | undefined;
  readonly ephemeralIp4: Ipv4 | undefined;
  readonly floatingIp4s: readonly Ipv4[] | undefined;
  readonly ip6: Ipv6 | undefined;
  readonly ephemeralIp6: Ipv6 | undefined;
  readonly floatingIp6s: readonly Ipv6[] | undefined;
  readonly state: PortState;
}

/** External addresses of one family. */
export interface ExternalIpCfg<Address extends Ip> {
  readonly snat: { readonly externalIp: Address; readonly firstPort: number; readonly lastPort: number } | undefined;
  readonly ephemeralIp: Address | undefined;
  readonly floatingIps: readonly Address[];
}

export interface TransitIp {
  readonly allowIn: boolean;
  readonly allowOut: boolean;
}

/** One address family of a port. Maps are ascending by network. */
export interface IpFamilyCfg<Address extends Ip, Network extends Cidr> {
  readonly vpcSubnet: Network;
  readonly privateIp: Address;
  readonly gatewayIp: Address;
  readonly externalIps: ExternalIpCfg<Address>;
  readonly attachedSubnets: readonly (readonly [Network, { readonly isExternal: boolean }])[];
  readonly transitIps: readonly (readonly [Network, TransitIp])[];
}

export type Ipv4Cfg = IpFamilyCfg<Ipv4, Ipv4Cidr>;
export type Ipv6Cfg = IpFamilyCfg<Ipv6, Ipv6Cidr>;

/** At least one family. */
export type IpCfg =
  | { readonly v4: Ipv4Cfg; readonly v6?: undefined }
  | { readonly v4?: undefined; readonly v6: Ipv6Cfg }
  | { readonly v4: Ipv4Cfg; readonly v6: Ipv6Cfg };

export interface DhcpCfg {
  readonly hostname: string | undefined;
  readonly hostDomain: string | undefined;
  readonly domainSearchList: readonly string[];
  readonly dns4Servers: readonly Ipv4[];
  readonly dns6Servers: readonly Ipv6[];
}

export interface VpcCfg {
  readonly ipCfg: IpCfg;
  readonly guestMac: Mac;
  readonly gatewayMac: Mac;
  readonly vni: Vni;
  /** The sled's own underlay address. */
  readonly physIp: Ipv6;
  readonly dhcp: DhcpCfg;
}

export interface CreateXde {
  readonly linkId: number;
  readonly name: string;
  readonly cfg: VpcCfg;
  /** Bytes; the driver takes 1500 where it is left out. */
  readonly mtu: number | undefined;
}

export type Direction = "in" | "out";

export type FirewallHosts =
  | { readonly type: "any" }
  | { readonly type: "subnet"; readonly cidr: Cidr }
  | { readonly type: "ip"; readonly ip: Ip }
  | { readonly type: "vni"; readonly vni: Vni };

export interface IcmpFilter {
  readonly type: number;
  readonly codes: { readonly start: number; readonly end: number } | undefined;
}

/** `other` goes by OPTE's own list of protocols; `number` is the IP protocol's, of one that list lacks. */
export type FirewallProtocol =
  | { readonly type: "any" | "arp" | "tcp" | "udp" }
  | { readonly type: "icmp" | "icmpv6"; readonly filter: IcmpFilter | undefined }
  | { readonly type: "other"; readonly protocol: "icmp" | "igmp" | "tcp" | "udp" | "icmpv6" }
  | { readonly type: "other"; readonly protocol: "unknown"; readonly number: number };

/** Single ports; the driver knows no ranges. */
export type FirewallPorts = "any" | readonly number[];

export interface FirewallRule {
  readonly direction: Direction;
  readonly hosts: FirewallHosts;
  readonly protocol: FirewallProtocol;
  readonly ports: FirewallPorts;
  readonly action: "allow" | "deny";
  readonly priority: number;
}

export type RouterTarget =
  | { readonly type: "drop" }
  | { readonly type: "internet-gateway"; readonly id: Uuid | undefined }
  | { readonly type: "ip"; readonly ip: Ip }
  | { readonly type: "vpc-subnet"; readonly cidr: Cidr };

export interface RouterEntry {
  readonly port: string;
  readonly dest: Cidr;
  readonly target: RouterTarget;
  readonly class: "system" | "custom";
}

export interface SetExternalIps {
  readonly port: string;
  readonly v4: ExternalIpCfg<Ipv4> | undefined;
  readonly v6: ExternalIpCfg<Ipv6> | undefined;
  /** Ascending by address. */
  readonly internetGateways: readonly (readonly [Ip, readonly Uuid[]])[] | undefined;
}

export interface PhysNet {
  readonly ether: Mac;
  readonly ip: Ipv6;
  readonly vni: Vni;
}

export interface Virt2Phys {
  readonly vip: Ip;
  readonly phys: PhysNet;
}

/** A network that once had a mapping stays in the dump, if need be with none. */
export interface Virt2PhysNetwork {
  readonly vni: Vni;
  /** Ascending by virtual address, IPv4 first. */
  readonly mappings: readonly (readonly [Ip, { readonly ether: Mac; readonly ip: Ipv6 }])[];
}

export interface TunnelEndpoint {
  readonly ip: Ipv6;
  readonly vni: Vni;
}

/** Where packets to a network outside the rack leave it. */
export interface Virt2Boundary {
  readonly prefix: Cidr;
  /** In a dump: ascending by address, no address twice. */
  readonly endpoints: readonly TunnelEndpoint[];
}

/** A delete answers whether there was something to delete. */
export type Removed = "ok" | "not-found";

interface OnPort {
  readonly port: string;
}

interface OnLayer extends OnPort {
  readonly layer: string;
}

/** Each command of the driver: what it takes, what it answers. */
export interface Commands {
  ListPorts: { req: undefined; resp: readonly PortInfo[] };
  CreateXde: { req: CreateXde; resp: undefined };
  DeleteXde: { req: { readonly name: string }; resp: undefined };
  SetXdeUnderlay: { req: { readonly u1: string; readonly u2: string }; resp: undefined };
  ClearXdeUnderlay: { req: undefined; resp: undefined };
  AddFwRule: { req: { readonly port: string; readonly rule: FirewallRule }; resp: undefined };
  RemFwRule: { req: { readonly port: string; readonly direction: Direction; readonly id: bigint }; resp: undefined };
  SetFwRules: { req: { readonly port: string; readonly rules: readonly FirewallRule[] }; resp: undefined };
  ListLayers: { req: OnPort; resp: readonly LayerInfo[] };
  DumpLayer: { req: OnLayer; resp: LayerDump };
  DumpUft: { req: OnPort; resp: UftDump };
  DumpTcpFlows: { req: OnPort; resp: readonly TcpFlow[] };
  AddRouterEntry: { req: RouterEntry; resp: undefined };
  DelRouterEntry: { req: RouterEntry; resp: Removed };
  SetExternalIps: { req: SetExternalIps; resp: undefined };
  AllowCidr: { req: { readonly port: string; readonly cidr: Cidr; readonly direction: Direction }; resp: undefined };
  /** Answers the network that was removed; undefined where there was none. */
  RemoveCidr: {
    req: { readonly port: string; readonly cidr: Cidr; readonly direction: Direction };
    resp: Cidr | undefined;
  };
  AttachSubnet: { req: { readonly port: string; readonly cidr: Cidr; readonly isExternal: boolean }; resp: undefined };
  DetachSubnet: { req: { readonly port: string; readonly cidr: Cidr }; resp: Cidr | undefined };
  ClearUft: { req: OnPort; resp: undefined };
  ClearLft: { req: OnLayer; resp: undefined };
  SetVirt2Phys: { req: Virt2Phys; resp: undefined };
  ClearVirt2Phys: { req: Virt2Phys; resp: undefined };
  DumpVirt2Phys: { req: undefined; resp: readonly Virt2PhysNetwork[] };
  /** Adds endpoints to those the prefix has. */
  SetVirt2Boundary: { req: Virt2Boundary; resp: undefined };
  ClearVirt2Boundary: { req: Virt2Boundary; resp: undefined };
  /** IPv4 prefixes ascending, then IPv6 prefixes ascending. */
  DumpVirt2Boundary: { req: undefined; resp: readonly Virt2Boundary[] };
  SetMcast2Phys: { req: M2pMapping; resp: undefined };
  ClearMcast2Phys: { req: M2pMapping; resp: undefined };
  DumpMcast2Phys: { req: undefined; resp: readonly M2pMapping[] };
  SetMcastForwarding: { req: ForwardingEntry; resp: undefined };
  ClearMcastForwarding: { req: { readonly underlay: UnderlayGroup }; resp: undefined };
  DumpMcastForwarding: { req: undefined; resp: readonly ForwardingEntry[] };
  McastSubscribe: {
    req: { readonly port: string; readonly group: Ip; readonly filter: SourceFilter };
    resp: undefined;
  };
  McastUnsubscribe: { req: { readonly port: string; readonly group: Ip }; resp: undefined };
  McastUnsubscribeAll: { req: { readonly group: Ip }; resp: undefined };
  DumpMcastSubscriptions: { req: undefined; resp: readonly SubscriptionEntry[] };
}

export type CommandName = keyof Commands;
export type Request<C extends CommandName> = Commands[C]["req"];
export type Response<C extends CommandName> = Commands[C]["resp"];
