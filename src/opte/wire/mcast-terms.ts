/** Multicast messages between the wire's shapes and this program's terms. */
import type { UnderlayGroup } from "../../net/group.ts";
import { isIpv6 } from "../../net/ip.ts";
import { AddressTexts } from "../../net/ip-bytes.ts";
import { type Codec, mapped, type ValueOf } from "../../postcard/codec.ts";
import { EncodeError } from "../../postcard/error.ts";
import type { Reader } from "../../postcard/reader.ts";
import { ANY_SOURCE, type SourceFilter, sameFilter } from "../filter.ts";
import type { ForwardingEntry, M2pMapping, NextHop, Replication, Request, SubscriptionEntry } from "../types.ts";
import { skipUnderlay } from "./basic.ts";
import * as mcast from "./mcast.ts";
import { fromFilter, fromIp, toFilter, toIp } from "./terms.ts";

const { filtered, plain, shared } = mcast;

export const mapping: Codec<M2pMapping> = mapped(
  shared.SetMcast2PhysReq,
  ({ group, underlay }) => ({ group: toIp(group), underlay }),
  ({ group, underlay }) => ({ group: fromIp(group), underlay }),
);

export const portAndGroup: Codec<Request<"McastUnsubscribe">> = mapped(
  shared.McastUnsubscribeReq,
  ({ port_name, group }) => ({ port: port_name, group: toIp(group) }),
  ({ port, group }) => ({ port_name: port, group: fromIp(group) }),
);

export const groupAlone: Codec<Request<"McastUnsubscribeAll">> = mapped(
  shared.McastUnsubscribeAllReq,
  ({ group }) => ({ group: toIp(group) }),
  ({ group }) => ({ group: fromIp(group) }),
);

const wireMappings: Codec<readonly M2pMapping[]> = mapped(
  filtered.DumpMcast2PhysResp,
  ({ ip4, ip6 }) => [...ip4, ...ip6].map(([group, underlay]) => ({ group, underlay })),
  (list) => ({
    ip4: list.flatMap(({ group, underlay }) => (isIpv6(group) ? [] : [[group, underlay] as const])),
    ip6: list.flatMap(({ group, underlay }) => (isIpv6(group) ? [[group, underlay] as const] : [])),
  }),
);

const texts = new AddressTexts();
const PAIRS = AddressTexts.MOST / 2;

/** One of the two lists. What is no list ends as it does when read pair by pair. */
function readMappings(from: Reader, into: M2pMapping[], putGroup: (at: number) => void, size: 4 | 16): void {
  const count = from.length();
  texts.clear();
  for (let done = 0; done < count; done += PAIRS) {
    for (let i = Math.min(PAIRS, count - done); i > 0; i--) {
      putGroup(from.skip(size));
      texts.putIpv6(from.bytes, skipUnderlay(from));
    }
    texts.takePairs((group, underlay) => into.push({ group, underlay: underlay as UnderlayGroup }));
  }
}

/**
 * One list, IPv4 first: the order in which the driver writes its two. It is the one table of
 * tens of thousands, so it is read without the steps between, its texts many at a time.
 */
export const mappings: Codec<readonly M2pMapping[]> = {
  ...wireMappings,
  read: (from) => {
    const list: M2pMapping[] = [];
    readMappings(from, list, (at) => texts.putIpv4(from.bytes, at), 4);
    readMappings(from, list, (at) => texts.putIpv6(from.bytes, at), 16);
    return list;
  },
};

type WireReplication = ValueOf<typeof mcast.Replication>;
const toReplication = (wire: WireReplication) => wire.toLowerCase() as Replication;
const fromReplication = (replication: Replication) =>
  `${replication.charAt(0).toUpperCase()}${replication.slice(1)}` as WireReplication;

/** Before API 40 there is no filter to send: any source it must be. */
function requireAnySource(filter: SourceFilter): void {
  if (!sameFilter(filter, ANY_SOURCE)) {
    throw new EncodeError("this OPTE API version has no source filters; 40 and later have");
  }
}

/** With source filters (API 40 and later) and without. */
interface Messages {
  readonly forwarding: Codec<ForwardingEntry>;
  readonly forwardingTable: Codec<readonly ForwardingEntry[]>;
  readonly subscription: Codec<Request<"McastSubscribe">>;
  readonly subscriptionTable: Codec<readonly SubscriptionEntry[]>;
}

type FilteredHop = ValueOf<typeof filtered.McastForwardingNextHop>;
const toHop = ({ next_hop, replication, source_filter }: FilteredHop): NextHop => ({
  ...next_hop,
  replication: toReplication(replication),
  filter: toFilter(source_filter),
});
const fromHop = ({ addr, vni, replication, filter }: NextHop): FilteredHop => ({
  next_hop: { addr, vni },
  replication: fromReplication(replication),
  source_filter: fromFilter(filter),
});

type FilteredEntry = ValueOf<typeof filtered.McastForwardingEntry>;
const toEntry = ({ underlay, next_hops }: FilteredEntry): ForwardingEntry => ({
  underlay,
  nextHops: next_hops.map(toHop),
});
const fromEntry = ({ underlay, nextHops }: ForwardingEntry): FilteredEntry => ({
  underlay,
  next_hops: nextHops.map(fromHop),
});

export const withFilters: Messages = {
  forwarding: mapped(filtered.SetMcastForwardingReq, toEntry, fromEntry),
  forwardingTable: mapped(
    filtered.DumpMcastForwardingResp,
    ({ entries }) => entries.map(toEntry),
    (entries) => ({ entries: entries.map(fromEntry) }),
  ),
  subscription: mapped(
    filtered.McastSubscribeReq,
    ({ port_name, group, filter }) => ({ port: port_name, group: toIp(group), filter: toFilter(filter) }),
    ({ port, group, filter }) => ({ port_name: port, group: fromIp(group), filter: fromFilter(filter) }),
  ),
  subscriptionTable: mapped(
    filtered.DumpMcastSubscriptionsResp,
    ({ entries }) =>
      entries.map(({ underlay, subscribers }) => ({
        underlay,
        subscribers: subscribers.map(({ port, filter }) => ({ port, filter: toFilter(filter) })),
      })),
    (entries) => ({
      entries: entries.map(({ underlay, subscribers }) => ({
        underlay,
        subscribers: subscribers.map(({ port, filter }) => ({ port, filter: fromFilter(filter) })),
      })),
    }),
  ),
};

type PlainEntry = ValueOf<typeof plain.McastForwardingEntry>;
const toPlainEntry = ({ underlay, next_hops }: PlainEntry): ForwardingEntry => ({
  underlay,
  nextHops: next_hops.map(([hop, replication]) => ({
    ...hop,
    replication: toReplication(replication),
    filter: ANY_SOURCE,
  })),
});
const fromPlainEntry = ({ underlay, nextHops }: ForwardingEntry): PlainEntry => ({
  underlay,
  next_hops: nextHops.map(({ addr, vni, replication, filter }) => {
    requireAnySource(filter);
    return [{ addr, vni }, fromReplication(replication)];
  }),
});

export const withoutFilters: Messages = {
  forwarding: mapped(plain.SetMcastForwardingReq, toPlainEntry, fromPlainEntry),
  forwardingTable: mapped(
    plain.DumpMcastForwardingResp,
    ({ entries }) => entries.map(toPlainEntry),
    (entries) => ({ entries: entries.map(fromPlainEntry) }),
  ),
  subscription: mapped(
    plain.McastSubscribeReq,
    ({ port_name, group }) => ({ port: port_name, group: toIp(group), filter: ANY_SOURCE }),
    ({ port, group, filter }) => {
      requireAnySource(filter);
      return { port_name: port, group: fromIp(group) };
    },
  ),
  subscriptionTable: mapped(
    plain.DumpMcastSubscriptionsResp,
    ({ entries }) =>
      entries.map(({ underlay, ports }) => ({
        underlay,
        subscribers: ports.map((port) => ({ port, filter: ANY_SOURCE })),
      })),
    (entries) => ({
      entries: entries.map(({ underlay, subscribers }) => ({
        underlay,
        ports: subscribers.map(({ port, filter }) => {
          requireAnySource(filter);
          return port;
        }),
      })),
    }),
  ),
};
