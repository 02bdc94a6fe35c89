/** A registration's body that passed its schema, made into what the ports and memberships are built from. */
import { badRequest } from "../../error.ts";
import {
  type Cidr,
  cidrContains,
  cidrLength,
  type Ipv4Cidr,
  type Ipv6Cidr,
  isIpv6Cidr,
  parseCidr,
} from "../../net/cidr.ts";
import { type Ip, type Ipv4, type Ipv6, isIpv4, isIpv6, parseIp } from "../../net/ip.ts";
import { type Mac, parseMac } from "../../net/mac.ts";
import type { Vni } from "../../net/vni.ts";
import type { DhcpCfg, ExternalIpCfg } from "../../opte/types.ts";
import type { ExternalIps, Nic, PortSpec, PrivateIp } from "../../ports/spec.ts";
import { parseUuid, type Uuid } from "../../uuid.ts";
import type { Membership, Registration, VmmRuntime } from "../../vmm/vmm.ts";
import type { NetworkInterfaceBody } from "../schemas/nic.ts";
import type { EnsureBody, LocalConfigBody } from "../schemas/vmm.ts";
import { parseAttachedSubnets } from "./attachments.ts";
import { ExactNumbers } from "./exact.ts";
import { parseFirewallRules } from "./firewall.ts";
import { parseMembership } from "./multicast.ts";

/** Source NAT ports come in whole blocks of this size. */
const SNAT_BLOCK = 16_384;

function parsePrivateIp<Address extends Ip, Network extends Cidr>(
  body: { readonly ip: string; readonly subnet: string; readonly transit_ips?: readonly string[] },
  field: string,
): PrivateIp<Address, Network> {
  const ip = parseIp(body.ip) as Address;
  const subnet = parseCidr(body.subnet) as Network;
  const length = cidrLength(subnet);
  if (isIpv6Cidr(subnet) ? length !== 64 : length < 8 || length > 26) {
    const want = isIpv6Cidr(subnet) ? "must be 64" : "must be 8 to 26";
    throw badRequest(`${field}.subnet: the prefix length of ${subnet} ${want}`);
  }
  if (!cidrContains(subnet, ip)) throw badRequest(`${field}.ip: ${ip} is not in subnet ${subnet}`);
  return { ip, subnet, transitIps: (body.transit_ips ?? []).map((text) => parseCidr(text) as Network) };
}

type Families = Pick<Nic, "v4" | "v6">;

function parseIpConfig(config: NetworkInterfaceBody["ip_config"], field: string): Families {
  const v4 = (body: Parameters<typeof parsePrivateIp>[0], at: string) => parsePrivateIp<Ipv4, Ipv4Cidr>(body, at);
  const v6 = (body: Parameters<typeof parsePrivateIp>[0], at: string) => parsePrivateIp<Ipv6, Ipv6Cidr>(body, at);
  switch (config.type) {
    case "v4":
      return { v4: v4(config.value, `${field}.value`), v6: undefined };
    case "v6":
      return { v4: undefined, v6: v6(config.value, `${field}.value`) };
    case "dual_stack":
      return { v4: v4(config.value.v4, `${field}.value.v4`), v6: v6(config.value.v6, `${field}.value.v6`) };
  }
}

export function parseNic(body: NetworkInterfaceBody, field: string): Nic {
  return {
    id: parseUuid(body.id) as Uuid,
    kind: body.kind.type,
    mac: parseMac(body.mac) as Mac,
    vni: body.vni as Vni,
    primary: body.primary,
    ...parseIpConfig(body.ip_config, `${field}.ip_config`),
  };
}

interface ExternalBody {
  readonly source_nat?: { readonly ip: string; readonly first_port: number; readonly last_port: number } | null;
  readonly ephemeral_ip?: string | null;
  readonly floating_ips: readonly string[];
}

function parseExternal<Address extends Ip>(
  body: ExternalBody | null | undefined,
  field: string,
): ExternalIpCfg<Address> | undefined {
  if (body === null || body === undefined) return undefined;
  const nat = body.source_nat ?? undefined;
  if (nat !== undefined && (nat.first_port % SNAT_BLOCK !== 0 || nat.last_port !== nat.first_port + SNAT_BLOCK - 1)) {
    throw badRequest(
      `${field}.source_nat: ports ${nat.first_port} to ${nat.last_port} are not an aligned block of ${SNAT_BLOCK}`,
    );
  }
  return {
    snat: nat && { externalIp: parseIp(nat.ip) as Address, firstPort: nat.first_port, lastPort: nat.last_port },
    ephemeralIp: body.ephemeral_ip ? (parseIp(body.ephemeral_ip) as Address) : undefined,
    floatingIps: [...new Set(body.floating_ips.map((text) => parseIp(text) as Address))],
  };
}

/** OPTE's bounds: 253 characters, labels of 1 to 63 bytes, a root label at the end allowed (opte-api dns.rs). */
function checkDomain(name: string, field: string): string {
  const labels = (name.endsWith(".") ? name.slice(0, -1) : name).split(".");
  const fits = (label: string) => label.length > 0 && Buffer.byteLength(label) <= 63;
  // JSON's escapes can spell half of a surrogate pair, which is no text in any encoding.
  if (Buffer.byteLength(name) > 253 || !name.isWellFormed() || !labels.every(fits)) {
    throw badRequest(`${field}: ${JSON.stringify(name.slice(0, 80))} is not a domain name`);
  }
  return name;
}

function parseDhcp({ hostname, dhcp_config: dhcp }: LocalConfigBody): DhcpCfg {
  const servers = dhcp.dns_servers.map((text) => parseIp(text) as Ip);
  const search = dhcp.search_domains.map((name, i) =>
    checkDomain(name, `local_config.dhcp_config.search_domains[${i}]`),
  );
  return {
    hostname: checkDomain(hostname, "local_config.hostname"),
    hostDomain: dhcp.host_domain ? checkDomain(dhcp.host_domain, "local_config.dhcp_config.host_domain") : undefined,
    domainSearchList: search,
    dns4Servers: servers.filter(isIpv4),
    dns6Servers: servers.filter(isIpv6),
  };
}

function parseMemberships(bodies: LocalConfigBody["multicast_groups"]): Membership[] {
  const memberships = new Map<string, Membership>();
  for (const [i, body] of bodies.entries()) {
    const field = `local_config.multicast_groups[${i}]`;
    const membership = parseMembership(body, `${field}.`);
    const earlier = memberships.get(membership.group);
    if (earlier !== undefined && earlier.sources.join() !== membership.sources.join()) {
      throw badRequest(`${field}.group_ip: ${membership.group} is listed twice with different sources`);
    }
    memberships.set(membership.group, membership);
  }
  return [...memberships.values()];
}

/** Addresses are for every NIC, so every NIC needs the family they are of. */
function checkFamilies(nic: Nic, external: ExternalIps, subnets: LocalConfigBody["attached_subnets"]): void {
  for (const family of ["v4", "v6"] as const) {
    if (external[family] !== undefined && nic[family] === undefined) {
      throw badRequest(`local_config.external_ips.${family}: NIC ${nic.id} has no private IP${family} address`);
    }
  }
  for (const [i, { subnet }] of subnets.entries()) {
    const family = isIpv6Cidr(parseCidr(subnet) as Cidr) ? "v6" : "v4";
    if (nic[family] === undefined) {
      throw badRequest(
        `local_config.attached_subnets[${i}].subnet: primary NIC ${nic.id} has no private IP${family} address`,
      );
    }
  }
}

function checkDistinct(nics: readonly Nic[]): void {
  const seen = new Set<string>();
  for (const [i, { vni, mac }] of nics.entries()) {
    const key = `${vni} ${mac}`;
    if (seen.has(key))
      throw badRequest(`local_config.nics[${i}].mac: VNI ${vni} and MAC ${mac} are another NIC's, too`);
    seen.add(key);
  }
}

function parsePorts(local: LocalConfigBody): PortSpec[] {
  const nics = local.nics.map((body, i) => parseNic(body, `local_config.nics[${i}]`));
  checkDistinct(nics);
  const primary = nics.find((nic) => nic.primary);
  const externalIps: ExternalIps = {
    v4: parseExternal<Ipv4>(local.external_ips.v4, "local_config.external_ips.v4"),
    v6: parseExternal<Ipv6>(local.external_ips.v6, "local_config.external_ips.v6"),
  };
  const subnets = parseAttachedSubnets(local.attached_subnets, "local_config.attached_subnets");
  const firewall = parseFirewallRules(local.firewall_rules, "local_config.firewall_rules");
  const dhcp = parseDhcp(local);
  return nics.map((nic) => {
    // Memberships, attached subnets and the MTU are the primary's alone; without one they have no port to go to.
    const attachedSubnets = nic === primary ? subnets : [];
    checkFamilies(nic, externalIps, nic === primary ? local.attached_subnets : []);
    const mtu = nic === primary ? (local.primary_nic_mtu ?? undefined) : undefined;
    return { nic, externalIps, attachedSubnets, firewall, dhcp, mtu };
  });
}

export function parseRegistration(body: EnsureBody, text: string): Registration {
  const { state, gen, time_updated: timeUpdated } = body.vmm_runtime;
  const exact = new ExactNumbers(text).uint64(gen, "vmm_runtime.gen");
  const runtime: VmmRuntime = { state, gen: exact, timeUpdated };
  return {
    instanceId: parseUuid(body.instance_id) as Uuid,
    migrationId: body.migration_id ? parseUuid(body.migration_id) : undefined,
    runtime,
    ports: parsePorts(body.local_config),
    memberships: parseMemberships(body.local_config.multicast_groups),
    body: text,
  };
}
