/**
 * The driver's tables, and their form in a snapshot. Which command does what to them is in
 * `mcast.ts` and `ports.ts`; nothing here decides anything.
 */
import { type Cidr, cidrAddress, cidrLength } from "../../net/cidr.ts";
import type { UnderlayGroup } from "../../net/group.ts";
import { type Ip, type Ipv6, ipSortKey } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import type { Vni } from "../../net/vni.ts";
import type { SourceFilter } from "../filter.ts";
import type { M2pMapping, NextHop, TunnelEndpoint, Virt2Boundary } from "../types.ts";
import { type ModelPort, type PortSnapshot, restoredPort, savedPort } from "./model-port.ts";
import { SortedMap } from "./sorted.ts";

export type HopKey = string;
export type NextHops = SortedMap<HopKey, NextHop>;
export type Virt2PhysMap = SortedMap<Ip, { readonly ether: Mac; readonly ip: Ipv6 }>;
/** By address alone: of two endpoints that differ in their VNI only one is kept. */
export type Endpoints = SortedMap<Ipv6, TunnelEndpoint>;
export type Subscribers = SortedMap<string, SourceFilter>;

const vniKey = (vni: Vni) => vni.toString(16).padStart(6, "0");

const lengthKey = (prefix: Cidr) => String(cidrLength(prefix)).padStart(3, "0");

/** Ports, and subscribers of a group, are listed by (VNI, MAC). */
export function portSortKey(port: ModelPort): string {
  return `${vniKey(port.create.cfg.vni)} ${port.create.cfg.guestMac}`;
}

export function hopKey(hop: NextHop): HopKey {
  return `${hop.addr} ${hop.vni}`;
}

export class Tables {
  underlay: readonly [string, string] | undefined;
  readonly ports = new SortedMap<string, ModelPort>((_name, port) => portSortKey(port));
  readonly m2p = new SortedMap<Ip, M2pMapping>(ipSortKey);
  readonly forwarding = new SortedMap<UnderlayGroup, NextHops>(ipSortKey);
  readonly subscriptions = new SortedMap<UnderlayGroup, Subscribers>(ipSortKey);
  readonly v2p = new SortedMap<Vni, Virt2PhysMap>(vniKey);
  readonly v2b = new SortedMap<Cidr, Endpoints>(
    (prefix) => `${ipSortKey(cidrAddress(prefix) as Ip)}${lengthKey(prefix)}`,
  );
  /** (VNI, MAC) of every port: no two share one. */
  readonly macs = new Set<string>();

  addPort(port: ModelPort): void {
    this.ports.set(port.create.name, port);
    this.macs.add(portSortKey(port));
  }

  removePort(port: ModelPort): void {
    this.ports.delete(port.create.name);
    this.macs.delete(portSortKey(port));
  }

  nextHops(underlay: UnderlayGroup): NextHops {
    const existing = this.forwarding.get(underlay);
    if (existing !== undefined) return existing;
    const made: NextHops = new SortedMap((_key, hop) => ipSortKey(hop.addr) + vniKey(hop.vni));
    this.forwarding.set(underlay, made);
    return made;
  }

  subscribers(underlay: UnderlayGroup): Subscribers {
    const existing = this.subscriptions.get(underlay);
    if (existing !== undefined) return existing;
    const made: Subscribers = new SortedMap((name) => portSortKey(this.ports.get(name) as ModelPort));
    this.subscriptions.set(underlay, made);
    return made;
  }

  network(vni: Vni): Virt2PhysMap {
    const existing = this.v2p.get(vni);
    if (existing !== undefined) return existing;
    const made: Virt2PhysMap = new SortedMap(ipSortKey);
    this.v2p.set(vni, made);
    return made;
  }
}

export function endpointsOf(list: readonly TunnelEndpoint[]): Endpoints {
  const endpoints: Endpoints = new SortedMap((ip) => ipSortKey(ip));
  for (const endpoint of list) endpoints.set(endpoint.ip, endpoint);
  return endpoints;
}

/** Plain data from which `restore` makes equal tables. */
export interface Snapshot {
  readonly underlay: readonly [string, string] | null;
  readonly ports: readonly PortSnapshot[];
  readonly m2p: readonly M2pMapping[];
  readonly forwarding: readonly (readonly [UnderlayGroup, readonly NextHop[]])[];
  readonly subscriptions: readonly (readonly [UnderlayGroup, readonly (readonly [string, SourceFilter])[]])[];
  readonly v2p: readonly (readonly [Vni, readonly (readonly [Ip, { readonly ether: Mac; readonly ip: Ipv6 }])[]])[];
  /** Files of before lack it: there is nothing in it then. */
  readonly v2b?: readonly Virt2Boundary[];
}

export function snapshot(tables: Tables): Snapshot {
  return {
    underlay: tables.underlay ?? null,
    ports: tables.ports.values().map(savedPort),
    m2p: tables.m2p.values(),
    forwarding: tables.forwarding.entries().map(([underlay, hops]) => [underlay, hops.values()]),
    subscriptions: tables.subscriptions.entries().map(([underlay, subs]) => [underlay, subs.entries()]),
    v2p: tables.v2p.entries().map(([vni, map]) => [vni, map.entries()]),
    v2b: tables.v2b.entries().map(([prefix, endpoints]) => ({ prefix, endpoints: endpoints.values() })),
  };
}

export function restore(from: Snapshot): Tables {
  const tables = new Tables();
  tables.underlay = from.underlay ?? undefined;
  for (const port of from.ports) tables.addPort(restoredPort(port));
  for (const mapping of from.m2p) tables.m2p.set(mapping.group, mapping);
  for (const [underlay, hops] of from.forwarding) {
    const nextHops = tables.nextHops(underlay);
    for (const hop of hops) nextHops.set(hopKey(hop), hop);
  }
  for (const [underlay, subs] of from.subscriptions) {
    const subscribers = tables.subscribers(underlay);
    for (const [name, filter] of subs) subscribers.set(name, filter);
  }
  for (const [vni, mappings] of from.v2p) {
    const network = tables.network(vni);
    for (const [vip, guest] of mappings) network.set(vip, guest);
  }
  for (const { prefix, endpoints } of from.v2b ?? []) tables.v2b.set(prefix, endpointsOf(endpoints));
  return tables;
}
