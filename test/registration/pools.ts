/**
 * Values that registrations are made of. Few of each, so that what has to meet does: a rule's target
 * and a NIC, a NIC and a route set, a membership and a mapping.
 */
import fc from "fast-check";
import { arbitraryOf, type Instead, type Schema, type Schemas } from "../openapi/schema-arbitrary.ts";
import type { RegistrationBody } from "./body.ts";

export const VNIS = [100, 101, 102];
/** The last is that of a NIC that is there already, with VNI 100. */
export const TAKEN_MAC = "a8:40:25:ff:00:01";
const MACS = Array.from({ length: 12 }, (_, i) => `a8:40:25:0:0:${(i + 1).toString(16)}`);
export const NIC_IDS = [1, 2].map((n) => `cccccccc-0000-4000-8000-${String(n).padStart(12, "0")}`);

const V4_SUBNETS = [
  { subnet: "10.0.0.0/24", ips: ["10.0.0.2", "10.0.0.7", "10.0.0.254"] },
  // Bits beyond the width.
  { subnet: "172.30.0.77/22", ips: ["172.30.0.5", "172.30.3.255"] },
  { subnet: "10.0.0.0/8", ips: ["10.255.1.1"] },
  { subnet: "192.168.7.192/26", ips: ["192.168.7.200"] },
];
const V6_SUBNETS = [
  { subnet: "fd00:1::/64", ips: ["fd00:1::5", "FD00:1:0:0:ffff::1"] },
  { subnet: "fd00:2:0:0:8::/64", ips: ["fd00:2::9"] },
];
const V4_NETS = ["10.9.0.0/16", "10.9.1.1/16", "0.0.0.0/0", "198.51.100.9/32", "198.51.100.0/24"];
const V6_NETS = ["fd00:9::/48", "fd00:9:0:1::/48", "::/0", "2001:db8::9/128", "2001:DB8:7::/56"];
const V4_PUBLIC = ["192.0.2.1", "192.0.2.2", "203.0.113.250"];
const V6_PUBLIC = ["2001:db8::1", "2001:db8:0::2", "2001:db8::ffff:1"];

export const GROUPS = ["239.1.1.1", "239.1.1.2", "239.1.1.9", "232.4.4.4", "ff3e::8", "ff0e:0::9", "ff02::fb"];
const BAD_GROUPS = ["10.0.0.1", "ff04::1", "::ffff:239.1.1.1", "240.0.0.1", "fd00::1"];
const V4_SOURCES = ["10.1.1.1", "10.1.1.2", "192.0.2.77"];
const V6_SOURCES = ["fd00:5::1", "fd00:5:0::1", "2001:db8::77"];
const BAD_SOURCES = [
  "127.0.0.1",
  "0.0.0.0",
  "255.255.255.255",
  "169.254.1.1",
  "224.0.0.1",
  "::",
  "::1",
  "fe80::1",
  "ff0e::1",
];

const SOCKET_ADDRESSES = ["[fd00:1122:3344:101::7]:12400", "10.0.0.1:1", "[::]:65535"];
const BAD_SOCKET_ADDRESSES = ["fd00::7", "10.0.0.1", "[fd00::7]:65536", "localhost:80", ""];
/** A text of no pool is random, and none of those was ever an address. */
export const isSocketAddress = (text: string) => SOCKET_ADDRESSES.includes(text);

const DOMAINS = ["example.com", "a", "a.example.", "Ä.example", "x".repeat(63), "rooted.."];
const BAD_DOMAINS = ["", ".", ".a", "a..b", "x".repeat(64), "ab.".repeat(85)];

const of = <T>(values: readonly T[]) => fc.constantFrom(...values);

export type Stack = "v4" | "v6" | "dual_stack";

/** A good value for each named schema whose random values would be refused almost always. */
function goodValues(stack: Stack): Instead {
  const withSubnet = (subnets: typeof V4_SUBNETS, nets: readonly string[]) =>
    of(subnets.flatMap(({ subnet, ips }) => ips.map((ip) => ({ ip, subnet })))).chain((one) =>
      fc.array(of(nets), { maxLength: 3 }).map((transit_ips) => ({ ...one, transit_ips })),
    );
  const v4 = withSubnet(V4_SUBNETS, V4_NETS);
  const v6 = withSubnet(V6_SUBNETS, V6_NETS);
  const dual = fc.record({ type: fc.constant("dual_stack"), value: fc.record({ v4, v6 }) });
  const single = (type: "v4" | "v6") => fc.record({ type: fc.constant(type), value: type === "v4" ? v4 : v6 });
  const snat = (ips: readonly string[]) =>
    fc
      .tuple(of(ips), fc.nat(3))
      .map(([ip, block]) => ({ ip, first_port: block * 16_384, last_port: block * 16_384 + 16_383 }));
  const external = (ips: readonly string[]) =>
    fc.record(
      {
        source_nat: fc.option(snat(ips)),
        ephemeral_ip: fc.option(of(ips)),
        floating_ips: fc.uniqueArray(of(ips), { maxLength: 3 }),
      },
      { requiredKeys: ["floating_ips"] },
    );
  const nets = stack === "v4" ? V4_NETS : stack === "v6" ? V6_NETS : [...V4_NETS, ...V6_NETS];
  const range = fc.oneof(
    of(["22", "443-443", "00080", "8000-8010", "8005-8020", "1-65535", "1", "65535", "1-1023", "1024-65535"]),
    fc
      .tuple(fc.integer({ min: 1, max: 65_535 }), fc.nat(300))
      .map(([at, more]) => `${at}-${Math.min(65_535, at + more)}`),
  );
  const group = of(GROUPS).chain((group_ip) =>
    fc
      .subarray(group_ip.includes(":") ? V6_SOURCES : V4_SOURCES)
      // Mostly a group's own list, so that a group named twice is so with the same sources.
      .chain((some) => fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: fc.constant(some) }))
      .map((sources) => ({ group_ip, sources })),
  );
  return {
    PrivateIpv4Config: v4,
    PrivateIpv6Config: v6,
    PrivateIpConfig: stack === "dual_stack" ? dual : fc.oneof({ weight: 3, arbitrary: single(stack) }, dual),
    ExternalIpConfig: fc.record(
      {
        ...(stack === "v6" ? {} : { v4: fc.option(external(V4_PUBLIC)) }),
        ...(stack === "v4" ? {} : { v6: fc.option(external(V6_PUBLIC)) }),
      },
      { requiredKeys: [] },
    ),
    AttachedSubnet: fc.record({ subnet: of(nets), kind: of(["vpc", "external"]) }),
    IpNet: of([...V4_NETS, ...V6_NETS]),
    Vni: fc.oneof({ weight: 9, arbitrary: of(VNIS) }, of([0, 16_777_215])),
    MacAddr: of(MACS),
    L4PortRange: range,
    IcmpParamRange: of(["0", "3", "0-255", "009-010", "255"]),
    InstanceMulticastMembership: group,
    DhcpConfig: fc.record(
      {
        dns_servers: fc.array(of(["1.1.1.1", "8.8.8.8", "2606:4700::1111"]), { maxLength: 3 }),
        host_domain: fc.option(of(DOMAINS)),
        search_domains: fc.array(of(DOMAINS), { maxLength: 3 }),
      },
      { requiredKeys: ["dns_servers", "search_domains"] },
    ),
  };
}

/** What is refused in one place, by itself or beside others. */
const BAD_VALUES: Instead = {
  PrivateIpConfig: of([
    { type: "v4", value: { ip: "10.0.1.5", subnet: "10.0.0.0/24" } },
    { type: "v4", value: { ip: "10.0.0.5", subnet: "10.0.0.0/7" } },
    { type: "v4", value: { ip: "10.0.0.5", subnet: "10.0.0.0/27" } },
    { type: "v6", value: { ip: "fd00:2::5", subnet: "fd00:1::/64", transit_ips: [] } },
    { type: "v6", value: { ip: "fd00:1::5", subnet: "fd00:1::/63", transit_ips: [] } },
    { type: "v6", value: { ip: "fd00:1::5", subnet: "fd00:1::/65", transit_ips: [] } },
    {
      type: "dual_stack",
      value: {
        v4: { ip: "10.0.0.5", subnet: "10.0.0.0/24" },
        v6: { ip: "fd00:2::5", subnet: "fd00:1::/64", transit_ips: [] },
      },
    },
  ]),
  Vni: of([16_777_216, 4_294_967_295]),
  MacAddr: of([TAKEN_MAC]),
  ExternalIpConfig: of([
    { v4: { floating_ips: [], source_nat: { ip: "192.0.2.1", first_port: 1, last_port: 16_384 } } },
    { v4: { floating_ips: [], source_nat: { ip: "192.0.2.1", first_port: 0, last_port: 32_767 } } },
    { v6: { floating_ips: [], source_nat: { ip: "2001:db8::1", first_port: 16_384, last_port: 16_384 } } },
    { v4: { floating_ips: [] }, v6: { floating_ips: [] } },
  ]),
  L4PortRange: of(["0", "0-10", "65536", "100-50", "99999"]),
  IcmpParamRange: of(["256", "9-3", "0-256"]),
  InstanceMulticastMembership: fc.oneof(
    of(BAD_GROUPS).map((group_ip) => ({ group_ip, sources: [] })),
    fc.tuple(of(GROUPS), of(BAD_SOURCES)).map(([group_ip, source]) => ({ group_ip, sources: [source] })),
    of([...V4_SOURCES, ...V6_SOURCES]).map((source) => ({ group_ip: "239.1.1.1", sources: [source] })),
    fc.constant({ group_ip: "239.1.1.1", sources: Array.from({ length: 33 }, (_, i) => `10.7.0.${i}`) }),
  ),
  DhcpConfig: of(BAD_DOMAINS).chain((bad) =>
    of([
      { dns_servers: [], host_domain: bad, search_domains: [] },
      { dns_servers: [], search_domains: ["example.com", bad] },
    ]),
  ),
};

/**
 * Bodies that fit the schema of the document: most are good in every place, many in all but a few, and
 * some are whatever the schema allows.
 */
export function registrations(schemas: Schemas): fc.Arbitrary<RegistrationBody> {
  const schema = schemas.InstanceEnsureBody as Schema;
  const good = of<Stack>(["v4", "v6", "dual_stack", "dual_stack"]).map(goodValues);
  const made = (instead: Instead) => arbitraryOf(schema, schemas, instead);
  const mixed = (values: Instead): Instead =>
    Object.fromEntries(
      Object.keys({ ...values, ...BAD_VALUES }).map((name) => [
        name,
        fc.oneof(
          { weight: 30, arbitrary: values[name] ?? arbitraryOf(schemas[name] as Schema, schemas, values) },
          { weight: 1, arbitrary: BAD_VALUES[name] ?? arbitraryOf(schemas[name] as Schema, schemas, values) },
        ),
      ]),
    );
  const bodies = fc.oneof(
    { weight: 6, arbitrary: good.chain(made) },
    { weight: 4, arbitrary: good.map(mixed).chain(made) },
    { weight: 1, arbitrary: made({}) },
  ) as fc.Arbitrary<RegistrationBody>;
  const addresses = fc.oneof({ weight: 30, arbitrary: of(SOCKET_ADDRESSES) }, of(BAD_SOCKET_ADDRESSES));
  const ids = fc.option(of(NIC_IDS));
  // Of ten of a rule's targets three or four are NICs of the VMM, written in another way.
  const aims = fc.array(fc.nat(5), { minLength: 9, maxLength: 9 });
  return fc.tuple(bodies, addresses, ids, aims).map(([body, propolis_addr, id, aim]) => {
    const { nics, firewall_rules: rules } = body.local_config;
    const known = nics.map((nic, i) => (i === 0 && id !== null ? { ...nic, id } : nic));
    let next = 0;
    const aimed = rules.map((rule) => ({
      ...rule,
      targets: rule.targets.map((target) => {
        const at = nics[aim[next++] ?? nics.length];
        return at === undefined ? target : { ...target, vni: at.vni, mac: at.mac.toUpperCase() };
      }),
    }));
    return { ...body, propolis_addr, local_config: { ...body.local_config, nics: known, firewall_rules: aimed } };
  });
}
