/**
 * The driver's tables as opteadm prints them (opteadm, oxide-vpc `print.rs`): a script that reads
 * its output reads ours. Where it prints OPTE's own IPv6 text, which compresses the first run of
 * zeros and not the longest, so do we.
 */
import { isIpv6Cidr } from "../../net/cidr.ts";
import { isIpv6 } from "../../net/ip.ts";
import { driverCidr, driverMac, driverText } from "../../opte/driver-text.ts";
import type { SourceFilter } from "../../opte/filter.ts";
import type {
  ForwardingEntry,
  M2pMapping,
  PortInfo,
  Replication,
  SubscriptionEntry,
  Virt2Boundary,
  Virt2PhysNetwork,
} from "../../opte/types.ts";
import { elastic } from "./elastic.ts";

export const RULE = "-".repeat(70);
export const BOLD_RULE = "=".repeat(70);
const NONE = "None";

function filterText({ mode, sources }: SourceFilter): string {
  const kind = mode.toUpperCase();
  if (sources.length === 0) return mode === "exclude" ? `${kind}() (any)` : `${kind}() (none)`;
  return `${kind}(${sources.map(driverText).join(", ")})`;
}

const capitalized = (replication: Replication) => replication.charAt(0).toUpperCase() + replication.slice(1);

export const page = (lines: readonly string[]) => elastic(`${lines.join("\n")}\n`);

/** `opte` ports by their numbers, others by name. */
function byName(a: PortInfo, b: PortInfo): number {
  const [left, right] = [a, b].map(({ name }) => /^opte(\d+)$/.exec(name)?.[1]);
  if (left !== undefined && right !== undefined) return Number(left) - Number(right);
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** A port takes as many lines as it has floating addresses of one family; then comes an empty one. */
function portLines(port: PortInfo): string[] {
  const [four, six] = [port.floatingIp4s ?? [], port.floatingIp6s ?? []];
  const lines = [
    [
      port.name,
      driverMac(port.mac),
      port.ip4 ?? NONE,
      port.ephemeralIp4 ?? NONE,
      four[0] ?? NONE,
      port.ip6 === undefined ? NONE : driverText(port.ip6),
      port.ephemeralIp6 === undefined ? NONE : driverText(port.ephemeralIp6),
      six[0] === undefined ? NONE : driverText(six[0]),
      port.state,
    ].join("\t"),
  ];
  const rows = Math.max(four.length, six.length, 1);
  for (let i = 1; i < rows; i++) {
    const sixth = six[i];
    lines.push(`\t\t\t\t${four[i] ?? ""}\t\t\t${sixth === undefined ? "" : driverText(sixth)}\t`);
  }
  if (rows > 1) lines.push("\t".repeat(8));
  return lines;
}

const PORT_HEAD = [
  "LINK",
  "MAC ADDRESS",
  "IPv4 ADDRESS",
  "EPHEMERAL IPv4",
  "FLOATING IPv4",
  "IPv6 ADDRESS",
  "EXTERNAL IPv6",
  "FLOATING IPv6",
  "STATE",
].join("\t");

export function printPorts(ports: readonly PortInfo[]): string {
  return page([PORT_HEAD, ...[...ports].sort(byName).flatMap(portLines)]);
}

export function printM2p(mappings: readonly M2pMapping[]): string {
  const rows = (six: boolean) =>
    mappings
      .filter(({ group }) => isIpv6(group) === six)
      .map(({ group, underlay }) => `${group}\t${driverText(underlay)}`);
  const section = (title: string, six: boolean) =>
    page(["", title, RULE, "OVERLAY GROUP\tUNDERLAY MCAST", ...rows(six)]);
  const title = `Multicast to Physical Mappings (M2P)\n${BOLD_RULE}\n`;
  return `${title}${section("IPv4 groups", false)}${section("IPv6 groups", true)}\n`;
}

export function printForwarding(entries: readonly ForwardingEntry[]): string {
  const rows = entries.flatMap(({ underlay, nextHops }) =>
    nextHops.map((hop) =>
      [driverText(underlay), driverText(hop.addr), hop.vni, capitalized(hop.replication), filterText(hop.filter)].join(
        "\t",
      ),
    ),
  );
  const head = "GROUP IP\tUNDERLAY IP\tVNI\tREPLICATION\tFILTER";
  return page(["Multicast Forwarding Table", BOLD_RULE, "", head, RULE, ...rows, ""]);
}

export function printSubscriptions(entries: readonly SubscriptionEntry[]): string {
  const rows = entries.flatMap(({ underlay, subscribers }) =>
    subscribers.map(({ port, filter }) => `${driverText(underlay)}\t${port}\t${filterText(filter)}`),
  );
  return page(["Multicast Subscriptions", BOLD_RULE, "", "UNDERLAY GROUP\tPORT\tFILTER", RULE, ...rows, ""]);
}

export function printV2p(networks: readonly Virt2PhysNetwork[]): string {
  const section = (title: string, rows: readonly string[]) =>
    page(["", title, RULE, "VPC_IP\tVPC MAC ADDR\tUNDERLAY IP", ...rows]);
  const sections = networks.map(({ vni, mappings }) => {
    const rows = (six: boolean) =>
      mappings
        .filter(([ip]) => isIpv6(ip) === six)
        .map(([ip, { ether, ip: underlay }]) => `${ip}\t${driverMac(ether)}\t${underlay}`);
    const head = `\nVPC ${vni}\n${RULE}\n`;
    return `${head}${section("IPv4 mappings", rows(false))}${section("IPv6 mappings", rows(true))}`;
  });
  return `Virtual to Physical Mappings\n${BOLD_RULE}\n${sections.join("")}`;
}

export function printV2b(table: readonly Virt2Boundary[]): string {
  const section = (title: string, six: boolean) => {
    const rows = table
      .filter(({ prefix }) => isIpv6Cidr(prefix) === six)
      .flatMap(({ prefix, endpoints }) =>
        endpoints.map(({ ip, vni }) => `${driverCidr(prefix)}\t${driverText(ip)}\t${vni}`),
      );
    return page(["", title, RULE, "TUNNELED PREFIX\tBOUNDARY IP\tVNI", ...rows]);
  };
  const title = `Virtual to Boundary Mappings\n${BOLD_RULE}\n`;
  return `${title}${section("IPv4 mappings", false)}${section("IPv6 mappings", true)}\n`;
}
