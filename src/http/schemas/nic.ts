/** A VMM's NIC and what is attached to it: external addresses and subnets. */
import type { FromSchema } from "json-schema-to-ts";
import {
  ip,
  ipNet,
  ipv4,
  ipv4Net,
  ipv6,
  ipv6Net,
  listOf,
  mac,
  nullable,
  tagged,
  uint8,
  uint16,
  uuid,
  variant,
  vni,
} from "./basic.ts";

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

export const externalIpConfig = {
  title: "ExternalIpConfig",
  type: "object",
  properties: {
    v4: nullable(externalIps("ExternalIpv4Config", "SourceNatConfigV4", ipv4)),
    v6: nullable(externalIps("ExternalIpv6Config", "SourceNatConfigV6", ipv6)),
  },
} as const;

export const externalIp = {
  ...tagged("InstanceExternalIpBody", [variant("ephemeral", ip), variant("floating", ip)]),
  description: "One external address of an instance",
} as const;

export const attachedSubnet = {
  title: "AttachedSubnet",
  type: "object",
  properties: { subnet: ipNet, kind: { title: "AttachedSubnetKind", type: "string", enum: ["vpc", "external"] } },
  required: ["subnet", "kind"],
} as const;

export const attachedSubnets = {
  title: "AttachedSubnets",
  type: "object",
  properties: { subnets: { ...listOf(attachedSubnet), description: "A set: one that is there twice counts once" } },
  required: ["subnets"],
} as const;

export type NetworkInterfaceBody = FromSchema<typeof networkInterface>;
export type ExternalIpBody = FromSchema<typeof externalIp>;
export type AttachedSubnetBody = FromSchema<typeof attachedSubnet>;
export type AttachedSubnetsBody = FromSchema<typeof attachedSubnets>;
