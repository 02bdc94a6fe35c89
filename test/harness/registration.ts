/** Registration bodies: a small correct one, to be changed where a test needs it. */
export const INSTANCE = "aaaaaaaa-0000-4000-8000-000000000001";
export const PROPOLIS = "bbbbbbbb-0000-4000-8000-000000000001";

/** The nth propolis id. */
export const propolis = (n: number) => `bbbbbbbb-0000-4000-8000-${String(n).padStart(12, "0")}`;

export function nic(n = 1, change: object = {}) {
  return {
    id: `cccccccc-0000-4000-8000-${String(n).padStart(12, "0")}`,
    kind: { type: "instance", id: INSTANCE },
    name: `net${n}`,
    ip_config: { type: "v4", value: { ip: `10.0.0.${n + 4}`, subnet: "10.0.0.0/24", transit_ips: [] } },
    mac: `a8:40:25:00:00:${n.toString(16).padStart(2, "0")}`,
    vni: 100,
    primary: n === 1,
    slot: n - 1,
    ...change,
  };
}

export function localConfig(change: object = {}) {
  return {
    hostname: "vm1",
    nics: [nic()],
    external_ips: {},
    attached_subnets: [],
    multicast_groups: [],
    firewall_rules: [],
    dhcp_config: { dns_servers: ["1.1.1.1"], host_domain: null, search_domains: [] },
    delegated_zvols: [],
    primary_nic_mtu: null,
    ...change,
  };
}

export function ensureBody(local: object = {}, change: object = {}) {
  return {
    vmm_spec: {
      board: { chipset: { type: "i440_fx", value: { enable_pcie: false } }, cpus: 2, memory_mb: 2048 },
      components: {},
    },
    local_config: localConfig(local),
    vmm_runtime: { state: "starting", gen: 1, time_updated: "2026-01-02T03:04:05.678901Z" },
    instance_id: INSTANCE,
    migration_id: null,
    propolis_addr: "[fd00:1122:3344:101::7]:12400",
    metadata: {
      silo_id: "dddddddd-0000-4000-8000-000000000001",
      project_id: "eeeeeeee-0000-4000-8000-000000000001",
    },
    ...change,
  };
}
