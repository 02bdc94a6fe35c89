/**
 * What is wrong with a registration that fits its schema, written from sled-agent-api.md (§6.1, §6.4,
 * §12 rows 15, 21, 24, 33), product.md ("400 and names the field") and the original's parsers. It shares
 * nothing with the program.
 */
import { type Address, address, contains, ipKey, macKey, network } from "./address.ts";
import { familiesOf, type NicBody, type ProtocolBody, type RegistrationBody, type RuleBody } from "./body.ts";
import { isSocketAddress } from "./pools.ts";

/** Paths of fields that are wrong. None: it is to be accepted. */
export function faults(body: RegistrationBody): string[] {
  const local = body.local_config;
  return [
    ...(isSocketAddress(body.propolis_addr) ? [] : ["propolis_addr"]),
    ...under("local_config", [
      ...listed("nics", local.nics, nicFaults),
      ...sameNicTwice(local.nics),
      ...externalFaults(local),
      ...subnetFaults(local),
      ...subnetTwice(local),
      ...groupFaults(local.multicast_groups),
      ...listed("firewall_rules", local.firewall_rules, ruleFaults),
      ...(isDomain(local.hostname) ? [] : ["hostname"]),
      ...under("dhcp_config", [
        ...((local.dhcp_config.host_domain ?? undefined) === undefined ||
        isDomain(local.dhcp_config.host_domain as string)
          ? []
          : ["host_domain"]),
        ...listed("search_domains", local.dhcp_config.search_domains, (name) => (isDomain(name) ? [] : [""])),
      ]),
    ]),
  ];
}

type Local = RegistrationBody["local_config"];

const join = (at: string, inner: string) => (inner === "" ? at : `${at}.${inner}`);
const under = (at: string, inner: readonly string[]) => inner.map((one) => join(at, one));
const listed = <T>(at: string, list: readonly T[] | null | undefined, of: (one: T) => readonly string[]) =>
  (list ?? []).flatMap((one, i) => under(`${at}[${i}]`, of(one)));

const isVni = (vni: number) => vni < 2 ** 24;

/** private_ip_config/mod.rs: a VPC's IPv4 subnets have 8 to 26 bits, its IPv6 ones 64. */
export function nicFaults({ vni, ip_config }: NicBody): string[] {
  const { path, ...families } = familiesOf(ip_config);
  const ofFamilies = Object.entries(families).flatMap(([family, { ip, subnet }]) => {
    const net = network(subnet);
    const fits = net.bits === 128 ? net.width === 64 : net.width >= 8 && net.width <= 26;
    return under(path(family), [...(fits ? [] : ["subnet"]), ...(contains(net, address(ip)) ? [] : ["ip"])]);
  });
  return [...(isVni(vni) ? [] : ["vni"]), ...under("ip_config", ofFamilies)];
}

const identity = ({ vni, mac }: NicBody) => `${vni} ${macKey(mac)}`;

function sameNicTwice(nics: readonly NicBody[]): string[] {
  return nics.flatMap((nic, i) =>
    nics.slice(0, i).some((other) => identity(other) === identity(nic)) ? [`nics[${i}].mac`] : [],
  );
}

/** External addresses are for every NIC, so a NIC without the family is a mistake (port_manager.rs). */
function externalFaults({ external_ips, nics }: Local): string[] {
  return (["v4", "v6"] as const).flatMap((family) => {
    const external = external_ips[family] ?? undefined;
    if (external === undefined) return [];
    const homeless = nics.some(({ ip_config }) => familiesOf(ip_config)[family] === undefined);
    const nat = external.source_nat ?? undefined;
    const isBlock = nat === undefined || (nat.first_port % 16_384 === 0 && nat.last_port - nat.first_port === 16_383);
    const at = `external_ips.${family}`;
    return [...(homeless ? [at] : []), ...(isBlock ? [] : [`${at}.source_nat`])];
  });
}

/** They are the primary NIC's, which needs the family (row 22). */
function subnetFaults({ attached_subnets, nics }: Local): string[] {
  const primary = nics.find((nic) => nic.primary);
  if (primary === undefined) return [];
  const families = familiesOf(primary.ip_config);
  return listed("attached_subnets", attached_subnets, ({ subnet }) =>
    families[subnet.includes(":") ? "v6" : "v4"] === undefined ? ["subnet"] : [],
  );
}

/** As two kinds, one of them is not meant; the original drops them all (row 22), so it has no say. */
function subnetTwice({ attached_subnets }: Local): string[] {
  const kinds = new Map<string, string>();
  return listed("attached_subnets", attached_subnets, ({ subnet, kind }) => {
    const { bits, width, value } = network(subnet);
    const key = `${bits} ${width} ${value >> BigInt(bits - width)}`;
    const isOther = (kinds.get(key) ?? kind) !== kind;
    kinds.set(key, kinds.get(key) ?? kind);
    return isOther ? ["kind"] : [];
  });
}

const within = ({ bits, value }: Address, ...nets: readonly string[]) =>
  nets.map(network).some((net) => contains(net, { bits, value }));

function groupFaults(groups: Local["multicast_groups"]): string[] {
  const seen = new Map<string, string>();
  return listed("multicast_groups", groups, ({ group_ip, sources }) => {
    const group = address(group_ip);
    const isGroup = within(group, "224.0.0.0/4", "ff00::/8") && !within(group, "ff04::/16");
    const ofSources = listed("sources", sources, (text) => {
      const source = address(text);
      const isSource =
        source.bits === group.bits &&
        !within(source, "224.0.0.0/4", "0.0.0.0/32", "127.0.0.0/8", "255.255.255.255/32", "169.254.0.0/16") &&
        !within(source, "ff00::/8", "::/128", "::1/128", "fe80::/10");
      return isSource ? [] : [""];
    });
    const distinct = [...new Set(sources.map(ipKey))].sort();
    const key = ipKey(group_ip);
    const isOther = seen.has(key) && seen.get(key) !== distinct.join();
    seen.set(key, seen.get(key) ?? distinct.join());
    return [...(isGroup && !isOther ? [] : ["group_ip"]), ...ofSources, ...(distinct.length > 32 ? ["sources"] : [])];
  });
}

function isRange(text: string, min: number, max: number): boolean {
  const [first = Number.NaN, last = first] = text.split("-").map(Number);
  return min <= first && first <= last && last <= max;
}

function protocolFaults(protocol: ProtocolBody): string[] {
  if (protocol.type === "tcp" || protocol.type === "udp") return [];
  const code = protocol.value?.code ?? undefined;
  return code === undefined || isRange(code, 0, 255) ? [] : ["value.code"];
}

/** A target is a NIC like any other: the original parses it whole. */
function ruleFaults({ targets, filter_hosts, filter_ports, filter_protocols }: RuleBody): string[] {
  return [
    ...listed("targets", targets, nicFaults),
    ...listed("filter_hosts", filter_hosts, (host) => (host.type === "ip" || isVni(host.value) ? [] : ["value"])),
    ...listed("filter_ports", filter_ports, (range) => (isRange(range, 1, 65_535) ? [] : [""])),
    ...listed("filter_protocols", filter_protocols, protocolFaults),
  ];
}

/** opte-api dns.rs: 1 to 253 bytes, labels of 1 to 63, dots at the end are the root's. */
function isDomain(name: string): boolean {
  const bytes = (text: string) => Buffer.byteLength(text);
  if (bytes(name) === 0 || bytes(name) > 253 || name.startsWith(".")) return false;
  const labels = name.replace(/\.+$/, "").split(".");
  return labels.every((label) => bytes(label) >= 1 && bytes(label) <= 63);
}
