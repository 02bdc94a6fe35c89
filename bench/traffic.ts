/**
 * What a control plane asks of a sled in the course of months, in rounds of ten thousand operations,
 * after each of which everything is again as it was. Most things come up under names that never
 * came up before (groups, underlay groups, next hops, sources, propolis ids): what is kept of a name
 * for good is what makes a process grow.
 */
import { sampleConfig, sampleEntry, sampleMapping, samplePath } from "./mappings.ts";
import type { Call } from "./measure/pipeline.ts";

export const GROUPS = 10_000;
export const VMMS = 1000;
/** Each VMM is in so many groups, so that every group has a member. */
const JOINED = GROUPS / VMMS;
const hex = (value: number) => value.toString(16);
const id = (kind: string, n: number) => `${kind}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
export const propolis = (n: number) => id("bbbbbbbb", n);
const uuid = (n: number) => id("aaaaaaaa", n);

/** Names that nothing had before, by a number that is used once. */
const fresh = (n: number) => ({
  group: `235.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
  underlay: `ff04::f:${hex(n >> 16)}:${hex(n & 0xffff)}`,
  hop: `fd01::${hex(n >> 16)}:${hex(n & 0xffff)}`,
  source: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
  vmm: propolis(VMMS + n),
});

const put = (path: string, value: unknown): Call => ({ method: "PUT", path, body: JSON.stringify(value) });
const drop = (path: string, value: unknown): Call => ({ method: "DELETE", path, body: JSON.stringify(value) });
const get = (path: string): Call => ({ method: "GET", path });

const FORWARDING = "/networking/mcast-fwd";
const CONFIG = "/multicast/config";
const membership = (group: string, ...sources: string[]) => ({ group_ip: group, sources });
const ofVmm = (vmm: string) => `/vmms/${vmm}/multicast-group`;

/** A VM with one NIC, whose MAC and VNI no other has. */
function registration(n: number, groups: readonly string[]): Call {
  const mac = [0xa8, 0x40, 0x25, (n >> 16) & 255, (n >> 8) & 255, n & 255]
    .map((b) => hex(b).padStart(2, "0"))
    .join(":");
  const ip = `172.${16 + ((n >> 16) & 15)}.${(n >> 8) & 255}.${n & 255}`;
  const nic = {
    id: id("cccccccc", n),
    kind: { type: "instance", id: uuid(n) },
    name: "net0",
    ip_config: { type: "v4", value: { ip, subnet: "172.16.0.0/12", transit_ips: [] } },
    mac,
    vni: 100,
    primary: true,
    slot: 0,
  };
  return put(`/vmms/${propolis(n)}`, {
    vmm_spec: {
      board: { chipset: { type: "i440_fx", value: { enable_pcie: false } }, cpus: 2, memory_mb: 2048 },
      components: {},
    },
    local_config: {
      hostname: `vm${n}`,
      nics: [nic],
      external_ips: {},
      attached_subnets: [],
      multicast_groups: groups.map((group) => membership(group)),
      firewall_rules: [],
      dhcp_config: { dns_servers: ["1.1.1.1"], host_domain: null, search_domains: [] },
      delegated_zvols: [],
      primary_nic_mtu: null,
    },
    vmm_runtime: { state: "starting", gen: 1, time_updated: "2026-01-02T03:04:05.678901Z" },
    instance_id: uuid(n),
    migration_id: null,
    propolis_addr: "[fd00:1122:3344:101::7]:12400",
    metadata: { silo_id: uuid(0), project_id: uuid(0) },
  });
}

/** All of it declared at once, and left in force. */
export const declaring = (generation: number, hop?: string): Call => ({
  method: "PUT",
  path: CONFIG,
  body: sampleConfig(GROUPS, generation, hop),
});
/** Gives control back, and leaves everything as it is. */
export const RELEASE: Call = { method: "DELETE", path: CONFIG };
const AUDIT: Call = { method: "POST", path: "/multicast/audit" };

export function* registrations(): Generator<Call> {
  for (let vmm = 0; vmm < VMMS; vmm++) {
    yield registration(
      vmm,
      Array.from({ length: JOINED }, (_, n) => sampleMapping(vmm * JOINED + n).group),
    );
  }
}

/**
 * A group comes, gets a member and a way to other sleds; its mapping stays until the next
 * configuration, which does not have it. To clear or move one alone costs a command for each
 * port of the sled, since the flow caches go: that is done in one turn of forty.
 */
function* turn(n: number): Generator<Call> {
  const { group, underlay, hop, source } = fresh(n);
  const home = sampleMapping(n % GROUPS);
  const member = ofVmm(propolis(n % VMMS));
  const own = sampleMapping((n % VMMS) * JOINED).group;
  yield put(member, membership(group, source));
  yield put(samplePath, { group, underlay });
  yield put(FORWARDING, sampleEntry(underlay, hop));
  yield put(FORWARDING, sampleEntry(underlay));
  yield put(member, membership(own, source));
  yield put(member, membership(group));
  yield put(samplePath, home);
  if (n % 10 === 0) yield registration(VMMS + n, [home.group, group]);
  // A whole turn later, when its registration has been answered.
  if (n % 10 === 1) yield { method: "DELETE", path: `/vmms/${fresh(n - 1).vmm}` };
  if (n % 40 === 0) {
    yield put(samplePath, { ...home, underlay: fresh(n + (1 << 23)).underlay });
    yield drop(samplePath, { group, underlay });
    yield put(samplePath, home);
  }
  yield drop(FORWARDING, { underlay });
  yield drop(member, membership(group));
  yield put(member, membership(own));
}

const LISTS = [samplePath, FORWARDING, "/networking/mcast-subs", "/networking/ports", "/vmms", "/multicast/status"];

/** Without a configuration: what one of the connections sends, `first` being the turn it begins with. */
export function* imperative(first: number, turns: number): Generator<Call> {
  for (let n = first; n < first + turns; n++) {
    yield* turn(n);
    if (n % 20 === 0) yield get(ofVmm(propolis(n % VMMS)));
    if (n % 60 === 0) yield get(LISTS[(n / 60) % LISTS.length] ?? samplePath);
  }
  yield AUDIT;
}

/** With one in force: members come and go. */
export function* membersOnly(first: number, turns: number): Generator<Call> {
  for (let n = first; n < first + turns; n++) {
    const member = ofVmm(propolis(n % VMMS));
    const { group, source } = fresh(n);
    yield put(member, membership(group, source));
    yield put(member, membership(group));
    yield drop(member, membership(group));
  }
  yield AUDIT;
}
