/** Which wire types there are in which API version, by the names that Rust gives them. */

import { namedType } from "../../../src/opte/wire/named.ts";
import type { Codec } from "../../../src/postcard/codec.ts";

export const VERSIONS = [38, 39, 40, 41] as const;

const EVERYWHERE = `
  u8 u16 u32 u64 usize i8 i16 i32 i64 bool char String Option<u8> Option<Ipv6Addr> Vec<String> Vec<Vec<u16>>
  RangeInclusive<u8> RangeInclusive<u16> Ipv4Addr Ipv6Addr IpAddr Ipv4Cidr Ipv6Cidr IpCidr MacAddr Vni Uuid
  DomainName DhcpCfg NoResp OpteError NextHopV6 Replication MulticastUnderlay SetMcast2PhysReq ClearMcast2PhysReq
  ClearMcastForwardingReq McastUnsubscribeReq McastUnsubscribeAllReq SetMcastForwardingReq McastForwardingEntry
  DumpMcastForwardingResp McastSubscribeReq DumpMcastSubscriptionsResp PortInfo ListPortsResp DeleteXdeReq
  SetXdeUnderlayReq ListLayersReq ClearUftReq DumpUftReq DumpTcpFlowsReq ClearLftReq DumpLayerReq CreateXdeReq
  Direction Protocol IcmpFilter Address ProtoFilter Ports FirewallAction FirewallRule SetFwRulesReq AddFwRuleReq
  RemFwRuleReq RouterTarget RouterClass AddRouterEntryReq DelRouterEntryReq DelRouterEntryResp SetExternalIpsReq
  AllowCidrReq RemoveCidrReq RemoveCidrResp PhysNet GuestPhysAddr TunnelEndpoint SetVirt2PhysReq ClearVirt2PhysReq
  DumpVirt2PhysResp SetVirt2BoundaryReq ClearVirt2BoundaryReq DumpVirt2BoundaryResp AddrPair InnerFlowId TcpState
  TcpFlowStateDump TcpFlowEntryDump UftEntryDump ActionDescEntryDump RuleDump RuleTableEntryDump LayerDesc
  ListLayersResp DumpLayerResp DumpUftResp DumpTcpFlowsResp`;
const SINCE_39 = "VpcCfg AttachSubnetReq DetachSubnetReq DetachSubnetResp";
const SINCE_40 = `
  FilterMode SourceFilter McastForwardingNextHop McastSubscriberEntry McastSubscriptionEntry DumpMcast2PhysResp`;

const words = (text: string) => text.trim().split(/\s+/);

export function typeNames(version: number): readonly string[] {
  return [...words(EVERYWHERE), ...(version >= 39 ? words(SINCE_39) : []), ...(version >= 40 ? words(SINCE_40) : [])];
}

export interface WireType {
  readonly version: number;
  readonly name: string;
  readonly codec: Codec<unknown>;
}

export function typeOf(version: number, name: string): WireType {
  const codec = namedType(version, name);
  if (codec === undefined) throw new Error(`API ${version} has no type ${name}`);
  return { version, name, codec };
}

/** Every type in every version. */
export const TYPES: readonly WireType[] = VERSIONS.flatMap((version) =>
  typeNames(version).map((name) => typeOf(version, name)),
);
