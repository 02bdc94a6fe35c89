/** Firewall rules of a VPC, in a registration and by themselves. */
import type { FromSchema } from "json-schema-to-ts";
import { bare, ipNet, listOf, nullable, tagged, uint8, uint16, variant, vni } from "./basic.ts";
import { networkInterface } from "./nic.ts";

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

export const firewallRulesBody = {
  title: "VpcFirewallRulesEnsureBody",
  description: "All rules of a VPC, which is known by its VNI",
  type: "object",
  properties: { rules: listOf(firewallRule), vni },
  required: ["rules", "vni"],
} as const;

export type FirewallRuleBody = FromSchema<typeof firewallRule>;
export type FirewallRulesBody = FromSchema<typeof firewallRulesBody>;
