/** The multicast bodies, v49 and before. Names are the original's. */
import type { FromSchema } from "json-schema-to-ts";
import { ip, ipv6, listOf } from "./basic.ts";

export const mapping = {
  title: "Mcast2PhysMapping",
  description: "An overlay group and the underlay group (ff04::/16) it travels in",
  type: "object",
  properties: {
    group: { ...ip, description: "Overlay multicast group" },
    underlay: { ...ipv6, description: "Underlay group, inside ff04::/16" },
  },
  required: ["group", "underlay"],
} as const;

export const clearMapping = { ...mapping, title: "ClearMcast2Phys" } as const;

export const filterMode = { title: "McastFilterMode", type: "string", enum: ["include", "exclude"] } as const;

export const sourceFilter = {
  title: "McastSourceFilter",
  description: "`exclude` of nothing takes every source, `include` of nothing takes none",
  type: "object",
  properties: { mode: filterMode, sources: listOf(ip) },
  required: ["mode", "sources"],
} as const;

export const nextHop = {
  title: "McastForwardingNextHop",
  type: "object",
  properties: {
    next_hop: { ...ipv6, description: "Unicast underlay address" },
    replication: { title: "McastReplication", type: "string", enum: ["external", "underlay", "both"] },
    filter: sourceFilter,
  },
  required: ["next_hop", "replication", "filter"],
} as const;

export const forwardingEntry = {
  title: "McastForwardingEntry",
  description: "Where packets of an underlay group go. Setting adds and replaces hops; it removes none",
  type: "object",
  properties: { underlay: ipv6, next_hops: listOf(nextHop) },
  required: ["underlay", "next_hops"],
} as const;

export const clearForwarding = {
  title: "ClearMcastForwarding",
  type: "object",
  properties: { underlay: ipv6 },
  required: ["underlay"],
} as const;

export const membership = {
  title: "InstanceMulticastMembership",
  description: "A group and the sources wanted of it; no sources: any",
  type: "object",
  properties: { group_ip: ip, sources: listOf(ip) },
  required: ["group_ip", "sources"],
} as const;

/** Versions 7.0.0 up to, not including, 49.0.0: exactly one of `join` and `leave`. */
export const taggedMembership = {
  title: "InstanceMulticastBody",
  type: "object",
  properties: { join: membership, leave: membership },
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
} as const;

export type MappingBody = FromSchema<typeof mapping>;
export type NextHopBody = FromSchema<typeof nextHop>;
export type ForwardingBody = FromSchema<typeof forwardingEntry>;
export type ClearForwardingBody = FromSchema<typeof clearForwarding>;
export type MembershipBody = FromSchema<typeof membership>;
export type TaggedMembershipBody = FromSchema<typeof taggedMembership>;
