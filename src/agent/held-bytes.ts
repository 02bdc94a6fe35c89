/**
 * What an operation holds while it waits in the lane, about as many bytes as its text had. Only
 * bodies that can be large are measured; the others are bounded by how many may wait.
 */
import type { DeclaredConfig } from "../multicast/declared.ts";
import type { ForwardingEntry } from "../opte/types.ts";
import type { GatewayMap, RouteSetUpdate, VpcFirewallRule } from "../ports/spec.ts";
import type { Registration } from "../vmm/vmm.ts";

/** A mapping, a next hop, and a source of its filter, as JSON. */
const MAPPING_BYTES = 80;
const HOP_BYTES = 80;
const SOURCE_BYTES = 16;
/** A firewall rule without its lists, an element of these, and a route. */
const RULE_BYTES = 100;
const ELEMENT_BYTES = 40;
const ROUTE_BYTES = 100;
/** A port's name, which has 31 characters at most. */
const NAME_BYTES = 32;

export function bytesOfEntry({ nextHops }: ForwardingEntry): number {
  return nextHops.reduce((sum, { filter }) => sum + HOP_BYTES + SOURCE_BYTES * filter.sources.length, 0);
}

export function bytesOfConfig({ m2p, forwarding }: DeclaredConfig): number {
  let bytes = MAPPING_BYTES * m2p.size;
  for (const [underlay, nextHops] of forwarding) bytes += HOP_BYTES + bytesOfEntry({ underlay, nextHops });
  return bytes;
}

export function bytesOfRegistration({ body }: Registration): number {
  return body.length;
}

export function bytesOfNames(names: readonly string[]): number {
  return NAME_BYTES * names.length;
}

export function bytesOfRules(rules: readonly VpcFirewallRule[]): number {
  return rules.reduce((sum, { targets, hosts, ports, protocols }) => {
    return sum + RULE_BYTES + ELEMENT_BYTES * (targets.length + hosts.length + ports.length + protocols.length);
  }, 0);
}

export function bytesOfRoutes(sets: readonly RouteSetUpdate[]): number {
  return sets.reduce((sum, { routes }) => sum + ROUTE_BYTES * (routes.length + 1), 0);
}

export function bytesOfGateways(gateways: GatewayMap): number {
  let bytes = 0;
  for (const addresses of gateways.values()) {
    for (const ids of addresses.values()) bytes += ELEMENT_BYTES * (ids.length + 2);
  }
  return bytes;
}

/** Of networks, addresses: anything short. */
export function bytesOfList(list: readonly unknown[]): number {
  return ELEMENT_BYTES * list.length;
}
