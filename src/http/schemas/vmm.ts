/** Bodies of the VMM endpoints. The network part of a registration is acted on; the rest is checked and kept. */
import type { FromSchema } from "json-schema-to-ts";
import { bare, dateTime, ip, listOf, nullable, tagged, uint32, uint64, uuid, variant } from "./basic.ts";
import { firewallRule } from "./firewall.ts";
import { membership } from "./multicast.ts";
import { attachedSubnet, externalIpConfig, networkInterface } from "./nic.ts";
import { vmmSpec } from "./vmm-spec.ts";

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
    external_ips: externalIpConfig,
    attached_subnets: listOf(attachedSubnet),
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

export type LocalConfigBody = FromSchema<typeof localConfig>;
export type PutStateBody = FromSchema<typeof putStateBody>;

/** The parts of a registration that are acted on. */
export interface EnsureBody {
  readonly local_config: LocalConfigBody;
  readonly vmm_runtime: FromSchema<typeof vmmRuntime>;
  readonly instance_id: string;
  readonly migration_id?: string | null;
}
