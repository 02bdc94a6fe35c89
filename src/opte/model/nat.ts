/** The rules of a port's NAT layer (oxide-vpc `nat.rs`). They follow from its external addresses and attached subnets. */
import { type Cidr, isIpv6Cidr } from "../../net/cidr.ts";
import { type Ip, isIpv6 } from "../../net/ip.ts";
import type { Uuid } from "../../uuid.ts";
import { driverText } from "../driver-text.ts";
import type { ExternalIpCfg, SetExternalIps } from "../types.ts";
import type { ModelPort } from "./model-port.ts";
import * as text from "./rules.ts";

const PRIORITY = { externalSubnet: 4, floating: 5, ephemeral: 10, snat: 100, noSource: 255 } as const;

type Gateways = SetExternalIps["internetGateways"];

/** Which gateways an address is for, in order: the driver has a set. Undefined stands for the one without an id. */
function gatewaysOf(gateways: Gateways, ip: Ip): readonly (Uuid | undefined)[] {
  const ids = gateways?.find(([key]) => key === ip)?.[1];
  return ids === undefined ? [undefined] : [...new Set(ids)].sort();
}

interface Family {
  readonly privateIp: Ip;
  readonly external: ExternalIpCfg<Ip>;
  readonly subnets: readonly Cidr[];
  readonly gateways: Gateways;
}

/** A packet of the family that the router sends to this gateway. */
function outward(family: Family, priority: number, action: string, gateway: Uuid | undefined): text.RuleText {
  const target = gateway === undefined ? "ig" : `ig=${gateway}`;
  return {
    priority,
    predicates: [text.etherTypeIs(isIpv6(family.privateIp) ? "IPv6" : "IPv4"), text.metaIs("router-target", target)],
    action: `Stateful: ${action}`,
  };
}

function inward({ privateIp }: Family, priority: number, addresses: readonly [Ip, ...Ip[]]): text.RuleText {
  return {
    priority,
    predicates: [text.addressAmong("dst", addresses)],
    action: `Stateful: ${driverText(privateIp)} <=> (external)`,
  };
}

function oneToOne({ privateIp }: Family, external: readonly Ip[]): string {
  const list = external.map(driverText).join(",");
  return `${driverText(privateIp)} <=> ${external.length > 1 ? `{${list}}` : list}`;
}

/** Floating addresses by the gateway they are for, the one without an id first. */
function byGateway({ external, gateways }: Family): (readonly [Uuid | undefined, readonly Ip[]])[] {
  const lists = new Map<Uuid | undefined, Ip[]>();
  for (const ip of external.floatingIps) {
    for (const gateway of gatewaysOf(gateways, ip)) lists.set(gateway, [...(lists.get(gateway) ?? []), ip]);
  }
  return [...lists].sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
}

function familyRules(family: Family): text.BothWays<text.RuleText[]> {
  const { external, subnets, gateways } = family;
  const rules: text.BothWays<text.RuleText[]> = { in: [], out: [] };
  const [subnet, ...otherSubnets] = subnets;
  if (subnet !== undefined) {
    const priority = PRIORITY.externalSubnet;
    const among = (end: "src" | "dst") => [text.addressIn(end, subnet, ...otherSubnets)];
    rules.out.push({ priority, predicates: among("src"), action: "Meta: ExternalIpTagger" });
    rules.in.push({ priority, predicates: among("dst"), action: "Allow" });
  }
  const [floating, ...otherFloating] = external.floatingIps;
  if (floating !== undefined) {
    for (const [gateway, ips] of byGateway(family)) {
      rules.out.push(outward(family, PRIORITY.floating, oneToOne(family, ips), gateway));
    }
    rules.in.push(inward(family, PRIORITY.floating, [floating, ...otherFloating]));
  }
  const { ephemeralIp, snat } = external;
  if (ephemeralIp !== undefined) {
    for (const gateway of gatewaysOf(gateways, ephemeralIp)) {
      rules.out.push(outward(family, PRIORITY.ephemeral, oneToOne(family, [ephemeralIp]), gateway));
    }
    rules.in.push(inward(family, PRIORITY.ephemeral, [ephemeralIp]));
  }
  if (snat !== undefined) {
    const address = driverText(snat.externalIp);
    const pool = `${isIpv6(snat.externalIp) ? `[${address}]` : address}:${snat.firstPort}-${snat.lastPort}`;
    for (const gateway of gatewaysOf(gateways, snat.externalIp)) {
      rules.out.push(outward(family, PRIORITY.snat, pool, gateway));
    }
  }
  return rules;
}

/** What the router sends to a gateway and no address was found for. */
const NO_SOURCE: text.RuleText = {
  priority: PRIORITY.noSource,
  predicates: [text.metaIs("router-target-class", "ig")],
  action: text.DENY,
};

const NO_EXTERNAL: ExternalIpCfg<Ip> = { snat: undefined, ephemeralIp: undefined, floatingIps: [] };

/** In the order in which the driver makes them. */
export function natRules(port: ModelPort): text.LayerRules {
  const { v4, v6 } = port.create.cfg.ipCfg;
  const family = (privateIp: Ip | undefined, external: ExternalIpCfg<Ip> = NO_EXTERNAL) => {
    if (privateIp === undefined) return { in: [], out: [] };
    const subnets = port.attachedSubnets
      .filter(([network, { isExternal }]) => isExternal && isIpv6Cidr(network) === isIpv6(privateIp))
      .map(([network]) => network);
    return familyRules({ privateIp, external, subnets, gateways: port.layers.natGateways });
  };
  const four = family(v4?.privateIp, port.externalIps.v4);
  const six = family(v6?.privateIp, port.externalIps.v6);
  return { in: [...four.in, ...six.in], out: [...four.out, ...six.out, NO_SOURCE] };
}
