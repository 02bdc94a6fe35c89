/** What the driver holds of a port, and its form in a snapshot. */
import type { Cidr } from "../../net/cidr.ts";
import type { CreateXde, FirewallRule, PortState, RouterEntry, SetExternalIps, TransitIp } from "../types.ts";
import type { BothWays, Numbered } from "./rules.ts";

interface Held {
  readonly create: CreateXde;
  state: PortState;
  /** Somebody has the link open in a way that keeps it from being destroyed. */
  busy: boolean;
  externalIps: Pick<SetExternalIps, "v4" | "v6" | "internetGateways">;
  attachedSubnets: (readonly [Cidr, { readonly isExternal: boolean }])[];
  transitIps: (readonly [Cidr, TransitIp])[];
}

/** What the layers know that does not follow from the rest. */
interface Layers {
  /** The ids that the next rules get: the firewall's in either direction, a route's. */
  readonly next: { in: number; out: number; route: number };
  /** Layers whose rules are made anew as a whole: the ids with which those that are there begin. */
  readonly first: { gateway: BothWays<number>; nat: BothWays<number> };
  /** With which the NAT layer's rules were made: a refused setting of external addresses leaves another behind. */
  natGateways: SetExternalIps["internetGateways"];
}

/** A port's configuration is that of its creation, but for the parts named beside it. */
export interface ModelPort extends Held {
  /** In the order in which they were added. */
  firewall: Numbered<FirewallRule>[];
  /** In the order in which they are tried. */
  routes: Numbered<RouterEntry>[];
  readonly layers: Layers;
}

/** Rules and their ids apart. No layers: they are as they were made, or the file is of before they were kept. */
export interface PortSnapshot extends Held {
  readonly firewall: readonly FirewallRule[];
  readonly routes: readonly RouterEntry[];
  readonly layers?: Layers & { readonly firewall: readonly number[]; readonly routes: readonly number[] };
}

const NONE = { in: 0, out: 0 };

/** The router layer has had one rule before: it lets multicast pass. */
export const FIRST_ROUTE = 1;

export function newLayers(natGateways: Layers["natGateways"] = undefined): Layers {
  return { next: { ...NONE, route: FIRST_ROUTE }, first: { gateway: NONE, nat: NONE }, natGateways };
}

const rulesOf = <Rule>(numbered: readonly Numbered<Rule>[]) => numbered.map(({ rule }) => rule);
const idsOf = (numbered: readonly Numbered<unknown>[]) => numbered.map(({ id }) => id);

/** Whether no rule came or went since the port was made. */
function isUntouched({ layers: { next, first, natGateways }, externalIps }: ModelPort): boolean {
  const ids = next.in + next.out + (next.route - FIRST_ROUTE) + first.gateway.out + first.nat.out;
  return ids === 0 && natGateways === externalIps.internetGateways;
}

export function savedPort(port: ModelPort): PortSnapshot {
  const { firewall, routes, layers, ...held } = port;
  const rules = { ...held, firewall: rulesOf(firewall), routes: rulesOf(routes) };
  if (isUntouched(port)) return rules;
  return { ...rules, layers: { ...layers, firewall: idsOf(firewall), routes: idsOf(routes) } };
}

/** Where no ids were kept, rules are counted in the order in which they stand. */
export function restoredPort(saved: PortSnapshot): ModelPort {
  const { next, first, natGateways } = saved.layers ?? newLayers(saved.externalIps.internetGateways);
  const layers: Layers = { next: { ...next }, first: { ...first }, natGateways };
  const count = (direction: keyof typeof next) => layers.next[direction]++;
  return {
    ...saved,
    firewall: saved.firewall.map((rule, i) => ({ id: saved.layers?.firewall[i] ?? count(rule.direction), rule })),
    routes: saved.routes.map((rule, i) => ({ id: saved.layers?.routes[i] ?? count("route"), rule })),
    layers,
  };
}
