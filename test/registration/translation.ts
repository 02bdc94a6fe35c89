/**
 * What a registration makes, written from sled-agent-api.md §6.2 to §6.4 (rows 22, 32 and 34 of §12)
 * and the original's port_manager.rs and firewall_rules.rs. It shares nothing with the program.
 */
import { cidrKey, ipKey, macKey, network, nextAfter } from "./address.ts";
import {
  type ExternalBody,
  type FamilyBody,
  familiesOf,
  type HostBody,
  type NicBody,
  type ProtocolBody,
  type RegistrationBody,
  type RuleBody,
} from "./body.ts";

/** A route as `class dest target`. */
export type RouteText = string;

/** What is on the sled before. */
export interface Surroundings {
  readonly physIp: string;
  /** Known route sets, by VNI and subnet (`routerKey`). */
  readonly routes: ReadonlyMap<string, readonly { readonly dest: string; readonly target: string }[]>;
  /** For NICs by id: which gateways may choose an address. */
  readonly gateways: ReadonlyMap<string, readonly (readonly [ip: string, ids: readonly string[]])[]>;
  readonly mappings: ReadonlyMap<string, string>;
}

export interface ExpectedPort {
  readonly mac: string;
  readonly gatewayMac: string;
  readonly vni: number;
  readonly physIp: string;
  readonly mtu: number | undefined;
  readonly v4: ExpectedFamily | undefined;
  readonly v6: ExpectedFamily | undefined;
  readonly gateways: readonly string[] | undefined;
  readonly dhcp: unknown;
  readonly firewall: readonly ExpectedRule[];
  /** Of the system router and of the custom ones. */
  readonly routes: readonly RouteText[];
}

export interface ExpectedFamily {
  readonly ip: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly transit: readonly string[];
  readonly attached: readonly string[];
  readonly external: string;
}

export interface ExpectedRule {
  readonly direction: string;
  readonly action: string;
  readonly priority: number;
  readonly protocol: string;
  readonly host: string;
  readonly ports: string;
}

export interface ExpectedMembership {
  readonly group: string;
  readonly sources: readonly string[];
  readonly state: "applied" | "pending";
}

export interface Made {
  readonly ports: readonly ExpectedPort[];
  /** Of the ports, in their order. */
  readonly primary: readonly boolean[];
  readonly memberships: readonly ExpectedMembership[];
  /** Of the primary port, as `underlay mode(sources)`. */
  readonly subscriptions: readonly string[];
}

export const routerKey = (vni: number, subnet?: string) =>
  `${vni} ${subnet === undefined ? "system" : cidrKey(subnet)}`;

export function translation(body: RegistrationBody, around: Surroundings): Made {
  const { nics, multicast_groups } = body.local_config;
  const primary = nics.find((nic) => nic.primary);
  const sets = new Map(around.routes);
  return {
    ports: nics.map((nic) => portOf(nic, nic === primary, body, around, sets)),
    primary: nics.map((nic) => nic === primary),
    ...membershipsOf(multicast_groups, primary !== undefined, around.mappings),
  };
}

function portOf(
  nic: NicBody,
  isPrimary: boolean,
  { local_config: local }: RegistrationBody,
  { physIp, gateways }: Surroundings,
  sets: Map<string, readonly { readonly dest: string; readonly target: string }[]>,
): ExpectedPort {
  const { v4, v6 } = familiesOf(nic.ip_config);
  const attached = isPrimary ? local.attached_subnets : [];
  const family = (one: FamilyBody, external: ExternalBody | null | undefined, wanted: 32 | 128): ExpectedFamily => ({
    ip: ipKey(one.ip),
    subnet: cidrKey(one.subnet),
    // First host in IPv4, network address + 1 in IPv6: the same number.
    gateway: nextAfter(network(one.subnet)),
    transit: [...new Set((one.transit_ips ?? []).map((cidr) => `${cidrKey(cidr)} in out`))].sort(),
    // Keyed by network, the last one counts.
    attached: [
      ...new Map(
        attached
          .filter(({ subnet }) => network(subnet).bits === wanted)
          .map(({ subnet, kind }) => [cidrKey(subnet), kind === "external" ? "external" : "internal"]),
      ),
    ]
      .map((entry) => entry.join(" "))
      .sort(),
    external: externalText(external ?? undefined),
  });
  return {
    mac: macKey(nic.mac),
    gatewayMac: "a8:40:25:ff:77:77",
    vni: nic.vni,
    physIp: ipKey(physIp),
    mtu: isPrimary ? (local.primary_nic_mtu ?? undefined) : undefined,
    v4: v4 && family(v4, local.external_ips.v4, 32),
    v6: v6 && family(v6, local.external_ips.v6, 128),
    // Probes and services are not told of gateways.
    gateways: nic.kind.type === "instance" ? gateways.get(nic.id)?.map(gatewayText).sort() : undefined,
    dhcp: {
      hostname: local.hostname,
      domain: local.dhcp_config.host_domain ?? undefined,
      search: local.dhcp_config.search_domains,
      dns4: local.dhcp_config.dns_servers.map(ipKey).filter((ip) => ip.startsWith("v4")),
      dns6: local.dhcp_config.dns_servers.map(ipKey).filter((ip) => ip.startsWith("v6")),
    },
    firewall: local.firewall_rules.flatMap((rule) => rulesOf(rule, nic)),
    routes: routesOf(nic, sets),
  };
}

export const gatewayText = ([ip, ids]: readonly [string, readonly string[]]) => `${ipKey(ip)} ${[...ids].sort()}`;

function externalText(external: ExternalBody | undefined): string {
  if (external === undefined) return "snat none; ephemeral none; floating ";
  const { source_nat: nat, ephemeral_ip: ephemeral, floating_ips: floating } = external;
  const snat = nat ? `${ipKey(nat.ip)} ${nat.first_port}-${nat.last_port}` : "none";
  const several = [...new Set(floating.map(ipKey))].sort().join();
  return `snat ${snat}; ephemeral ${ephemeral ? ipKey(ephemeral) : "none"}; floating ${several}`;
}

/** Product of protocols and hosts, protocols outside (§6.4). */
function rulesOf(rule: RuleBody, nic: NicBody): ExpectedRule[] {
  const { status, direction, action, priority, targets } = rule;
  const isAimed = targets.some(({ vni, mac }) => vni === nic.vni && macKey(mac) === macKey(nic.mac));
  if (status === "disabled" || !(targets.length === 0 || isAimed)) return [];
  const ranges = rule.filter_ports ?? [];
  const hosts = rule.filter_hosts?.length ? rule.filter_hosts.map(hostText) : ["any"];
  const out: ExpectedRule[] = [];
  for (const protocol of protocolsOf(rule.filter_protocols ?? [], ranges)) {
    for (const host of hosts) {
      out.push({
        direction: direction === "inbound" ? "in" : "out",
        action,
        priority,
        protocol,
        host,
        ports: protocol === "tcp" || protocol === "udp" ? portsText(ranges) : "any",
      });
    }
  }
  return out;
}

function protocolsOf(named: readonly ProtocolBody[], ranges: readonly string[]): string[] {
  if (named.length > 0) return named.map(protocolText);
  // Row 32: ports alone are those of TCP and UDP.
  return ranges.length > 0 ? ["tcp", "udp"] : ["any"];
}

function protocolText(protocol: ProtocolBody): string {
  if (protocol.type === "tcp" || protocol.type === "udp") return protocol.type;
  const name = protocol.type === "icmp" ? "icmp" : "icmpv6";
  if (protocol.value === null) return name;
  const [first, last = first] = (protocol.value.code ?? "any").split("-");
  const codes = first === "any" ? "any" : `${Number(first)}-${Number(last)}`;
  return `${name} type ${protocol.value.icmp_type} code ${codes}`;
}

function hostText(host: HostBody): string {
  if (host.type === "vpc") return `vni ${host.value}`;
  const { bits, width } = network(host.value);
  return width === bits ? `ip ${ipKey(host.value.split("/")[0] as string)}` : `subnet ${cidrKey(host.value)}`;
}

/** Ranges as what they cover; all of it is "any" (row 34). */
function portsText(ranges: readonly string[]): string {
  if (ranges.length === 0) return "any";
  const pairs = ranges
    .map((range) => range.split("-").map(Number))
    .map(([first = 0, last = first]): [number, number] => [first, last])
    .sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [first, last] of pairs) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  const text = merged.map(([first, last]) => `${first}-${last}`).join();
  return text === "1-65535" ? "any" : text;
}

/**
 * The system router's set, then one for each subnet. Who comes first makes a set; a service's begins
 * with both families' default routes (`default_route_set` in port_manager.rs, for all of its routers).
 */
function routesOf(
  { vni, kind, ip_config }: NicBody,
  sets: Map<string, readonly { readonly dest: string; readonly target: string }[]>,
): RouteText[] {
  const { v4, v6 } = familiesOf(ip_config);
  const subnets = [v4?.subnet, v6?.subnet].filter((subnet) => subnet !== undefined);
  const toTheWorld = ["0.0.0.0/0", "::/0"].map((dest) => ({ dest, target: "internet-gateway" }));
  return [undefined, ...subnets]
    .flatMap((subnet) => {
      const key = routerKey(vni, subnet);
      const routes = sets.get(key) ?? (kind.type === "service" ? toTheWorld : []);
      sets.set(key, routes);
      const of = subnet === undefined ? "system" : "custom";
      return routes.map(({ dest, target }) => `${of} ${cidrKey(dest)} ${target}`);
    })
    .sort();
}

type GroupBody = RegistrationBody["local_config"]["multicast_groups"][number];

/** One underlay has one filter a port: what any of its groups wants comes through. */
function membershipsOf(groups: readonly GroupBody[], hasPort: boolean, mappings: ReadonlyMap<string, string>) {
  const distinct = new Map(
    groups.map(({ group_ip, sources }) => [ipKey(group_ip), [...new Set(sources.map(ipKey))].sort()]),
  );
  const underlays = new Map<string, (readonly string[])[]>();
  const memberships = [...distinct].map(([group, sources]): ExpectedMembership => {
    const underlay = hasPort ? mappings.get(group) : undefined;
    if (underlay !== undefined) underlays.set(underlay, [...(underlays.get(underlay) ?? []), sources]);
    return { group, sources, state: underlay === undefined ? "pending" : "applied" };
  });
  const subscriptions = [...underlays].map(([underlay, wanted]) => {
    const all = wanted.some((sources) => sources.length === 0);
    return `${underlay} ${all ? "exclude()" : `include(${[...new Set(wanted.flat())].sort()})`}`;
  });
  return {
    memberships: memberships.sort((a, b) => (a.group < b.group ? -1 : 1)),
    subscriptions: subscriptions.sort(),
  };
}
