/** Routes, the whereabouts of addresses, and gateways of bodies that passed their schema. */
import { badRequest } from "../../error.ts";
import { type Cidr, cidrAddress, parseCidr } from "../../net/cidr.ts";
import { isMulticast, kindOf } from "../../net/classify.ts";
import { type Ip, type Ipv6, isIpv6, parseIp, sameFamily } from "../../net/ip.ts";
import { type Mac, parseMac } from "../../net/mac.ts";
import type { Vni } from "../../net/vni.ts";
import type { RouterTarget, Virt2Phys } from "../../opte/types.ts";
import type { GatewayMap, Route, RouterId, RouterVersion, RouteSetUpdate } from "../../ports/spec.ts";
import { parseUuid, type Uuid } from "../../uuid.ts";
import type { GatewayMapBody, RouteBody, RouterIdBody, RouteSetBody, VirtualNicHostBody } from "../schemas/vpc.ts";
import { ExactNumbers } from "./exact.ts";

function parseTarget(target: RouteBody["target"]): RouterTarget {
  switch (target.type) {
    case "drop":
      return { type: "drop" };
    case "internet_gateway": {
      const gateway = target.value;
      return { type: "internet-gateway", id: gateway.type === "system" ? undefined : parseUuid(gateway.value) };
    }
    case "ip":
      return { type: "ip", ip: parseIp(target.value) as Ip };
    case "vpc_subnet":
      return { type: "vpc-subnet", cidr: parseCidr(target.value) as Cidr };
  }
}

function addressOf(target: RouterTarget): Ip | undefined {
  if (target.type === "ip") return target.ip;
  return target.type === "vpc-subnet" ? cidrAddress(target.cidr) : undefined;
}

/** What is refused here the driver would refuse, one port after the other (oxide-vpc engine/router.rs). */
function parseRoute(body: RouteBody, field: string): Route {
  const dest = parseCidr(body.dest) as Cidr;
  const target = parseTarget(body.target);
  if (isMulticast(cidrAddress(dest))) {
    throw badRequest(`${field}.dest: ${dest} is multicast, which is not routed: groups are reached by M2P mappings`);
  }
  const address = addressOf(target);
  if (address !== undefined && !sameFamily(address, cidrAddress(dest))) {
    const family = isIpv6(address) ? "IPv6" : "IPv4";
    throw badRequest(`${field}.target.value: ${address} is ${family}, the destination ${dest} is not`);
  }
  return { dest, target };
}

const routeKey = ({ dest, target }: Route) => `${dest} ${JSON.stringify(target)}`;

/** A set: what is there twice counts once. */
function parseRoutes(bodies: readonly RouteBody[], field: string): Route[] {
  const routes = bodies.map((body, i) => parseRoute(body, `${field}[${i}]`));
  return [...new Map(routes.map((route) => [routeKey(route), route])).values()];
}

function parseRouterId({ vni, kind }: RouterIdBody): RouterId {
  return { vni: vni as Vni, subnet: kind.type === "custom" ? parseCidr(kind.subnet) : undefined };
}

function parseVersion(body: RouteSetBody["version"], field: string, exact: ExactNumbers): RouterVersion | undefined {
  if (body === null || body === undefined) return undefined;
  return { routerId: parseUuid(body.router_id) as Uuid, version: exact.uint64(body.version, `${field}.version`) };
}

function sameSet(a: RouteSetUpdate, b: RouteSetUpdate): boolean {
  const keys = new Set(a.routes.map(routeKey));
  return (
    a.version?.routerId === b.version?.routerId &&
    a.version?.version === b.version?.version &&
    a.routes.length === b.routes.length &&
    b.routes.every((route) => keys.has(routeKey(route)))
  );
}

/**
 * A router that is there twice has to be said the same of both times. The original keeps the second
 * set, but sends ports only what tells it from the first, which no port has (port_manager.rs).
 */
export function parseRouteSets(bodies: readonly RouteSetBody[], text: string): RouteSetUpdate[] {
  const exact = new ExactNumbers(text);
  const sets = new Map<string, RouteSetUpdate>();
  for (const [i, body] of bodies.entries()) {
    const id = parseRouterId(body.id);
    const version = parseVersion(body.version, `[${i}].version`, exact);
    const set = { id, version, routes: parseRoutes(body.routes, `[${i}].routes`) };
    const key = `${id.vni} ${id.subnet ?? ""}`;
    const earlier = sets.get(key);
    if (earlier !== undefined && !sameSet(earlier, set)) {
      const router = id.subnet === undefined ? "its own router" : `the router of ${id.subnet}`;
      throw badRequest(`[${i}].id: VNI ${id.vni} has ${router} in this list twice, with different content`);
    }
    sets.set(key, set);
  }
  return [...sets.values()];
}

/** To be cleared: whatever the driver has may be named. */
export function parseVirt2Phys(body: VirtualNicHostBody): Virt2Phys {
  return {
    vip: parseIp(body.virtual_ip) as Ip,
    phys: {
      ether: parseMac(body.virtual_mac) as Mac,
      ip: parseIp(body.physical_host_ip) as Ipv6,
      vni: body.vni as Vni,
    },
  };
}

/** To be set: the driver takes any address and sends packets for it there. */
export function parseNewVirt2Phys(body: VirtualNicHostBody): Virt2Phys {
  const mapping = parseVirt2Phys(body);
  for (const [field, ip] of [
    ["virtual_ip", mapping.vip],
    ["physical_host_ip", mapping.phys.ip],
  ] as const) {
    const kind = kindOf(ip);
    if (kind !== "unicast") throw badRequest(`${field}: ${ip} is ${kind}, not a unicast address`);
  }
  return mapping;
}

const shown = (key: string) => JSON.stringify(key.slice(0, 80));

/** Of a NIC or an address that comes twice, in two spellings, the last wins, as of any key. */
export function parseGateways({ mappings }: GatewayMapBody): GatewayMap {
  return new Map(
    Object.entries(mappings).map(([key, addresses]) => {
      const nic = parseUuid(key);
      if (nic === undefined) throw badRequest(`mappings: ${shown(key)} is not the UUID of a NIC`);
      return [nic, parseGatewaysOfNic(addresses, `mappings.${nic}`)];
    }),
  );
}

function parseGatewaysOfNic(
  addresses: GatewayMapBody["mappings"][string],
  field: string,
): ReadonlyMap<Ip, readonly Uuid[]> {
  return new Map(
    Object.entries(addresses).map(([key, gateways]) => {
      const ip = parseIp(key);
      if (ip === undefined) throw badRequest(`${field}: ${shown(key)} is not an IP address`);
      return [ip, [...new Set(gateways.map((gateway) => parseUuid(gateway) as Uuid))].sort()];
    }),
  );
}
