/**
 * A VPC's firewall rules, cut to one port and spelled out for the driver: every rule becomes the
 * product of its protocols and hosts.
 */
import { cidrAddress, isHostCidr } from "../net/cidr.ts";
import type { Mac } from "../net/mac.ts";
import type { Vni } from "../net/vni.ts";
import type { FirewallHosts, FirewallPorts, FirewallProtocol, FirewallRule } from "../opte/types.ts";
import type { HostFilter, PortRange, ProtocolFilter, VpcFirewallRule } from "./spec.ts";

/** Ports 1 to 65535: there is no port 0 to filter. */
const ALL_PORTS = 65_535;

function hosts(filter: HostFilter): FirewallHosts {
  if (filter.type === "vpc") return { type: "vni", vni: filter.vni };
  if (isHostCidr(filter.cidr)) return { type: "ip", ip: cidrAddress(filter.cidr) };
  return { type: "subnet", cidr: filter.cidr };
}

/** The driver knows single ports only. All of them are "any", which it also knows and which is far shorter. */
function ports(ranges: readonly PortRange[]): FirewallPorts {
  if (ranges.length === 0) return "any";
  const single = new Set<number>();
  for (const { first, last } of ranges) for (let port = first; port <= last; port++) single.add(port);
  return single.size === ALL_PORTS ? "any" : [...single];
}

/**
 * Ports mean something for TCP and UDP only. A rule that names ports and no protocol is for these
 * two: taking it for every protocol and dropping the ports would turn "allow 22" into "allow all".
 */
function protocols(rule: VpcFirewallRule): readonly FirewallProtocol[] {
  if (rule.protocols.length > 0) return rule.protocols satisfies readonly ProtocolFilter[];
  return rule.ports.length > 0 ? [{ type: "tcp" }, { type: "udp" }] : [{ type: "any" }];
}

function applies(rule: VpcFirewallRule, nic: { readonly vni: Vni; readonly mac: Mac }): boolean {
  if (!rule.enabled) return false;
  return rule.targets.length === 0 || rule.targets.some(({ vni, mac }) => vni === nic.vni && mac === nic.mac);
}

export function firewallRules(
  rules: readonly VpcFirewallRule[],
  nic: { readonly vni: Vni; readonly mac: Mac },
): FirewallRule[] {
  return rules
    .filter((rule) => applies(rule, nic))
    .flatMap((rule) => {
      const { direction, action, priority } = rule;
      const ruleHosts: FirewallHosts[] = rule.hosts.length === 0 ? [{ type: "any" }] : rule.hosts.map(hosts);
      const rulePorts = ports(rule.ports);
      return protocols(rule).flatMap((protocol) => {
        const withPorts = protocol.type === "tcp" || protocol.type === "udp" ? rulePorts : "any";
        return ruleHosts.map((host) => ({ direction, hosts: host, protocol, ports: withPorts, action, priority }));
      });
    });
}
