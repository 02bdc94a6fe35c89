/**
 * Multicast bodies that passed their schema, made into values that cannot be wrong. What is
 * refused here is refused by product rule, with the field's name.
 */
import { badRequest } from "../../error.ts";
import { DeclaredConfig } from "../../multicast/declared.ts";
import { kindOf } from "../../net/classify.ts";
import { type MulticastAddr, multicastAddr, type UnderlayGroup, underlayGroup } from "../../net/group.ts";
import { type Ip, type Ipv6, isIpv4, parseIp, sameFamily, sortedUnique } from "../../net/ip.ts";
import { MULTICAST_VNI } from "../../net/vni.ts";
import { sourceFilter as makeFilter } from "../../opte/filter.ts";
import type { ForwardingEntry, M2pMapping, NextHop } from "../../opte/types.ts";
import type { Membership } from "../../vmm/vmm.ts";
import type { ConfigBody } from "../schemas/config.ts";
import type { ForwardingBody, MappingBody, MembershipBody, NextHopBody } from "../schemas/multicast.ts";

/** IGMPv3 hosts are expected to keep lists of this order; the driver keeps one per subscriber. */
const MAX_MEMBER_SOURCES = 32;
const MAX_FORWARDING_SOURCES = 256;

/** The schema's format proved that the text parses. */
const asIp = (text: string): Ip => parseIp(text) as Ip;

export function parseGroup(text: string, field: string): MulticastAddr {
  const ip = asIp(text);
  const group = multicastAddr(ip);
  if (group !== undefined) return group;
  throw badRequest(
    underlayGroup(ip) === undefined
      ? `${field}: ${ip} is not a multicast address`
      : `${field}: ${ip} is inside ff04::/16, which is for underlay groups`,
  );
}

export function parseUnderlay(text: string, field = "underlay"): UnderlayGroup {
  const ip = asIp(text);
  const underlay = underlayGroup(ip);
  if (underlay === undefined) throw badRequest(`${field}: ${ip} is not within the underlay multicast range ff04::/16`);
  return underlay;
}

function parseSources(texts: readonly string[], field: string, limit: number, group?: MulticastAddr): Ip[] {
  const sources = texts.map((text, i) => {
    const source = asIp(text);
    const kind = kindOf(source);
    if (kind !== "unicast") throw badRequest(`${field}[${i}]: ${source} is ${kind}, not a unicast address`);
    if (group !== undefined && !sameFamily(source, group)) {
      const family = isIpv4(group) ? "IPv4" : "IPv6";
      throw badRequest(`${field}[${i}]: ${source} can never send to ${group}, an ${family} group`);
    }
    return source;
  });
  const unique = sortedUnique(sources);
  if (unique.length > limit) throw badRequest(`${field}: ${unique.length} sources, the limit is ${limit}`);
  return unique;
}

export function parseMapping({ group, underlay }: MappingBody, prefix = ""): M2pMapping {
  return { group: parseGroup(group, `${prefix}group`), underlay: parseUnderlay(underlay, `${prefix}underlay`) };
}

function parseNextHop(hop: NextHopBody, field: string): NextHop {
  const addr = asIp(hop.next_hop) as Ipv6;
  const kind = kindOf(addr);
  if (kind !== "unicast") throw badRequest(`${field}.next_hop: ${addr} is ${kind}, not a unicast address`);
  const sources = parseSources(hop.filter.sources, `${field}.filter.sources`, MAX_FORWARDING_SOURCES);
  return { addr, vni: MULTICAST_VNI, replication: hop.replication, filter: makeFilter(hop.filter.mode, sources) };
}

export function parseForwardingEntry(body: ForwardingBody, prefix = ""): ForwardingEntry {
  return {
    underlay: parseUnderlay(body.underlay, `${prefix}underlay`),
    nextHops: body.next_hops.map((hop, i) => parseNextHop(hop, `${prefix}next_hops[${i}]`)),
  };
}

/** The whole of it is checked before anything is touched. */
export function parseConfig({ generation, m2p, forwarding }: ConfigBody): DeclaredConfig {
  const mappings = m2p.map((mapping, i) => parseMapping(mapping, `m2p[${i}].`));
  const entries = forwarding.map((entry, i) => parseForwardingEntry(entry, `forwarding[${i}].`));
  refuseTwice(
    mappings,
    ({ group }) => group,
    (i) => `m2p[${i}].group`,
  );
  refuseTwice(
    entries,
    ({ underlay }) => underlay,
    (i) => `forwarding[${i}].underlay`,
  );
  for (const [at, { nextHops }] of entries.entries()) {
    refuseTwice(
      nextHops,
      ({ addr }) => addr,
      (i) => `forwarding[${at}].next_hops[${i}].next_hop`,
    );
  }
  return new DeclaredConfig(generation, { m2p: mappings, forwarding: entries });
}

function refuseTwice<T>(items: readonly T[], keyOf: (item: T) => string, field: (at: number) => string): void {
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) throw badRequest(`${field(i)}: ${key} is there twice`);
    seen.add(key);
  }
}

export function parseMembership(body: MembershipBody, prefix = ""): Membership {
  const group = parseGroup(body.group_ip, `${prefix}group_ip`);
  return { group, sources: parseSources(body.sources, `${prefix}sources`, MAX_MEMBER_SOURCES, group) };
}
