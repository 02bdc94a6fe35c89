/** The registration's body as a whole: which fields it needs, and of what kind (sled-agent-api.md §6.1, the OpenAPI document). */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changed, fieldOf } from "./change.ts";
import { expectRefused } from "./expect.ts";
import { FULL } from "./full-registration.ts";
import { populatedSled } from "./populated.ts";

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
  await sled.delete("/vmms/bbbbbbbb-0000-4000-8000-000000000001");
});
afterEach(() => sled.close());

/** Left out these have a default; null they are wrong. */
const NOT_NULL = ["vmm_spec.board.guest_hv_interface", "local_config.nics.0.ip_config.value.v4.transit_ips"];

const register = (body: object | string) => sled.put(`/vmms/${propolis(3)}`, body);

test("with everything in it is taken", async () => {
  const answer = await register(FULL);
  expect(answer.status, answer.text).toBe(200);
  expect(sled.ports).toHaveLength(2);
});

describe("without", () => {
  test.each([
    "vmm_spec",
    "vmm_spec.board",
    "vmm_spec.board.chipset",
    "vmm_spec.board.chipset.type",
    "vmm_spec.board.chipset.value",
    "vmm_spec.board.cpus",
    "vmm_spec.board.memory_mb",
    "vmm_spec.board.cpuid.entries",
    "vmm_spec.board.cpuid.vendor",
    "vmm_spec.board.cpuid.entries.0.eax",
    "vmm_spec.components",
    "vmm_spec.components.net.type",
    "vmm_spec.components.net.component",
    "vmm_spec.components.net.component.interface_id",
    "vmm_spec.components.net.component.pci_path",
    "vmm_spec.components.net.component.pci_path.bus",
    "vmm_spec.smbios.version",
    "local_config",
    "local_config.hostname",
    "local_config.nics",
    "local_config.external_ips",
    "local_config.attached_subnets",
    "local_config.multicast_groups",
    "local_config.firewall_rules",
    "local_config.dhcp_config",
    "local_config.delegated_zvols",
    "local_config.nics.0.id",
    "local_config.nics.0.kind",
    "local_config.nics.0.kind.type",
    "local_config.nics.0.kind.id",
    "local_config.nics.0.name",
    "local_config.nics.0.ip_config",
    "local_config.nics.0.ip_config.type",
    "local_config.nics.0.ip_config.value",
    "local_config.nics.0.ip_config.value.v4",
    "local_config.nics.0.ip_config.value.v6",
    "local_config.nics.0.ip_config.value.v4.ip",
    "local_config.nics.0.ip_config.value.v4.subnet",
    "local_config.nics.0.ip_config.value.v6.ip",
    "local_config.nics.0.ip_config.value.v6.subnet",
    "local_config.nics.0.ip_config.value.v6.transit_ips",
    "local_config.nics.0.mac",
    "local_config.nics.0.vni",
    "local_config.nics.0.primary",
    "local_config.nics.0.slot",
    "local_config.external_ips.v4.floating_ips",
    "local_config.external_ips.v4.source_nat.ip",
    "local_config.external_ips.v4.source_nat.first_port",
    "local_config.external_ips.v6.source_nat.last_port",
    "local_config.attached_subnets.0.subnet",
    "local_config.attached_subnets.0.kind",
    "local_config.multicast_groups.0.group_ip",
    "local_config.multicast_groups.0.sources",
    "local_config.firewall_rules.0.status",
    "local_config.firewall_rules.0.direction",
    "local_config.firewall_rules.0.targets",
    "local_config.firewall_rules.0.action",
    "local_config.firewall_rules.0.priority",
    "local_config.firewall_rules.0.filter_hosts.0.type",
    "local_config.firewall_rules.0.filter_hosts.0.value",
    "local_config.firewall_rules.0.filter_protocols.2.value",
    "local_config.firewall_rules.0.filter_protocols.2.value.icmp_type",
    "local_config.dhcp_config.dns_servers",
    "local_config.dhcp_config.search_domains",
    "local_config.delegated_zvols.0.type",
    "local_config.delegated_zvols.0.zpool_id",
    "vmm_runtime",
    "vmm_runtime.state",
    "vmm_runtime.gen",
    "vmm_runtime.time_updated",
    "instance_id",
    "propolis_addr",
    "metadata",
    "metadata.silo_id",
    "metadata.project_id",
  ])("%s it is 400, and the field is named", async (path) => {
    await expectRefused(sled, () => register(changed(FULL, path, undefined)), fieldOf(path));
  });

  test.each([
    "migration_id",
    "vmm_spec.smbios",
    "vmm_spec.board.cpuid",
    "vmm_spec.board.guest_hv_interface",
    "vmm_spec.components.file.component.workers",
    "local_config.primary_nic_mtu",
    "local_config.external_ips.v4",
    "local_config.external_ips.v6",
    "local_config.external_ips.v4.source_nat",
    "local_config.external_ips.v4.ephemeral_ip",
    "local_config.nics.0.ip_config.value.v4.transit_ips",
    "local_config.firewall_rules.0.filter_hosts",
    "local_config.firewall_rules.0.filter_ports",
    "local_config.firewall_rules.0.filter_protocols",
    "local_config.firewall_rules.0.filter_protocols.2.value.code",
    "local_config.dhcp_config.host_domain",
  ])("%s, which is optional, it is taken, and so it is with null where that means the same", async (path) => {
    const absent = await register(changed(FULL, path, undefined));
    expect(absent.status, absent.text).toBe(200);
    await sled.delete(`/vmms/${propolis(3)}`);
    if (NOT_NULL.includes(path)) return;
    const answer = await register(changed(FULL, path, null));
    expect(answer.status, answer.text).toBe(200);
  });
});

describe("with an unknown field in", () => {
  test.each([
    "",
    "metadata.",
    "vmm_runtime.",
    "vmm_spec.",
    "vmm_spec.components.net.component.pci_path.",
    "vmm_spec.components.boot.component.order.0.",
    "local_config.",
    "local_config.nics.0.",
    "local_config.nics.0.kind.",
    "local_config.nics.0.ip_config.",
    "local_config.nics.0.ip_config.value.v4.",
    "local_config.external_ips.",
    "local_config.external_ips.v4.",
    "local_config.firewall_rules.0.",
    "local_config.firewall_rules.0.filter_protocols.0.",
    "local_config.dhcp_config.",
  ])("%j it is taken", async (path) => {
    const answer = await register(changed(FULL, `${path}surprise`, { x: 1 }));
    expect(answer.status, answer.text).toBe(200);
  });

  test.each([
    "vmm_spec.board",
    "vmm_spec.board.chipset",
    "vmm_spec.board.chipset.value",
    "vmm_spec.board.cpuid",
    "vmm_spec.board.cpuid.entries.0",
    "vmm_spec.board.guest_hv_interface",
    "vmm_spec.board.guest_hv_interface.value",
    "vmm_spec.smbios",
    "vmm_spec.components.net",
    "vmm_spec.components.net.component",
    "vmm_spec.components.disk.component",
    "vmm_spec.components.com1.component",
    "vmm_spec.components.boot.component",
    "vmm_spec.components.file.component",
    "vmm_spec.components.vnic.component",
  ])("%s, which the schema closes, it is 400 and the field is named", async (path) => {
    await expectRefused(sled, () => register(changed(FULL, `${path}.surprise`, 1)), "surprise");
  });
});

describe("with a wrong", () => {
  test.each([
    ["vmm_spec.board.cpus", 256],
    ["vmm_spec.board.cpus", -1],
    ["vmm_spec.board.cpus", 1.5],
    ["vmm_spec.board.memory_mb", "2048"],
    ["vmm_spec.board.chipset.type", "q35"],
    ["vmm_spec.board.cpuid.vendor", "arm"],
    ["vmm_spec.board.cpuid.entries.0.edx", 4_294_967_296],
    ["vmm_spec.board.guest_hv_interface.type", "xen"],
    ["vmm_spec.board.guest_hv_interface.value.features", ["x"]],
    ["vmm_spec.components", []],
    ["vmm_spec.components.net.type", "e1000"],
    ["vmm_spec.components.net.component.interface_id", "x"],
    ["vmm_spec.components.net.component.pci_path.device", 256],
    ["vmm_spec.components.disk.component.serial_number", [256]],
    ["vmm_spec.components.com1.component.num", "com5"],
    ["vmm_spec.components.file.component.workers", 0],
    ["vmm_runtime.state", "dead"],
    ["vmm_runtime.gen", -1],
    ["vmm_runtime.gen", "1"],
    ["vmm_runtime.gen", 0.5],
    ["vmm_runtime.time_updated", "yesterday"],
    ["vmm_runtime.time_updated", "2026-01-02"],
    ["vmm_runtime.time_updated", "2026-13-02T03:04:05Z"],
    ["vmm_runtime.time_updated", 1_767_323_045],
    ["instance_id", "1"],
    ["instance_id", null],
    ["migration_id", "1"],
    ["propolis_addr", "nowhere"],
    ["propolis_addr", "fd00::7"],
    ["propolis_addr", "10.0.0.1"],
    ["propolis_addr", "[fd00::7]:65536"],
    ["propolis_addr", "localhost:80"],
    ["metadata.silo_id", "1"],
    ["metadata", null],
    ["local_config", []],
  ])("%s (%j) it is 400, and the field is named", async (path, value) => {
    await expectRefused(sled, () => register(changed(FULL, path, value)), fieldOf(path));
  });

  test.each(["18446744073709551616", "1e30", "99999999999999999999999"])(
    "gen over 64 bits (%s) it is 400",
    async (gen) => {
      await expectRefused(sled, () => register(JSON.stringify(FULL).replace('"gen":1', `"gen":${gen}`)), "gen");
    },
  );

  test.each(["[fd00::7]:12400", "10.0.0.1:80", "[::ffff:10.0.0.1]:1"])(
    "nothing: %s is an address to be served at",
    async (addr) => {
      expect((await register(changed(FULL, "propolis_addr", addr))).status).toBe(200);
    },
  );
});
