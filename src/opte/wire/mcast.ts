/**
 * Multicast messages (oxide-vpc `api.rs`). Since API 40 a subscription and a next hop carry a
 * source filter; 38 and 39 have none, and no way to read the M2P table back.
 */
import { seq, set } from "../../postcard/collections.ts";
import { enumeration, pair, struct, unit } from "../../postcard/composites.ts";
import { string } from "../../postcard/scalars.ts";
import { IpAddr, Ipv4Addr, Ipv6Addr, MulticastUnderlay, VniCodec } from "./basic.ts";

export const NextHopV6 = struct({ addr: Ipv6Addr, vni: VniCodec });
export const Replication = enumeration({ External: unit, Underlay: unit, Both: unit, Reserved: unit });
export const FilterMode = enumeration({ Include: unit, Exclude: unit });
export const SourceFilter = enumeration({ Include: set(IpAddr), Exclude: set(IpAddr) });

/** The same in every version. */
const SetMcast2PhysReq = struct({ group: IpAddr, underlay: MulticastUnderlay });
export const shared = {
  NextHopV6,
  Replication,
  MulticastUnderlay,
  SetMcast2PhysReq,
  ClearMcast2PhysReq: SetMcast2PhysReq,
  ClearMcastForwardingReq: struct({ underlay: MulticastUnderlay }),
  McastUnsubscribeReq: struct({ port_name: string, group: IpAddr }),
  McastUnsubscribeAllReq: struct({ group: IpAddr }),
};

const PlainForwardingEntry = struct({
  underlay: MulticastUnderlay,
  next_hops: seq(pair(NextHopV6, Replication)),
});

const PlainSubscriptionEntry = struct({ underlay: MulticastUnderlay, ports: seq(string) });

/** API 38 and 39. */
export const plain = {
  SetMcastForwardingReq: PlainForwardingEntry,
  McastForwardingEntry: PlainForwardingEntry,
  DumpMcastForwardingResp: struct({ entries: seq(PlainForwardingEntry) }),
  McastSubscribeReq: struct({ port_name: string, group: IpAddr }),
  McastSubscriptionEntry: PlainSubscriptionEntry,
  DumpMcastSubscriptionsResp: struct({ entries: seq(PlainSubscriptionEntry) }),
};

const McastForwardingNextHop = struct({ next_hop: NextHopV6, replication: Replication, source_filter: SourceFilter });
const FilteredForwardingEntry = struct({ underlay: MulticastUnderlay, next_hops: seq(McastForwardingNextHop) });
const McastSubscriberEntry = struct({ port: string, filter: SourceFilter });
const McastSubscriptionEntry = struct({ underlay: MulticastUnderlay, subscribers: seq(McastSubscriberEntry) });

/** API 40 and 41. */
export const filtered = {
  FilterMode,
  SourceFilter,
  McastForwardingNextHop,
  McastForwardingEntry: FilteredForwardingEntry,
  SetMcastForwardingReq: FilteredForwardingEntry,
  DumpMcastForwardingResp: struct({ entries: seq(FilteredForwardingEntry) }),
  McastSubscribeReq: struct({ port_name: string, group: IpAddr, filter: SourceFilter }),
  McastSubscriberEntry,
  McastSubscriptionEntry,
  DumpMcastSubscriptionsResp: struct({ entries: seq(McastSubscriptionEntry) }),
  DumpMcast2PhysResp: struct({
    ip4: seq(pair(Ipv4Addr, MulticastUnderlay)),
    ip6: seq(pair(Ipv6Addr, MulticastUnderlay)),
  }),
};
