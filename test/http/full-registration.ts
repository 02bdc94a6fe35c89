/** A registration with something in every field, from which tests take one thing away. */
import { ensureBody, INSTANCE, nic } from "../harness/registration.ts";

const PCI = { bus: 0, device: 8, function: 0 };
const ZVOL = "99999999-0000-4000-8000-000000000001";

export const DUAL_STACK = {
  type: "dual_stack",
  value: {
    v4: { ip: "10.0.0.5", subnet: "10.0.0.0/24", transit_ips: ["10.9.0.0/16"] },
    v6: { ip: "fd00:1::5", subnet: "fd00:1::/64", transit_ips: ["fd00:9::/48"] },
  },
};

export const FULL = ensureBody(
  {
    nics: [nic(1, { ip_config: DUAL_STACK }), nic(2, { ip_config: DUAL_STACK, kind: { type: "probe", id: INSTANCE } })],
    external_ips: {
      v4: {
        source_nat: { ip: "192.0.2.1", first_port: 16_384, last_port: 32_767 },
        ephemeral_ip: "192.0.2.2",
        floating_ips: ["192.0.2.3"],
      },
      v6: {
        source_nat: { ip: "2001:db8::1", first_port: 0, last_port: 16_383 },
        ephemeral_ip: "2001:db8::2",
        floating_ips: ["2001:db8::3"],
      },
    },
    attached_subnets: [
      { subnet: "198.51.100.0/24", kind: "external" },
      { subnet: "fd00:2::/64", kind: "vpc" },
    ],
    multicast_groups: [{ group_ip: "239.1.1.1", sources: ["10.1.1.1"] }],
    firewall_rules: [
      {
        status: "enabled",
        direction: "inbound",
        targets: [nic()],
        filter_hosts: [
          { type: "ip", value: "10.0.0.0/8" },
          { type: "vpc", value: 100 },
        ],
        filter_ports: ["22", "8000-8010"],
        filter_protocols: [
          { type: "tcp" },
          { type: "udp" },
          { type: "icmp", value: { icmp_type: 3, code: "0-9" } },
          { type: "icmp6", value: null },
        ],
        action: "allow",
        priority: 100,
      },
    ],
    dhcp_config: {
      dns_servers: ["1.1.1.1", "2606:4700::1111"],
      host_domain: "example.com",
      search_domains: ["a.example", "b.example"],
    },
    delegated_zvols: [{ type: "local_storage_unencrypted", dataset_id: ZVOL, zpool_id: ZVOL }],
    primary_nic_mtu: 8500,
  },
  {
    vmm_spec: {
      board: {
        chipset: { type: "i440_fx", value: { enable_pcie: false } },
        cpuid: {
          entries: [{ leaf: 0, subleaf: null, eax: 1, ebx: 2, ecx: 3, edx: 4_294_967_295 }],
          vendor: "amd",
        },
        cpus: 2,
        guest_hv_interface: { type: "hyper_v", value: { features: ["reference_tsc"] } },
        memory_mb: 2048,
      },
      components: {
        boot: { type: "boot_settings", component: { order: [{ id: "disk" }] } },
        com1: { type: "serial_port", component: { num: "com1" } },
        disk: {
          type: "nvme_disk",
          component: { backend_id: "file", pci_path: PCI, has_write_cache: true, serial_number: [0, 255] },
        },
        file: { type: "file_storage_backend", component: { block_size: 512, path: "/x", readonly: true, workers: 8 } },
        net: { type: "virtio_nic", component: { backend_id: "vnic", interface_id: INSTANCE, pci_path: PCI } },
        vnic: { type: "virtio_network_backend", component: { vnic_name: "opte0" } },
      },
      smbios: { manufacturer: "Oxide", product_name: "OxVM", serial_number: "1", version: 1 },
    },
    migration_id: "ffffffff-0000-4000-8000-000000000001",
  },
);
