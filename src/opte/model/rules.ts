/**
 * Rules of a layer as the driver keeps and tells them (opte `layer.rs`, `rule.rs`, `predicate.rs`):
 * their order, their ids, and the words of their predicates.
 */
import { type Cidr, isIpv6Cidr } from "../../net/cidr.ts";
import { type Ip, isIpv6 } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import { driverCidr, driverMac, driverText } from "../driver-text.ts";
import type { LayerRule } from "../layers.ts";

/** A rule in the driver's words, before it has an id. */
export interface RuleText {
  readonly priority: number;
  readonly predicates: readonly string[];
  readonly dataPredicates?: readonly string[];
  readonly action: string;
}

/** With the id that its table gave it: they count up in each direction of a layer and are not used again. */
export interface Numbered<Rule> {
  readonly id: number;
  readonly rule: Rule;
}

/** For each direction of a layer. */
export interface BothWays<T> {
  readonly in: T;
  readonly out: T;
}

export type LayerRules = BothWays<readonly RuleText[]>;

export const DENY = "Deny";

/** Rules that a layer was given as a whole. */
export function numberedFrom(first: number, rules: readonly RuleText[]): Numbered<RuleText>[] {
  return rules.map((rule, i) => ({ id: first + i, rule }));
}

/** As a table holds them: by priority, of one priority the denying ones first, of those the newest. */
export function inOrder(rules: readonly Numbered<RuleText>[]): LayerRule[] {
  const denies = (rule: RuleText) => (rule.action === DENY ? 0 : 1);
  return [...rules]
    .sort((a, b) => a.rule.priority - b.rule.priority || denies(a.rule) - denies(b.rule) || b.id - a.id)
    .map(toldRule);
}

/** No packet has come through the model, so nothing was hit. */
export function toldRule({ id, rule }: Numbered<RuleText>): LayerRule {
  const { priority, predicates, dataPredicates = [], action } = rule;
  return { id: BigInt(id), hits: 0n, priority, predicates, dataPredicates, action };
}

type End = "src" | "dst";

const ipEnd = (six: boolean, end: End) => `inner.ip${six ? "6" : ""}.${end}`;

export const addressIs = (end: End, ip: Ip) => `${ipEnd(isIpv6(ip), end)}=${driverText(ip)}`;
export const addressIn = (end: End, ...networks: readonly [Cidr, ...Cidr[]]) =>
  `${ipEnd(isIpv6Cidr(networks[0]), end)}=${networks.map(driverCidr).join(",")}`;
export const addressAmong = (end: End, addresses: readonly [Ip, ...Ip[]]) =>
  `${ipEnd(isIpv6(addresses[0]), end)}=${addresses.map(driverText).join(",")}`;
export const macIs = (end: End, ...macs: readonly Mac[]) => `inner.ether.${end}=${macs.map(driverMac).join(",")}`;
export const protocolIs = (name: string) => `inner.ip.proto=${name}`;
export const etherTypeIs = (name: "ARP" | "IPv4" | "IPv6") => `inner.ether.ether_type=${name}`;
export const metaIs = (key: string, value: string | number) => `meta: ${key}=${value}`;

/** One value, or from one to another. */
function match(start: number | string, end: number | string): string {
  return start === end ? `=${start}` : `∈(${start}..=${end})`;
}

export const portsAre = (end: End, ...ranges: readonly (readonly [number, number])[]) =>
  `inner.ulp.${end}${ranges.map(([first, last]) => match(first, last)).join(",")}`;

/** Both families have one spelling. */
export const icmpCodes = (start: number, end: number) => `inner.icmp.code${match(start, end)}`;
export const icmpTypes = (start: string, end: string) => `inner.icmp.type${match(start, end)}`;
