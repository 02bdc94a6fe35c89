/**
 * A thousand VMMs, eight at a time: each costs what the first one did, and nothing of them is left.
 * SLEDCAST_VMMS says how many; a share of them outside CI.
 */
import { expect, test } from "vitest";
import { Course } from "../harness/course.ts";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { differences, worldOf } from "../harness/world.ts";

/** In CI once, and a share of them with the other versions of Node. */
const all = (process.env.CI === "true" || process.env.CI === "1") && process.env.SLEDCAST_RUNS === undefined;
const VMMS = Number(process.env.SLEDCAST_VMMS ?? (all ? 1000 : 96));
const AT_ONCE = 8;
/** Of these the cost is compared: the first and the last of all. */
const SAMPLE = Math.min(96, Math.floor(VMMS / 2 / AT_ONCE) * AT_ONCE);

const hex = (n: number) => n.toString(16).padStart(2, "0");

/** Two NICs, memberships with and without a mapping, rules of its VPC; each fourth one is a service, with routes. */
function bodyOf(n: number): object {
  const kind = n % 4 === 3 ? { type: "service", id: propolis(n) } : { type: "instance", id: propolis(n) };
  const vni = 100 + (n % 4);
  const mac = (i: number) => `a8:40:25:${hex(i)}:${hex(n >> 8)}:${hex(n & 255)}`;
  const rule = {
    status: "enabled",
    direction: "inbound",
    targets: [],
    filter_hosts: [{ type: "vpc", value: vni }],
    filter_ports: ["22", "80-89"],
    action: "allow",
    priority: 65_534,
  };
  return ensureBody({
    nics: [nic(1, { mac: mac(1), vni, kind }), nic(2, { mac: mac(2), vni, kind })],
    firewall_rules: [rule],
    multicast_groups: [
      { group_ip: "239.1.1.1", sources: [] },
      { group_ip: "239.1.1.2", sources: ["10.1.1.1"] },
      { group_ip: "239.1.1.9", sources: [] },
    ],
  });
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function inBatches(numbers: readonly number[], act: (n: number) => Promise<{ status: number; text: string }>) {
  for (let at = 0; at < numbers.length; at += AT_ONCE) {
    const answers = await Promise.all(numbers.slice(at, at + AT_ONCE).map(act));
    for (const { status, text } of answers) expect(status, text).toBeLessThan(300);
  }
}

/** How many steps of each name the work takes. */
async function costOf(course: Course, work: () => Promise<void>): Promise<Record<string, number>> {
  course.begin();
  await work();
  const cost: Record<string, number> = {};
  for (const step of course.steps) cost[step] = (cost[step] ?? 0) + 1;
  return cost;
}

test(`each of ${VMMS} VMMs takes as many commands and ledger writes as the first ones, and nothing of them is left`, async () => {
  const course = new Course();
  const sled = await Sled.start({ course });
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.setMapping("239.1.1.2", "ff04::1");
  const register = (n: number) => sled.put(`/vmms/${propolis(n)}`, bodyOf(n));
  const unregister = (n: number) => sled.delete(`/vmms/${propolis(n)}`);
  const joinAndLeave = async (n: number) => {
    await sled.join(propolis(n), "239.1.1.3");
    return sled.leave(propolis(n), "239.1.1.9");
  };
  const before = { ...worldOf(sled), routers: sled.agent.network.listRoutes() };

  const over = (act: Parameters<typeof inBatches>[1]) => async () => {
    const first = await costOf(course, () => inBatches(range(0, SAMPLE), act));
    await inBatches(range(SAMPLE, VMMS - SAMPLE), act);
    const last = await costOf(course, () => inBatches(range(VMMS - SAMPLE, VMMS), act));
    expect(last).toEqual(first);
    return first;
  };
  const costs = [];
  for (let round = 0; round < 2; round++) {
    const registering = await over(register)();
    expect(registering).toMatchObject({ CreateXde: 2 * SAMPLE, SetFwRules: 2 * SAMPLE, ledger: expect.any(Number) });
    const joining = await over(joinAndLeave)();
    expect(sled.agent.status().counts).toMatchObject({ vmms: VMMS, memberships: 3 * VMMS });
    expect(sled.agent.network.listRoutes()).toHaveLength(8);
    const unregistering = await over(unregister)();
    expect(unregistering).toMatchObject({ DeleteXde: 2 * SAMPLE });
    costs.push({ registering, joining, unregistering });
    expect(differences({ ...worldOf(sled), routers: sled.agent.network.listRoutes() }, before)).toEqual([]);
    expect((await sled.agent.audit()).findings).toEqual([]);
  }
  expect(costs[1]).toEqual(costs[0]);
  await sled.close();
});
