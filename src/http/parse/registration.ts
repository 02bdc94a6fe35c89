/** A registration's body that passed its schema, made into what the ports and memberships are built from. */
import { badRequest } from "../../error.ts";
import { type Cidr, isIpv6Cidr, parseCidr } from "../../net/cidr.ts";
import { type Ip, type Ipv4, type Ipv6, isIpv4, isIpv6, parseIp } from "../../net/ip.ts";
import type { DhcpCfg, ExternalIpCfg } from "../../opte/types.ts";
import type { ExternalIps, Nic, PortSpec } from "../../ports/spec.ts";
import { parseUuid, type Uuid } from "../../uuid.ts";
import type { Membership, Registration, VmmRuntime } from "../../vmm/vmm.ts";
import type { EnsureBody, LocalConfigBody } from "../schemas/vmm.ts";
import { parseAttachedSubnets } from "./attachments.ts";
import { ExactNumbers } from "./exact.ts";
import { parseFirewallRules } from "./firewall.ts";
import { parseMembership } from "./multicast.ts";
import { parseNic } from "./nic.ts";

/** Source NAT ports come in whole blocks of this size. */
const SNAT_BLOCK = 16_384;

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

/** OPTE's bounds: 253 bytes, labels of 1 to 63, dots at the end are taken off (opte-api dns.rs). */
function isDomain(name: string): boolean {
  // JSON's escapes can spell half of a surrogate pair, which is no text in any encoding.
  if (Buffer.byteLength(name) > 253 || !name.isWellFormed()) return false;
  const labels = name.replace(/\.+$/, "").split(".");
  return labels.every((label) => label.length > 0 && Buffer.byteLength(label) <= 63);
}

function checkDomain(name: string, field: string): string {
  if (!isDomain(name)) {
    throw badRequest(`${field}: ${JSON.stringify(name.slice(0, 80))} is not a domain name`);
  }
  return name;
}

function parseDhcp({ hostname, dhcp_config: dhcp }: LocalConfigBody): DhcpCfg {
  const domain = dhcp.host_domain ?? undefined;
  const servers = dhcp.dns_servers.map((text) => parseIp(text) as Ip);
  const search = dhcp.search_domains.map((name, i) =>
    checkDomain(name, `local_config.dhcp_config.search_domains[${i}]`),
  );
  return {
    hostname: checkDomain(hostname, "local_config.hostname"),
    hostDomain: domain === undefined ? undefined : checkDomain(domain, "local_config.dhcp_config.host_domain"),
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
