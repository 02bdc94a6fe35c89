/** Routes, as oxide-vpc keeps them: rules of the port's router layer (router.rs, opte layer.rs). */
import { cidrAddress, cidrLength, isIpv6Cidr } from "../../net/cidr.ts";
import { isMulticast } from "../../net/classify.ts";
import { isIpv6 } from "../../net/ip.ts";
import { driverCidr, driverText } from "../driver-text.ts";
import type { Removed, RouterEntry, RouterTarget } from "../types.ts";
import type { ModelPort } from "./model-port.ts";
import { portOf } from "./ports.ts";
import { Refusal } from "./refuse.ts";
import * as text from "./rules.ts";
import type { Tables } from "./tables.ts";

function describeTarget(target: RouterTarget): string {
  switch (target.type) {
    case "drop":
      return "drop";
    case "internet-gateway":
      return target.id === undefined ? "ig" : `ig=${target.id}`;
    case "ip":
      return `ip${isIpv6(target.ip) ? 6 : 4}=${driverText(target.ip)}`;
    case "vpc-subnet":
      return `sub${isIpv6Cidr(target.cidr) ? 6 : 4}=${driverCidr(target.cidr)}`;
  }
}

function checkRoute({ dest, target }: RouterEntry): void {
  const invalid = (text: string) => new Refusal({ variant: "InvalidRouterEntry", dest, target: text });
  if (isMulticast(cidrAddress(dest))) throw invalid("multicast destinations not allowed in router entries");
  const address =
    target.type === "ip" ? target.ip : target.type === "vpc-subnet" ? cidrAddress(target.cidr) : undefined;
  if (address !== undefined && isIpv6(address) !== isIpv6Cidr(dest)) throw invalid(describeTarget(target));
}

/** Longer prefixes come first, of one length the custom routes. */
function priorityOf({ dest, class: kind }: RouterEntry): number {
  return 2 * ((isIpv6Cidr(dest) ? 128 : 32) - cidrLength(dest)) + (kind === "custom" ? 0 : 1) + 10;
}

/** In front of others of its priority; a drop in front of all of them, anything else behind the drops. */
function placeOf(entry: RouterEntry, routes: readonly text.Numbered<RouterEntry>[]): number {
  const priority = priorityOf(entry);
  const drops = entry.target.type === "drop";
  const at = routes.findIndex(({ rule: other }) => {
    const theirs = priorityOf(other);
    return priority < theirs || (priority === theirs && (drops || other.target.type !== "drop"));
  });
  return at < 0 ? routes.length : at;
}

export function addRouterEntry(tables: Tables, entry: RouterEntry): undefined {
  const port = portOf(tables, entry.port);
  checkRoute(entry);
  port.routes.splice(placeOf(entry, port.routes), 0, { id: port.layers.next.route++, rule: entry });
}

/** Rules are equal when their predicates are: the first to that destination goes, whatever its target and class. */
export function delRouterEntry(tables: Tables, entry: RouterEntry): Removed {
  const { routes } = portOf(tables, entry.port);
  checkRoute(entry);
  const at = routes.findIndex(({ rule }) => rule.dest === entry.dest);
  if (at < 0) return "not-found";
  routes.splice(at, 1);
  return "ok";
}

/** Multicast passes without a route: it goes by mappings. */
const MULTICAST: text.RuleText = {
  priority: 0,
  predicates: ["any(inner.ip.dst=224.0.0.0/4,inner.ip6.dst=ff00::/8)"],
  action: "Allow",
};

function actionText(target: RouterTarget): string {
  switch (target.type) {
    case "drop":
      return text.DENY;
    case "internet-gateway":
      return `Meta: Target = IG(${target.id === undefined ? "None" : `Some(${target.id})`})`;
    case "ip":
      return `Meta: Target = IP: ${driverText(target.ip)}`;
    case "vpc-subnet":
      return `Meta: Target = Subnet: ${driverCidr(target.cidr)}`;
  }
}

/** Routes are rules for what goes out. */
export function routerRules({ routes }: ModelPort): text.BothWays<text.Numbered<text.RuleText>[]> {
  const told = routes.map(({ id, rule }) => ({
    id,
    rule: {
      priority: priorityOf(rule),
      predicates: [text.addressIn("dst", rule.dest)],
      action: actionText(rule.target),
    },
  }));
  return { in: [], out: [{ id: 0, rule: MULTICAST }, ...told] };
}
