/** The original's networking endpoints for multicast. */
import type { FastifyInstance } from "fastify";
import type { SledAgent } from "../../agent/agent.ts";
import type { ForwardingEntry, M2pMapping } from "../../opte/types.ts";
import { MCAST_M2P_FORWARDING } from "../api-version.ts";
import { parseForwardingEntry, parseMapping, parseUnderlay } from "../parse/multicast.ts";
import { done, listOf } from "../schemas/basic.ts";
import * as schemas from "../schemas/multicast.ts";
import { listJson, sendList } from "./answers.ts";
import { addRoute, bodyOf, noContent } from "./route.ts";

const SHARED = { since: MCAST_M2P_FORWARDING };
const M2P = { path: "/networking/mcast-m2p", tag: "networking", shared: SHARED } as const;
const FWD = { path: "/networking/mcast-fwd", tag: "networking", shared: SHARED } as const;

const mappingJson = ({ group, underlay }: M2pMapping) => `{"group":"${group}","underlay":"${underlay}"}`;

/** The original's word for hops has no place for the reserved replication; such a hop is left out, its entry is not. */
export function forwardingBody({ underlay, nextHops }: ForwardingEntry) {
  const hops = nextHops.filter(({ replication }) => replication !== "reserved");
  return {
    underlay,
    next_hops: hops.map(({ addr, replication, filter }) => ({ next_hop: addr, replication, filter })),
  };
}

export function networkingRoutes(app: FastifyInstance, agent: SledAgent): void {
  addRoute(app, {
    ...M2P,
    method: "GET",
    operationId: "list_mcast_m2p",
    summary: "The M2P mappings of this sled: IPv4 groups ascending, then IPv6 groups ascending",
    answers: { 200: listOf(schemas.mapping) },
    handle: async (_request, reply) =>
      sendList(reply, await agent.listMappings(), (entries) => listJson(entries, mappingJson)),
  });
  addRoute(app, {
    ...M2P,
    method: "PUT",
    operationId: "set_mcast_m2p",
    summary:
      "Map an overlay group to an underlay group, joining it on the NICs; moves the group if it is mapped elsewhere",
    body: bodyOf<schemas.MappingBody>(schemas.mapping),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await agent.setMapping(parseMapping(body));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...M2P,
    method: "DELETE",
    operationId: "clear_mcast_m2p",
    summary: "Clear a mapping; nothing is done where the group is mapped to another underlay group",
    body: bodyOf<schemas.MappingBody>(schemas.clearMapping),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await agent.clearMapping(parseMapping(body));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...FWD,
    method: "GET",
    operationId: "list_mcast_fwd",
    summary: "The forwarding entries of this sled, by underlay group; next hops by address",
    answers: { 200: listOf(schemas.forwardingEntry) },
    handle: async (_request, reply) =>
      sendList(reply, await agent.listForwarding(), (entries) => JSON.stringify(entries.map(forwardingBody))),
  });
  addRoute(app, {
    ...FWD,
    method: "PUT",
    operationId: "set_mcast_fwd",
    summary: "Add next hops to an underlay group's entry, replacing those of the same address; none are removed",
    body: bodyOf<schemas.ForwardingBody>(schemas.forwardingEntry),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await agent.setForwarding(parseForwardingEntry(body));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...FWD,
    method: "DELETE",
    operationId: "clear_mcast_fwd",
    summary: "Remove an underlay group's entry with all its next hops",
    body: bodyOf<schemas.ClearForwardingBody>(schemas.clearForwarding),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await agent.clearForwarding(parseUnderlay(body.underlay));
      return noContent(reply);
    },
  });
}
