/** The original's endpoints for VPCs: firewall rules, routes, the whereabouts of addresses, gateways. */
import type { FastifyInstance } from "fastify";
import type { NetworkOperations } from "../../agent/network.ts";
import type { Vni } from "../../net/vni.ts";
import type { Virt2Phys } from "../../opte/types.ts";
import type { RouteSetState } from "../../ports/spec.ts";
import { parseFirewallRules } from "../parse/firewall.ts";
import { parseGateways, parseNewVirt2Phys, parseRouteSets, parseVirt2Phys } from "../parse/vpc.ts";
import { done, listOf } from "../schemas/basic.ts";
import { type FirewallRulesBody, firewallRulesBody } from "../schemas/firewall.ts";
import * as schemas from "../schemas/vpc.ts";
import { listJson, sendExact, sendList } from "./answers.ts";
import { addRoute, bodyOf, noContent } from "./route.ts";

/** In the original's API from its first version. */
const V2P = { path: "/v2p", tag: "networking", shared: {} } as const;
const ROUTES = { path: "/vpc-routes", tag: "networking", shared: {} } as const;

function virtualNicHostJson({ vip, phys: { ether, ip, vni } }: Virt2Phys): string {
  return `{"physical_host_ip":"${ip}","virtual_ip":"${vip}","virtual_mac":"${ether}","vni":${vni}}`;
}

function routeStateBody({ id: { vni, subnet }, version }: RouteSetState) {
  return {
    id: { kind: subnet === undefined ? { type: "system" } : { type: "custom", subnet }, vni },
    version: version === undefined ? null : { router_id: version.routerId, version: version.version },
  };
}

export function vpcRoutes(app: FastifyInstance, network: NetworkOperations): void {
  addRoute(app, {
    path: "/vpc/:vpc_id/firewall/rules",
    tag: "networking",
    // Before versions 10.0.0 and 31.0.0 of the original the body was another; here it is that of 49 in all of them.
    shared: {},
    method: "PUT",
    operationId: "vpc_firewall_rules_put",
    summary: "Give the ports of a VPC these firewall rules, in place of those they have. The VPC is known by its VNI",
    body: bodyOf<FirewallRulesBody>(firewallRulesBody),
    answers: { 204: done },
    handle: async (_request, reply, { vni, rules }) => {
      await network.setFirewallRules(vni as Vni, parseFirewallRules(rules, "rules"));
      return noContent(reply);
    },
  });
  addRoute(app, {
    path: "/eip-gateways",
    tag: "networking",
    shared: {},
    method: "PUT",
    operationId: "set_eip_gateways",
    summary: "Say, of all NICs, which internet gateways may choose which external address as a source",
    body: bodyOf<schemas.GatewayMapBody>(schemas.gatewayMap),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await network.setGateways(parseGateways(body));
      return noContent(reply);
    },
  });
  routeSetRoutes(app, network);
  virtualNicRoutes(app, network);
}

function routeSetRoutes(app: FastifyInstance, network: NetworkOperations): void {
  addRoute(app, {
    ...ROUTES,
    method: "GET",
    operationId: "list_vpc_routes",
    summary: "The routers that ports here use, and the version of each; by VNI, the VPC's own router first",
    answers: { 200: listOf(schemas.routeState) },
    handle: async (_request, reply) => sendExact(reply, network.listRoutes().map(routeStateBody)),
  });
  addRoute(app, {
    ...ROUTES,
    method: "PUT",
    operationId: "set_vpc_routes",
    summary:
      "Give routers these routes, in place of those they have. Routers that no port here uses are passed over, and so are versions that are not newer",
    body: bodyOf<readonly schemas.RouteSetBody[]>(schemas.routeSets),
    keepText: true,
    answers: { 204: done },
    handle: async (request, reply, body) => {
      await network.setRoutes(parseRouteSets(body, request.bodyText as string));
      return noContent(reply);
    },
  });
}

function virtualNicRoutes(app: FastifyInstance, network: NetworkOperations): void {
  addRoute(app, {
    ...V2P,
    method: "GET",
    operationId: "list_v2p",
    summary: "Where the addresses of VPCs live: by VNI, IPv4 addresses ascending, then IPv6 addresses ascending",
    answers: { 200: listOf(schemas.virtualNicHost) },
    handle: async (_request, reply) =>
      sendList(reply, await network.listVirt2Phys(), (entries) => listJson(entries, virtualNicHostJson)),
  });
  addRoute(app, {
    ...V2P,
    method: "PUT",
    operationId: "set_v2p",
    summary: "Say on which sled an address of a VPC lives; moves it if it lives elsewhere",
    body: bodyOf<schemas.VirtualNicHostBody>(schemas.virtualNicHost),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await network.setVirt2Phys(parseNewVirt2Phys(body));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...V2P,
    method: "DELETE",
    operationId: "del_v2p",
    summary: "Forget where an address of a VPC lives. It goes by address and VNI; MAC and sled do not matter",
    body: bodyOf<schemas.VirtualNicHostBody>(schemas.virtualNicHost),
    answers: { 204: done },
    handle: async (_request, reply, body) => {
      await network.clearVirt2Phys(parseVirt2Phys(body));
      return noContent(reply);
    },
  });
}
