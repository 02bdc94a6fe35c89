/** What is told of whole VPCs: the routes of their routers, where their addresses live, gateways. */
import type { FromSchema } from "json-schema-to-ts";
import { bare, ip, ipNet, ipv6, listOf, mac, nullable, tagged, uint64, uuid, variant, vni } from "./basic.ts";

const routerKind = tagged("RouterKind", [
  bare("system"),
  {
    type: "object",
    properties: { type: { const: "custom" }, subnet: ipNet },
    required: ["type", "subnet"],
  },
]);

const routerId = {
  title: "RouterId",
  description: "A VPC's own router (`system`), or the one of a subnet of it (`custom`)",
  type: "object",
  properties: { vni, kind: routerKind },
  required: ["vni", "kind"],
} as const;

const routerVersion = {
  title: "RouterVersion",
  description: "Of the control plane's router, and the version of it that the routes are of",
  type: "object",
  properties: { router_id: uuid, version: uint64 },
  required: ["router_id", "version"],
} as const;

const routerTarget = tagged("RouterTarget", [
  bare("drop"),
  variant("internet_gateway", tagged("InternetGatewayRouterTarget", [bare("system"), variant("instance", uuid)])),
  variant("ip", ip),
  variant("vpc_subnet", ipNet),
]);

const route = {
  title: "ResolvedVpcRoute",
  type: "object",
  properties: {
    dest: { ...ipNet, description: "No multicast: groups are reached by mappings and memberships" },
    target: routerTarget,
  },
  required: ["dest", "target"],
} as const;

export const routeSet = {
  title: "ResolvedVpcRouteSet",
  description: "All routes of one router",
  type: "object",
  properties: {
    id: routerId,
    version: nullable(routerVersion),
    routes: { ...listOf(route), description: "A set: one that is there twice counts once" },
  },
  required: ["id", "routes"],
} as const;

export const routeSets = listOf(routeSet);

export const routeState = {
  title: "ResolvedVpcRouteState",
  type: "object",
  properties: { id: routerId, version: nullable(routerVersion) },
  required: ["id"],
} as const;

export const virtualNicHost = {
  title: "VirtualNetworkInterfaceHost",
  description: "An address of a VPC, its MAC, and the sled it lives on",
  type: "object",
  properties: {
    physical_host_ip: { ...ipv6, description: "Underlay address of the sled" },
    virtual_ip: ip,
    virtual_mac: mac,
    vni,
  },
  required: ["physical_host_ip", "virtual_ip", "virtual_mac", "vni"],
} as const;

/** What the keys are is not said in the schema, as in the original; the parser checks them. */
export const gatewayMap = {
  title: "ExternalIpGatewayMap",
  description:
    "For each NIC, by its UUID: for each of its external addresses the internet gateways that may choose it as a source. NICs that are left out have none",
  type: "object",
  properties: {
    mappings: {
      type: "object",
      additionalProperties: { type: "object", additionalProperties: listOf(uuid) },
    },
  },
  required: ["mappings"],
} as const;

export type RouteBody = FromSchema<typeof route>;
export type RouterIdBody = FromSchema<typeof routerId>;
export type RouteSetBody = FromSchema<typeof routeSet>;
export type VirtualNicHostBody = FromSchema<typeof virtualNicHost>;
export type GatewayMapBody = FromSchema<typeof gatewayMap>;
