/** Random requests and responses of every command, as the program has them. */
import fc from "fast-check";
import { type Cidr, cidrOf, compareCidr, type Ipv4Cidr, type Ipv6Cidr } from "../../../src/net/cidr.ts";
import type { UnderlayGroup } from "../../../src/net/group.ts";
import { compareIp, type Ip, type Ipv4, type Ipv6, ipFromBytes } from "../../../src/net/ip.ts";
import { type Mac, macFromBytes } from "../../../src/net/mac.ts";
import type { Vni } from "../../../src/net/vni.ts";
import { ANY_SOURCE, type SourceFilter, sourceFilter } from "../../../src/opte/filter.ts";
import * as layers from "../../../src/opte/layers.ts";
import type * as types from "../../../src/opte/types.ts";
import type { ApiVersion } from "../../../src/opte/versions.ts";
import type { Uuid } from "../../../src/uuid.ts";
import { bytes4, bytes16 } from "../../net/arbitraries.ts";

const { record: recordOf, boolean, constantFrom, oneof, tuple } = fc;
/** As object literals are made, so that they can be compared with what decoding gives. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  recordOf(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 4 });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const byte = fc.nat(255);
const u16 = fc.nat(0xffff);
const nothing = fc.constant(undefined);

export const text = fc.string({ unit: "binary", maxLength: 20 });
const ip4 = bytes4.map((bytes) => ipFromBytes(bytes) as Ipv4);
const ip6 = bytes16.map((bytes) => ipFromBytes(bytes) as Ipv6);
export const ip: fc.Arbitrary<Ip> = oneof(ip4, ip6);
const cidr4 = tuple(ip4, fc.nat(32)).map(([address, length]) => cidrOf(address, length) as Ipv4Cidr);
const cidr6 = tuple(ip6, fc.nat(128)).map(([address, length]) => cidrOf(address, length) as Ipv6Cidr);
export const cidr: fc.Arbitrary<Cidr> = oneof(cidr4, cidr6);
export const mac: fc.Arbitrary<Mac> = fc.array(byte, { minLength: 6, maxLength: 6 }).map(macFromBytes);
export const vni = fc.nat(0xff_ff_ff).map((number) => number as Vni);
const uuid = fc.uuid().map((id) => id as Uuid);
export const underlay = bytes16.map((bytes) => ipFromBytes([0xff, 0x04, ...bytes.slice(2)]) as UnderlayGroup);

/** Ascending by key, no key twice. */
function table<K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>, compare: (a: K, b: K) => number) {
  return fc
    .uniqueArray(tuple(key, value), { maxLength: 4, comparator: ([a], [b]) => compare(a, b) === 0 })
    .map((entries) => entries.sort(([a], [b]) => compare(a, b)));
}

const someFilter = tuple(constantFrom("include" as const, "exclude" as const), list(ip)).map(([mode, sources]) =>
  sourceFilter(mode, sources),
);
const filterIn = (version: ApiVersion): fc.Arbitrary<SourceFilter> =>
  version < 40 ? fc.constant(ANY_SOURCE) : someFilter;

function externalIps<A extends Ip>(address: fc.Arbitrary<A>): fc.Arbitrary<types.ExternalIpCfg<A>> {
  return record({
    snat: maybe(record({ externalIp: address, firstPort: u16, lastPort: u16 })),
    ephemeralIp: maybe(address),
    floatingIps: list(address),
  });
}

/** API 38 has neither attached subnets nor transit addresses. */
function family<A extends Ip, N extends Cidr>(
  version: ApiVersion,
  address: fc.Arbitrary<A>,
  network: fc.Arbitrary<N>,
): fc.Arbitrary<types.IpFamilyCfg<A, N>> {
  const since39 = <T>(of: fc.Arbitrary<T[]>) => (version < 39 ? fc.constant<T[]>([]) : of);
  return record({
    vpcSubnet: network,
    privateIp: address,
    gatewayIp: address,
    externalIps: externalIps(address),
    attachedSubnets: since39(table(network, record({ isExternal: boolean() }), compareCidr)),
    transitIps: since39(table(network, record({ allowIn: boolean(), allowOut: boolean() }), compareCidr)),
  });
}

const hostName = fc.string({ unit: constantFrom(..."abz019-._é"), maxLength: 30 });

function createXde(version: ApiVersion): fc.Arbitrary<types.CreateXde> {
  const [v4, v6] = [family(version, ip4, cidr4), family(version, ip6, cidr6)];
  return record<types.CreateXde>({
    linkId: fc.nat(0x7fff_ffff),
    name: text,
    cfg: record<types.VpcCfg>({
      ipCfg: oneof<fc.Arbitrary<types.IpCfg>[]>(record({ v4 }), record({ v6 }), record({ v4, v6 })),
      guestMac: mac,
      gatewayMac: mac,
      vni,
      physIp: ip6,
      dhcp: record<types.DhcpCfg>({
        hostname: maybe(hostName),
        hostDomain: maybe(hostName),
        domainSearchList: list(hostName),
        dns4Servers: list(ip4),
        dns6Servers: list(ip6),
      }),
    }),
    // A field of its own only since 41.
    mtu: version < 41 ? nothing : maybe(fc.nat(0x7fff_ffff)),
  });
}

const hosts: fc.Arbitrary<types.FirewallHosts> = oneof(
  record({ type: fc.constant("any" as const) }),
  record({ type: fc.constant("subnet" as const), cidr }),
  record({ type: fc.constant("ip" as const), ip }),
  record({ type: fc.constant("vni" as const), vni }),
);
const icmp = maybe(record({ type: byte, codes: maybe(record({ start: byte, end: byte })) }));
const protocol: fc.Arbitrary<types.FirewallProtocol> = oneof(
  record({ type: constantFrom("any" as const, "arp" as const, "tcp" as const, "udp" as const) }),
  record({ type: constantFrom("icmp" as const, "icmpv6" as const), filter: icmp }),
  record({
    type: fc.constant("other" as const),
    protocol: constantFrom("icmp" as const, "igmp" as const, "tcp" as const, "udp" as const, "icmpv6" as const),
  }),
  record({ type: fc.constant("other" as const), protocol: fc.constant("unknown" as const), number: byte }),
);
const direction = constantFrom<types.Direction[]>("in", "out");
const rule = record<types.FirewallRule>({
  direction,
  hosts,
  protocol,
  ports: oneof(fc.constant("any" as const), list(u16)),
  action: constantFrom("allow" as const, "deny" as const),
  priority: u16,
});

const routerEntry = record<types.RouterEntry>({
  port: text,
  dest: cidr,
  target: oneof<fc.Arbitrary<types.RouterTarget>[]>(
    record({ type: fc.constant("drop" as const) }),
    record({ type: fc.constant("internet-gateway" as const), id: maybe(uuid) }),
    record({ type: fc.constant("ip" as const), ip }),
    record({ type: fc.constant("vpc-subnet" as const), cidr }),
  ),
  class: constantFrom("system" as const, "custom" as const),
});
const ids = fc.uniqueArray(uuid, { maxLength: 3 }).map((some) => some.sort());
const setExternalIps = record<types.SetExternalIps>({
  port: text,
  v4: maybe(externalIps(ip4)),
  v6: maybe(externalIps(ip6)),
  internetGateways: maybe(table(ip, ids, compareIp)),
});

const portInfo = record<types.PortInfo>({
  name: text,
  mac,
  ip4: maybe(ip4),
  ephemeralIp4: maybe(ip4),
  floatingIp4s: maybe(list(ip4)),
  ip6: maybe(ip6),
  ephemeralIp6: maybe(ip6),
  floatingIp6s: maybe(list(ip6)),
  state: constantFrom("ready", "running", "paused", "restored"),
});

const guest = record({ ether: mac, ip: ip6 });
const virt2Phys = record({ vip: ip, phys: record({ ether: mac, ip: ip6, vni }) });
const ipv4First = <T>(first: fc.Arbitrary<T[]>, then: fc.Arbitrary<T[]>) =>
  tuple(first, then).map(([a, b]) => [...a, ...b]);
const network = record<types.Virt2PhysNetwork>({
  vni,
  mappings: ipv4First<readonly [Ip, { ether: Mac; ip: Ipv6 }]>(list(tuple(ip4, guest)), list(tuple(ip6, guest))),
});

const endpoint = record<types.TunnelEndpoint>({ ip: ip6, vni });
const boundary = (prefix: fc.Arbitrary<Cidr>, endpoints: fc.Arbitrary<types.TunnelEndpoint[]>) =>
  record<types.Virt2Boundary>({ prefix, endpoints });
/** As a set is written. */
const endpointSet = fc
  .uniqueArray(endpoint, { maxLength: 4, comparator: (a, b) => a.ip === b.ip })
  .map((some) => some.sort((a, b) => compareIp(a.ip, b.ip)));

const u32 = fc.nat(0xff_ff_ff_ff);
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const L4 = {
  ports: record({ source: u16, destination: u16 }),
  icmp: record({ type: byte, code: byte, id: u16 }),
};
const flowWith = <F>(protocol: fc.Arbitrary<number>, l4: { [K in keyof F]: fc.Arbitrary<F[K]> }) =>
  oneof(
    record({ protocol, source: ip4 as fc.Arbitrary<Ip>, destination: ip4 as fc.Arbitrary<Ip>, ...l4 }),
    record({ protocol, source: ip6 as fc.Arbitrary<Ip>, destination: ip6 as fc.Arbitrary<Ip>, ...l4 }),
  ) as unknown as fc.Arbitrary<layers.FlowId>;
const flowId: fc.Arbitrary<layers.FlowId> = oneof(
  flowWith(constantFrom(6, 17), { ports: L4.ports }),
  flowWith(constantFrom(1, 58), { icmp: L4.icmp }),
  flowWith(
    byte.filter((protocol) => ![1, 6, 17, 58].includes(protocol)),
    {},
  ),
);
const flows = list(record<layers.FlowEntry>({ flow: flowId, hits: u64, summary: text }));
const layerSide = record<layers.LayerSide>({
  rules: list(
    record<layers.LayerRule>({
      id: u64,
      hits: u64,
      priority: u16,
      predicates: list(text),
      dataPredicates: list(text),
      action: text,
    }),
  ),
  default: text,
  defaultHits: u64,
  flows,
});
const layerInfo = record<layers.LayerInfo>({
  name: text,
  rulesIn: u64,
  rulesOut: u64,
  defaultIn: text,
  defaultOut: text,
  flows: u32,
});
const uftSide = record<layers.UftSide>({ limit: u32, count: u32, flows });
const tcpFlow = record<layers.TcpFlow>({
  flow: flowId,
  hits: u64,
  inbound: maybe(flowId),
  state: constantFrom(...layers.TCP_STATES),
  guestSeq: maybe(u32),
  guestAck: maybe(u32),
  remoteSeq: maybe(u32),
  remoteAck: maybe(u32),
  segmentsIn: u64,
  segmentsOut: u64,
  bytesIn: u64,
  bytesOut: u64,
});

const m2p = (group: fc.Arbitrary<Ip>) => record<types.M2pMapping>({ group, underlay });
const port = record({ port: text });
const cidrAndWay = record({ port: text, cidr, direction });
const removed = maybe(cidr);

function multicast(version: ApiVersion) {
  const filter = filterIn(version);
  const replication = constantFrom<types.Replication[]>("external", "underlay", "both", "reserved");
  const hop = record<types.NextHop>({ addr: ip6, vni, replication, filter });
  const entry = record<types.ForwardingEntry>({ underlay, nextHops: list(hop) });
  const subscriptions = record<types.SubscriptionEntry>({
    underlay,
    subscribers: list(record({ port: text, filter })),
  });
  return {
    SetMcastForwarding: [entry, nothing],
    DumpMcastForwarding: [nothing, list(entry)],
    McastSubscribe: [record({ port: text, group: ip, filter }), nothing],
    DumpMcastSubscriptions: [nothing, list(subscriptions)],
  } as const;
}

export type Exchanges = {
  readonly [C in types.CommandName]: readonly [fc.Arbitrary<types.Request<C>>, fc.Arbitrary<types.Response<C>>];
};

/** Per command: its requests, its responses. */
export function exchanges(version: ApiVersion): Exchanges {
  return {
    ...multicast(version),
    ListPorts: [nothing, list(portInfo)],
    CreateXde: [createXde(version), nothing],
    DeleteXde: [record({ name: text }), nothing],
    SetXdeUnderlay: [record({ u1: text, u2: text }), nothing],
    ClearXdeUnderlay: [nothing, nothing],
    AddFwRule: [record({ port: text, rule }), nothing],
    RemFwRule: [record({ port: text, direction, id: u64 }), nothing],
    ListLayers: [port, list(layerInfo)],
    DumpLayer: [record({ port: text, layer: text }), record({ name: text, in: layerSide, out: layerSide })],
    DumpUft: [port, record({ in: uftSide, out: uftSide })],
    DumpTcpFlows: [port, list(tcpFlow)],
    SetFwRules: [record({ port: text, rules: list(rule) }), nothing],
    AddRouterEntry: [routerEntry, nothing],
    DelRouterEntry: [routerEntry, constantFrom<types.Removed[]>("ok", "not-found")],
    SetExternalIps: [setExternalIps, nothing],
    AllowCidr: [cidrAndWay, nothing],
    RemoveCidr: [cidrAndWay, removed],
    AttachSubnet: [record({ port: text, cidr, isExternal: boolean() }), nothing],
    DetachSubnet: [record({ port: text, cidr }), removed],
    ClearUft: [port, nothing],
    ClearLft: [record({ port: text, layer: text }), nothing],
    SetVirt2Boundary: [boundary(cidr, list(endpoint)), nothing],
    ClearVirt2Boundary: [boundary(cidr, list(endpoint)), nothing],
    DumpVirt2Boundary: [nothing, ipv4First(list(boundary(cidr4, endpointSet)), list(boundary(cidr6, endpointSet)))],
    SetVirt2Phys: [virt2Phys, nothing],
    ClearVirt2Phys: [virt2Phys, nothing],
    DumpVirt2Phys: [nothing, list(network)],
    SetMcast2Phys: [m2p(ip), nothing],
    ClearMcast2Phys: [m2p(ip), nothing],
    DumpMcast2Phys: [nothing, ipv4First(list(m2p(ip4)), list(m2p(ip6)))],
    ClearMcastForwarding: [record({ underlay }), nothing],
    McastUnsubscribe: [record({ port: text, group: ip }), nothing],
    McastUnsubscribeAll: [record({ group: ip }), nothing],
  };
}
