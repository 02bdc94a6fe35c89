/** What a port is made from, as parsed from a registration. */
import type { Cidr, Ipv4Cidr, Ipv6Cidr } from "../net/cidr.ts";
import type { Ip, Ipv4, Ipv6 } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";
import type { Vni } from "../net/vni.ts";
import type { DhcpCfg, Direction, ExternalIpCfg, IcmpFilter, RouterTarget } from "../opte/types.ts";
import type { Uuid } from "../uuid.ts";

export interface PrivateIp<Address extends Ip, Network extends Cidr> {
  readonly ip: Address;
  readonly subnet: Network;
  readonly transitIps: readonly Network[];
}

export interface Nic {
  readonly id: Uuid;
  readonly kind: "instance" | "service" | "probe";
  readonly mac: Mac;
  readonly vni: Vni;
  readonly primary: boolean;
  readonly v4: PrivateIp<Ipv4, Ipv4Cidr> | undefined;
  readonly v6: PrivateIp<Ipv6, Ipv6Cidr> | undefined;
}

export interface ExternalIps {
  readonly v4: ExternalIpCfg<Ipv4> | undefined;
  readonly v6: ExternalIpCfg<Ipv6> | undefined;
}

/** One external address of an instance, to be attached or detached. */
export interface ExternalIp {
  readonly kind: "ephemeral" | "floating";
  readonly ip: Ip;
}

/** For each NIC, by its id: the internet gateways that may choose an external address as a source. */
export type GatewayMap = ReadonlyMap<Uuid, ReadonlyMap<Ip, readonly Uuid[]>>;

/** A router of a VPC: its own (`subnet` undefined), or the custom one of a subnet. */
export interface RouterId {
  readonly vni: Vni;
  readonly subnet: Cidr | undefined;
}

/** Of the control plane's router that a set of routes is of. Unsigned, 64 bits. */
export interface RouterVersion {
  readonly routerId: Uuid;
  readonly version: bigint;
}

export interface Route {
  readonly dest: Cidr;
  readonly target: RouterTarget;
}

export interface RouteSetState {
  readonly id: RouterId;
  readonly version: RouterVersion | undefined;
}

export interface RouteSetUpdate extends RouteSetState {
  readonly routes: readonly Route[];
}

export interface AttachedSubnet {
  readonly subnet: Cidr;
  readonly kind: "vpc" | "external";
}

/** Inclusive. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type HostFilter = { readonly type: "ip"; readonly cidr: Cidr } | { readonly type: "vpc"; readonly vni: Vni };

export type ProtocolFilter =
  | { readonly type: "tcp" | "udp" }
  | { readonly type: "icmp" | "icmpv6"; readonly filter: IcmpFilter | undefined };

/** A VPC's firewall rule before it is cut to one port. Empty filters take everything. */
export interface VpcFirewallRule {
  readonly enabled: boolean;
  readonly direction: Direction;
  /** NICs it is for; empty: all of the VPC. */
  readonly targets: readonly { readonly vni: Vni; readonly mac: Mac }[];
  readonly hosts: readonly HostFilter[];
  readonly ports: readonly PortRange[];
  readonly protocols: readonly ProtocolFilter[];
  readonly action: "allow" | "deny";
  readonly priority: number;
}

export interface PortSpec {
  readonly nic: Nic;
  readonly externalIps: ExternalIps;
  readonly attachedSubnets: readonly AttachedSubnet[];
  readonly firewall: readonly VpcFirewallRule[];
  readonly dhcp: DhcpCfg;
  /** Bytes; undefined: the driver's default. */
  readonly mtu: number | undefined;
}
