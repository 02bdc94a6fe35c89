/** Bodies of the VMM endpoints. The network part of a registration is acted on; the rest is checked and kept. */
import type { FromSchema } from "json-schema-to-ts";
import {
  dateTime,
  ip,
  ipNet,
  ipv4,
  ipv4Net,
  ipv6,
  ipv6Net,
  listOf,
  mac,
  nullable,
  uint8,
  uint16,
  uint32,
  uint64,
  uuid,
  vni,
} from "./basic.ts";
import { membership } from "./multicast.ts";
import { vmmSpec } from "./vmm-spec.ts";

/** A union told apart by `type`; where a variant has content it is in `value`. */
function tagged<const V extends readonly object[]>(title: string, oneOf: V) {
  return { title, type: "object", discriminator: { propertyName: "type" }, required: ["type"], oneOf } as const;
}

function variant<const T extends string, const S extends object>(tag: T, value: S) {
  return { type: "object", properties: { type: { const: tag }, value }, required: ["type", "value"] } as const;
}

function bare<const T extends string>(tag: T) {
  return { type: "object", properties: { type: { const: tag } }, required: ["type"] } as const;
}

const privateIpv4 = {
  title: "PrivateIpv4Config",
  type: "object",
  properties: { ip: ipv4, subnet: ipv4Net, transit_ips: { ...listOf(ipv4Net), default: [] } },
  required: ["ip", "subnet"],
} as const;

const privateIpv6 = {
  title: "PrivateIpv6Config",
  type: "object",
  properties: { ip: ipv6, subnet: ipv6Net, transit_ips: listOf(ipv6Net) },
  required: ["ip", "subnet", "transit_ips"],
} as const;

const nicKind = <const T extends string>(tag: T) =>
  ({ type: "object", properties: { type: { const: tag }, id: uuid }, required: ["type", "id"] }) as const;

export const networkInterface = {
  title: "NetworkInterface",
  type: "object",
  properties: {
    id: uuid,
    kind: tagged("NetworkInterfaceKind", [nicKind("instance"), nicKind("service"), nicKind("probe")]),
    name: {
      title: "Name",
      type: "string",
      pattern:
        "^(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$)[a-z]([a-zA-Z0-9-]*[a-zA-Z0-9]+)?$",
      minLength: 1,
      maxLength: 63,
    },
    ip_config: tagged("PrivateIpConfig", [
      variant("v4", privateIpv4),
      variant("v6", privateIpv6),
      variant("dual_stack", {
        type: "object",
        properties: { v4: privateIpv4, v6: privateIpv6 },
        required: ["v4", "v6"],
      } as const),
    ]),
    mac,
    vni,
    primary: { type: "boolean" },
    slot: uint8,
  },
  required: ["id", "kind", "name", "ip_config", "mac", "vni", "primary", "slot"],
} as const;

function externalIps<const Address extends object>(title: string, snatTitle: string, address: Address) {
  const snat = {
    title: snatTitle,
    description: "The ports are a whole block of 16384, aligned",
    type: "object",
    properties: { ip: address, first_port: uint16, last_port: uint16 },
    required: ["ip", "first_port", "last_port"],
  } as const;
  return {
    title,
    type: "object",
    properties: {
      source_nat: nullable(snat),
      ephemeral_ip: nullable(address),
      floating_ips: listOf(address),
    },
    required: ["floating_ips"],
  } as const;
}

const icmpFilter = {
  title: "VpcFirewallIcmpFilter",
  type: "object",
  properties: {
    icmp_type: uint8,
    code: nullable({
      title: "IcmpParamRange",
      type: "string",
      pattern: "^[0-9]{1,3}(-[0-9]{1,3})?$",
      examples: ["3", "0-9"],
    }),
  },
  required: ["icmp_type"],
} as const;

export const firewallRule = {
  title: "ResolvedVpcFirewallRule",
  type: "object",
  properties: {
    status: { title: "VpcFirewallRuleStatus", type: "string", enum: ["disabled", "enabled"] },
    direction: { title: "VpcFirewallRuleDirection", type: "string", enum: ["inbound", "outbound"] },
    targets: listOf(networkInterface),
    filter_hosts: nullable(listOf(tagged("HostIdentifier", [variant("ip", ipNet), variant("vpc", vni)]))),
    filter_ports: nullable(
      listOf({
        title: "L4PortRange",
        type: "string",
        pattern: "^[0-9]{1,5}(-[0-9]{1,5})?$",
        examples: ["22", "8000-8010"],
      }),
    ),
    filter_protocols: nullable(
      listOf(
        tagged("VpcFirewallRuleProtocol", [
          bare("tcp"),
          bare("udp"),
          variant("icmp", nullable(icmpFilter)),
          variant("icmp6", nullable(icmpFilter)),
        ]),
      ),
    ),
    action: { title: "VpcFirewallRuleAction", type: "string", enum: ["allow", "deny"] },
    priority: uint16,
  },
  required: ["status", "direction", "targets", "action", "priority"],
} as const;

const zvol = <const T extends string>(tag: T) =>
  ({
    type: "object",
    properties: { type: { const: tag }, dataset_id: uuid, zpool_id: uuid },
    required: ["type", "dataset_id", "zpool_id"],
  }) as const;

const localConfig = {
  title: "InstanceSledLocalConfig",
  type: "object",
  properties: {
    hostname: {
      title: "Hostname",
      type: "string",
      pattern: "^([a-zA-Z0-9]+[a-zA-Z0-9\\-]*(?<!-))(\\.[a-zA-Z0-9]+[a-zA-Z0-9\\-]*(?<!-))*$",
      minLength: 1,
      maxLength: 253,
    },
    nics: listOf(networkInterface),
    external_ips: {
      title: "ExternalIpConfig",
      type: "object",
      properties: {
        v4: nullable(externalIps("ExternalIpv4Config", "SourceNatConfigV4", ipv4)),
        v6: nullable(externalIps("ExternalIpv6Config", "SourceNatConfigV6", ipv6)),
      },
    },
    attached_subnets: listOf({
      title: "AttachedSubnet",
      type: "object",
      properties: { subnet: ipNet, kind: { title: "AttachedSubnetKind", type: "string", enum: ["vpc", "external"] } },
      required: ["subnet", "kind"],
    } as const),
    multicast_groups: listOf(membership),
    firewall_rules: listOf(firewallRule),
    dhcp_config: {
      title: "DhcpConfig",
      type: "object",
      properties: {
        dns_servers: listOf(ip),
        host_domain: nullable({ type: "string" }),
        search_domains: listOf({ type: "string" }),
      },
      required: ["dns_servers", "search_domains"],
    },
    delegated_zvols: listOf(
      tagged("DelegatedZvol", [zvol("local_storage_unencrypted"), zvol("local_storage_encrypted")]),
    ),
    primary_nic_mtu: nullable(uint32),
  },
  required: [
    "hostname",
    "nics",
    "external_ips",
    "attached_subnets",
    "multicast_groups",
    "firewall_rules",
    "dhcp_config",
    "delegated_zvols",
  ],
} as const;

export const vmmState = {
  title: "VmmState",
  type: "string",
  enum: ["starting", "running", "stopping", "stopped", "rebooting", "migrating", "failed", "destroyed"],
} as const;

const vmmRuntime = {
  title: "VmmRuntimeState",
  type: "object",
  properties: { state: vmmState, gen: { ...uint64, title: "Generation" }, time_updated: dateTime },
  required: ["state", "gen", "time_updated"],
} as const;

export const ensureBody = {
  title: "InstanceEnsureBody",
  type: "object",
  properties: {
    vmm_spec: vmmSpec,
    local_config: localConfig,
    vmm_runtime: vmmRuntime,
    instance_id: uuid,
    migration_id: nullable(uuid),
    propolis_addr: { type: "string", format: "socket-address", examples: ["[fd00:1122:3344:101::7]:12400"] },
    metadata: {
      title: "InstanceMetadata",
      type: "object",
      properties: { silo_id: uuid, project_id: uuid },
      required: ["silo_id", "project_id"],
    },
  },
  required: ["vmm_spec", "local_config", "vmm_runtime", "instance_id", "propolis_addr", "metadata"],
} as const;

const migrationState = {
  title: "MigrationRuntimeState",
  type: "object",
  properties: {
    migration_id: uuid,
    state: { title: "MigrationState", type: "string", enum: ["pending", "in_progress", "failed", "completed"] },
    gen: uint64,
    time_updated: dateTime,
  },
  required: ["migration_id", "state", "gen", "time_updated"],
} as const;

export const sledVmmState = {
  title: "SledVmmState",
  type: "object",
  properties: {
    vmm_state: vmmRuntime,
    migration_in: nullable(migrationState),
    migration_out: nullable(migrationState),
  },
  required: ["vmm_state"],
} as const;

export const putStateBody = {
  title: "VmmPutStateBody",
  type: "object",
  properties: {
    state: tagged("VmmStateRequested", [
      bare("running"),
      bare("stopped"),
      bare("reboot"),
      variant("migration_target", {
        title: "InstanceMigrationTargetParams",
        type: "object",
        properties: { src_propolis_addr: { type: "string", format: "socket-address" } },
        required: ["src_propolis_addr"],
      } as const),
    ]),
  },
  required: ["state"],
} as const;

export const updatedRuntime = {
  title: "VmmPutStateResponse",
  type: "object",
  properties: { updated_runtime: nullable(sledVmmState) },
  required: ["updated_runtime"],
} as const;

export type NetworkInterfaceBody = FromSchema<typeof networkInterface>;
export type FirewallRuleBody = FromSchema<typeof firewallRule>;
export type LocalConfigBody = FromSchema<typeof localConfig>;
export type PutStateBody = FromSchema<typeof putStateBody>;

/** The parts of a registration that are acted on. */
export interface EnsureBody {
  readonly local_config: LocalConfigBody;
  readonly vmm_runtime: FromSchema<typeof vmmRuntime>;
  readonly instance_id: string;
  readonly migration_id?: string | null;
}
