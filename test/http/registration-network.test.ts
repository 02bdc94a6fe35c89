/** The network part of a registration: what is refused of NICs, addresses, rules and DHCP (sled-agent-api.md §6.1, §6.4). */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nic, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changed, fieldOf } from "./change.ts";
import { expectRefused } from "./expect.ts";
import { DUAL_STACK, FULL } from "./full-registration.ts";
import { populatedSled } from "./populated.ts";

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
  await sled.delete("/vmms/bbbbbbbb-0000-4000-8000-000000000001");
});
afterEach(() => sled.close());

const register = (body: object) => sled.put(`/vmms/${propolis(3)}`, body);
const local = (path: string, value: unknown) => register(changed(FULL, `local_config.${path}`, value));

async function refuses(path: string, value: unknown, names = fieldOf(path)): Promise<void> {
  await expectRefused(sled, () => local(path, value), names);
}

async function takes(path: string, value: unknown): Promise<void> {
  const answer = await local(path, value);
  expect(answer.status, answer.text).toBe(200);
}

describe("a hostname", () => {
  test.each(["", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "ä", "a".repeat(254), "a".repeat(64), 5, null])(
    "%j is refused",
    (value) => refuses("hostname", value),
  );
  test.each(["a", "1", "vm-1", "VM1.example.com", "a".repeat(63), `${"a".repeat(63)}.${"b".repeat(63)}`])(
    "%j is taken",
    (value) => takes("hostname", value),
  );
});

describe("a NIC", () => {
  test.each([
    ["id", "x"],
    ["kind.type", "guest"],
    ["kind.id", "x"],
    ["name", ""],
    ["name", "Net0"],
    ["name", "0net"],
    ["name", "net-"],
    ["name", "net_0"],
    ["name", "n".repeat(64)],
    ["name", "aaaaaaaa-0000-4000-8000-000000000001"],
    ["mac", "a8:40:25:00:00"],
    ["mac", "a8:40:25:00:00:001"],
    ["mac", "a8:40:25:00:00:0g"],
    ["mac", "a8-40-25-00-00-01"],
    ["mac", "a8:40:25:00:00:01:02"],
    ["mac", ""],
    ["vni", 16_777_216],
    ["vni", 4_294_967_296],
    ["vni", -1],
    ["vni", 1.5],
    ["vni", "100"],
    ["primary", "yes"],
    ["primary", null],
    ["slot", 256],
    ["slot", -1],
  ])("whose %s is %j is refused", (field, value) => refuses(`nics.1.${field}`, value));

  test.each([
    ["mac", "A8:40:25:0:0:F"],
    ["mac", ":::::"],
    ["vni", 0],
    ["vni", 16_777_215],
    ["slot", 255],
    ["name", "nET-0"],
    ["kind.type", "service"],
  ])("whose %s is %j is taken", (field, value) => takes(`nics.1.${field}`, value));

  test("that is there twice is refused", () => refuses("nics.1.mac", nic(1).mac));
  test("is named by its place", () => refuses("nics.1.vni", -1, "nics[1].vni"));
  test("is not necessary", async () => {
    const none = changed(FULL, "local_config.nics", []);
    expect((await register(none)).status).toBe(200);
  });
});

describe("a private address", () => {
  test.each([
    ["v4.ip", "10.0.1.5"],
    ["v4.ip", "fd00:1::5"],
    ["v4.ip", "10.0.0"],
    ["v6.ip", "fd00:2::5"],
    ["v6.ip", "10.0.0.5"],
    ["v4.subnet", "10.0.0.0/7"],
    ["v4.subnet", "10.0.0.0/27"],
    ["v4.subnet", "10.0.0.0/33"],
    ["v4.subnet", "10.0.0.0/024"],
    ["v4.subnet", "10.0.0.0"],
    ["v4.subnet", "10.0.0.0/"],
    ["v4.subnet", "10.0.0.0/255.255.255.0"],
    ["v4.subnet", "fd00:1::/64"],
    ["v6.subnet", "fd00:1::/63"],
    ["v6.subnet", "fd00:1::/65"],
    ["v6.subnet", "fd00:1::/129"],
    ["v6.subnet", "10.0.0.0/24"],
    ["v4.transit_ips", ["10.9.0.0/33"]],
    ["v4.transit_ips", ["fd00:9::/48"]],
    ["v4.transit_ips", null],
    ["v6.transit_ips", ["10.9.0.0/16"]],
    ["v6.transit_ips", "fd00:9::/48"],
  ])("whose %s is %j is refused", (field, value) => refuses(`nics.0.ip_config.value.${field}`, value));

  test.each(["10.0.0.0/8", "10.0.0.0/26"])("may lie in a subnet of 8 to 26 bits: %s", (subnet) =>
    takes("nics.0.ip_config.value.v4.subnet", subnet),
  );

  test.each([
    ["type", { type: "v5", value: DUAL_STACK.value.v4 }],
    ["ip_config", DUAL_STACK.value.v4],
    ["ip_config", { v4: DUAL_STACK.value.v4 }],
    ["ip_config", null],
    ["ip", { type: "v6", value: DUAL_STACK.value.v4 }],
    ["subnet", { type: "v4", value: { ...DUAL_STACK.value.v4, subnet: "10.0.0.0/27" } }],
    ["ip", { type: "v6", value: { ...DUAL_STACK.value.v6, ip: "fd00:2::5" } }],
  ])("is named by its %s where that is wrong: %j", (names, value) => refuses("nics.0.ip_config", value, names));
});

describe("external addresses", () => {
  const snat = (first: unknown, last: unknown) => ({ ip: "192.0.2.1", first_port: first, last_port: last });

  test.each([
    [1, 16_384],
    [0, 16_384],
    [0, 65_535],
    [16_383, 32_767],
    [16_384, 16_384],
    [32_768, 16_384],
    [49_152, 65_536],
    [-16_384, -1],
    ["0", "16383"],
  ])("with source NAT ports %j to %j, which are no block of 16384, are refused", (first, last) =>
    expectRefusedSnat(snat(first, last)),
  );
  async function expectRefusedSnat(value: object): Promise<void> {
    const send = () => local("external_ips.v4.source_nat", value);
    await expectRefused(sled, send);
    expect((await send()).text).toMatch(/source_nat|first_port|last_port/);
  }

  test.each([0, 16_384, 32_768, 49_152])("may have the block of source NAT ports from %i", (first) =>
    takes("external_ips.v4.source_nat", snat(first, first + 16_383)),
  );

  test.each([
    ["v4.source_nat.ip", "2001:db8::1"],
    ["v6.source_nat.ip", "192.0.2.1"],
    ["v4.ephemeral_ip", "2001:db8::1"],
    ["v6.ephemeral_ip", "192.0.2.1"],
    ["v4.floating_ips", ["2001:db8::1"]],
    ["v6.floating_ips", [null]],
    ["v4.floating_ips", null],
    ["v4.ephemeral_ip", ""],
  ])("whose %s is %j are refused", (field, value) => refuses(`external_ips.${field}`, value));

  test("of a family that a NIC has no private address of are refused", async () => {
    const only = { type: "v4", value: DUAL_STACK.value.v4 };
    const base = changed(changed(FULL, "local_config.attached_subnets", []), "local_config.nics", [
      nic(1, { ip_config: only }),
    ]);
    await expectRefused(sled, () => register(base), "v6");
    const fits = changed(base, "local_config.external_ips.v6", null);
    expect((await register(fits)).status).toBe(200);
  });
});

describe("an attached subnet", () => {
  test.each([
    ["subnet", "198.51.100.0"],
    ["subnet", "198.51.100.0/33"],
    ["subnet", 5],
    ["kind", "private"],
  ])("whose %s is %j is refused", (field, value) => refuses(`attached_subnets.0.${field}`, value));

  test("of a family that the NIC has no private address of is refused", async () => {
    const nics = [nic(1, { ip_config: { type: "v4", value: DUAL_STACK.value.v4 } })];
    const base = changed(changed(FULL, "local_config.nics", nics), "local_config.external_ips", {});
    await expectRefused(sled, () => register(base), "attached_subnets[1]");
  });
});

describe("a firewall rule", () => {
  test.each([
    ["status", "on"],
    ["direction", "in"],
    ["action", "drop"],
    ["priority", 65_536],
    ["priority", -1],
    ["targets", null],
    ["targets.0.vni", 16_777_216],
    ["targets.0.mac", "x"],
    ["targets.0.ip_config.value.subnet", "10.0.0.0/33"],
    ["filter_hosts.0.type", "name"],
    ["filter_hosts.0.value", "10.0.0.1"],
    ["filter_hosts.0.value", 100],
    ["filter_hosts.1.value", 16_777_216],
    ["filter_hosts.1.value", "100"],
    ["filter_ports", "22"],
    ["filter_ports", [22]],
    ["filter_ports", ["0"]],
    ["filter_ports", ["0-10"]],
    ["filter_ports", ["65536"]],
    ["filter_ports", ["1-65536"]],
    ["filter_ports", ["100-50"]],
    ["filter_ports", ["22-"]],
    ["filter_ports", ["-22"]],
    ["filter_ports", ["22,23"]],
    ["filter_ports", [" 22"]],
    ["filter_ports", [""]],
    ["filter_protocols.0.type", "sctp"],
    ["filter_protocols.2.value.icmp_type", 256],
    ["filter_protocols.2.value.icmp_type", null],
    ["filter_protocols.2.value.code", "256"],
    ["filter_protocols.2.value.code", "9-3"],
    ["filter_protocols.2.value.code", "0-256"],
    ["filter_protocols.2.value.code", ""],
    ["filter_protocols.2.value.code", 3],
    ["filter_protocols.3.value", { icmp_type: 128, code: "x" }],
  ])("whose %s is %j is refused", async (field, value) => {
    const names = field === "filter_protocols.3.value" ? "code" : fieldOf(field);
    await refuses(`firewall_rules.0.${field}`, value, names);
  });

  test.each([
    ["filter_ports", ["1", "65535", "1-2", "443-443"]],
    ["filter_hosts", []],
    ["filter_hosts.1.value", 16_777_215],
    ["filter_protocols.2.value.code", "0-255"],
    ["filter_protocols.3.value", { icmp_type: 0 }],
    ["priority", 0],
    ["status", "disabled"],
  ])("whose %s is %j is taken", (field, value) => takes(`firewall_rules.0.${field}`, value));

  test("that is disabled is checked all the same", async () => {
    const disabled = changed(FULL, "local_config.firewall_rules.0.status", "disabled");
    const body = changed(disabled, "local_config.firewall_rules.0.filter_ports", ["0"]);
    await expectRefused(sled, () => register(body), "filter_ports[0]");
  });
});

describe("DHCP", () => {
  const label = "a".repeat(64);
  const long = Array.from({ length: 64 }, () => "abc").join(".");

  test.each([
    ["dns_servers", ["1.1.1"]],
    ["dns_servers", "1.1.1.1"],
    ["host_domain", label],
    ["host_domain", `${label}.com`],
    ["host_domain", "a..b"],
    ["host_domain", `${long}.${"x".repeat(10)}`],
    ["host_domain", 5],
    ["search_domains", [`${label}.com`]],
    ["search_domains", ["a.example", ""]],
    ["search_domains", [".example"]],
    ["search_domains", [null]],
    ["search_domains", ["\ud800.example"]],
  ])("whose %s is %j is refused", (field, value) => refuses(`dhcp_config.${field}`, value));

  test.each([
    ["dns_servers", []],
    ["host_domain", null],
    ["search_domains", []],
    ["search_domains", ["a".repeat(63)]],
  ])("whose %s is %j is taken", (field, value) => takes(`dhcp_config.${field}`, value));
});

describe("the MTU", () => {
  test.each([-1, 4_294_967_296, 1.5, "1500"])("%j is refused", (value) => refuses("primary_nic_mtu", value));
  test.each([1500, 8500, null])("%j is taken", (value) => takes("primary_nic_mtu", value));
});

describe("a delegated zvol", () => {
  test.each([
    ["type", "remote"],
    ["dataset_id", "x"],
    ["zpool_id", 5],
  ])("whose %s is %j is refused", (field, value) => refuses(`delegated_zvols.0.${field}`, value));
});
