/** A registration as a client sends it, as far as the network goes (sled-agent-api.md §6.1). */
export interface FamilyBody {
  readonly ip: string;
  readonly subnet: string;
  readonly transit_ips?: readonly string[];
}

export type IpConfigBody =
  | { readonly type: "v4" | "v6"; readonly value: FamilyBody }
  | { readonly type: "dual_stack"; readonly value: { readonly v4: FamilyBody; readonly v6: FamilyBody } };

export interface NicBody {
  readonly id: string;
  readonly kind: { readonly type: "instance" | "service" | "probe" };
  readonly mac: string;
  readonly vni: number;
  readonly primary: boolean;
  readonly ip_config: IpConfigBody;
}

export interface ExternalBody {
  readonly source_nat?: { readonly ip: string; readonly first_port: number; readonly last_port: number } | null;
  readonly ephemeral_ip?: string | null;
  readonly floating_ips: readonly string[];
}

interface IcmpBody {
  readonly icmp_type: number;
  readonly code?: string | null;
}

export type ProtocolBody =
  | { readonly type: "tcp" }
  | { readonly type: "udp" }
  | { readonly type: "icmp"; readonly value: IcmpBody | null }
  | { readonly type: "icmp6"; readonly value: IcmpBody | null };

export type HostBody =
  | { readonly type: "ip"; readonly value: string }
  | { readonly type: "vpc"; readonly value: number };

export interface RuleBody {
  readonly status: "enabled" | "disabled";
  readonly direction: "inbound" | "outbound";
  readonly targets: readonly NicBody[];
  readonly filter_hosts?: readonly HostBody[] | null;
  readonly filter_ports?: readonly string[] | null;
  readonly filter_protocols?: readonly ProtocolBody[] | null;
  readonly action: "allow" | "deny";
  readonly priority: number;
}

export interface RegistrationBody {
  readonly propolis_addr: string;
  readonly instance_id: string;
  readonly vmm_runtime: { readonly state: string; readonly gen: number };
  readonly local_config: {
    readonly hostname: string;
    readonly nics: readonly NicBody[];
    readonly external_ips: { readonly v4?: ExternalBody | null; readonly v6?: ExternalBody | null };
    readonly attached_subnets: readonly { readonly subnet: string; readonly kind: "vpc" | "external" }[];
    readonly multicast_groups: readonly { readonly group_ip: string; readonly sources: readonly string[] }[];
    readonly firewall_rules: readonly RuleBody[];
    readonly dhcp_config: {
      readonly dns_servers: readonly string[];
      readonly host_domain?: string | null;
      readonly search_domains: readonly string[];
    };
    readonly primary_nic_mtu?: number | null;
  };
}

/** The families of a NIC's configuration, and where each stands in the body. */
export function familiesOf({ type, value }: IpConfigBody): {
  v4?: FamilyBody;
  v6?: FamilyBody;
  path: (family: string) => string;
} {
  if (type === "dual_stack") {
    const { v4, v6 } = value as { v4: FamilyBody; v6: FamilyBody };
    return { v4, v6, path: (family) => `value.${family}` };
  }
  return { [type]: value as FamilyBody, path: () => "value" };
}
