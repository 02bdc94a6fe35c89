/** A driver that is slow, away or stuck: reads go on, changes wait their turn, and it is said. */
import { afterEach, expect, test, vi } from "vitest";
import { DriverError, ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { M2pMapping } from "../../src/opte/types.ts";
import { ensureBody, propolis } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

let sled: Sled;
afterEach(() => sled.close());

/** Each list of a table of the driver's. */
const LISTS = ["/networking/mcast-m2p", "/networking/mcast-fwd", "/networking/mcast-subs", "/networking/ports"];
const VMM = "bbbbbbbb-0000-4000-8000-000000000001";

/** A sled of one mapping, one entry, one VMM and its membership. */
async function inUse(options: SledOptions = {}): Promise<Sled> {
  const made = await Sled.start({ ...options, model: { ports: [{ name: "guest0" }] } });
  await made.setMapping("239.1.1.1", "ff04::1");
  await made.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [] });
  await made.adopt(VMM, "guest0");
  await made.join(VMM, "239.1.1.1");
  return made;
}

const isStuckAt = async (command: string) =>
  expect.poll(() => sled.agent.status().driver.busyWith?.command).toBe(command);

test("each list is answered from what was seen last, with its age, when the driver does not answer in a second", async () => {
  sled = await inUse();
  const fresh = await Promise.all(LISTS.map((path) => sled.get(path)));
  sled.hold("SetMcast2Phys");
  void sled.setMapping("239.1.1.2", "ff04::2");
  await isStuckAt("SetMcast2Phys");
  const last = await Promise.all(LISTS.map((path) => sled.get(path)));
  expect(last.map(({ body }) => body)).toEqual(fresh.map(({ body }) => body));
  for (const { headers } of last) expect(Number(headers.age)).toBeGreaterThanOrEqual(1);
});

test("lists that nobody has read yet are answered as the start saw them", async () => {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
  sled.hold("SetMcast2Phys");
  void sled.setMapping("239.1.1.2", "ff04::2");
  await isStuckAt("SetMcast2Phys");
  const [m2p, fwd, subs, ports] = await Promise.all(LISTS.map((path) => sled.get(path)));
  for (const list of [m2p, fwd, subs]) expect(list).toMatchObject({ status: 200, body: [] });
  expect(ports).toMatchObject({ status: 200, body: [{ name: "guest0", owner: "foreign" }] });
  for (const list of [m2p, fwd, subs, ports]) expect(Number(list?.headers.age)).toBeGreaterThanOrEqual(1);
});

test("a list that the start could not read is waited for", async () => {
  sled = await inUse();
  sled.fail("DumpVirt2Phys");
  sled = await sled.restart();
  const letGo = sled.hold("SetMcast2Phys");
  const change = sled.setMapping("239.1.1.2", "ff04::2");
  await isStuckAt("SetMcast2Phys");
  const ports = sled.get("/networking/ports");
  await expect.poll(() => sled.agent.status().lane.waiting).toBe(1);
  letGo();
  expect(await ports).toMatchObject({ status: 200, body: [{ name: "guest0", owner: "adopted" }] });
  expect((await ports).headers.age).toBeUndefined();
  await change;
});

test("what needs no driver is answered while the driver is stuck, and does not wait for it", async () => {
  sled = await inUse();
  sled.hold("SetMcast2Phys");
  void sled.setMapping("239.1.1.2", "ff04::2");
  await isStuckAt("SetMcast2Phys");
  for (const path of [
    "/vmms",
    `/vmms/${VMM}/multicast-group`,
    `/vmms/${VMM}/state`,
    `/vmms/${VMM}/registration`,
    "/networking/mcast-filters",
    "/multicast/status",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
  ]) {
    const { status, headers } = await sled.get(path);
    expect({ path, status, age: headers.age }).toEqual({ path, status: 200, age: undefined });
  }
  expect(sled.agent.status()).toMatchObject({
    driver: { busyWith: { command: "SetMcast2Phys" } },
    lane: { waiting: 0 },
  });
});

test("a fresh list has no age", async () => {
  sled = await Sled.start();
  expect((await sled.get("/networking/mcast-m2p")).headers.age).toBeUndefined();
});

test("a list is answered from what was seen last when the lane is full", async () => {
  sled = await Sled.start({ laneCapacity: 1 });
  await sled.setMapping("239.1.1.1", "ff04::1");
  sled.model.faults.inject({ when: "before", command: "SetMcast2Phys", delay: 300, times: 2 });
  // One runs, one waits, and that is all there is room for.
  const mapping = { group: "239.1.1.1", underlay: "ff04::1" } as unknown as M2pMapping;
  const changes = [1, 2].map(() => sled.agent.setMapping(mapping));
  const list = await sled.get("/networking/mcast-m2p");
  expect(list.status).toBe(200);
  expect(list.headers.age).toBeDefined();
  await Promise.all(changes);
});

test("readiness and status name the operation and the command that are stuck", async () => {
  sled = await Sled.start();
  sled.model.faults.inject({ when: "before", command: "SetMcast2Phys", delay: 500 });
  const stuck = sled.setMapping("239.1.1.1", "ff04::1");
  await expect.poll(() => sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys");
  expect((await sled.get("/readyz")).body).toMatchObject({ ready: true, running: { name: "set_m2p" } });
  expect((await sled.get("/multicast/status")).body).toMatchObject({
    driver: { busy_with: { command: "SetMcast2Phys" } },
    lane: { running: { name: "set_m2p" } },
  });
  expect((await stuck).status).toBe(204);
});

const metric = async (name: string) =>
  (await sled.get("/metrics")).text.split("\n").find((line) => line.startsWith(`${name} `));

const slowCommands = (command: string) => metric(`sledcast_driver_slow_commands_total{command="${command}"}`);

test("a driver command that is slow is degraded, counted and in the log while it lasts", async () => {
  sled = await inUse({ slowAfter: 0.5 });
  sled.hold("SetMcast2Phys");
  void sled.setMapping("239.1.1.2", "ff04::2");
  const said = () => sled.log.records.filter(({ fields }) => fields.command === "SetMcast2Phys");
  await expect
    .poll(said, { timeout: 10_000 })
    .toMatchObject([{ level: "warn", message: expect.stringContaining("slow") }]);
  const slow = {
    thing: "driver",
    subject: "SetMcast2Phys",
    reason: expect.stringContaining("operations wait behind it"),
  };
  expect(await sled.get("/readyz")).toMatchObject({ status: 200, body: { ready: true, degraded: [slow] } });
  expect((await sled.get("/multicast/status")).body).toMatchObject({ counts: { degraded: 1 }, degraded: [slow] });
  expect(await slowCommands("SetMcast2Phys")).toMatch(/ 1$/);
  expect(await metric("sledcast_driver_command_running_seconds")).not.toMatch(/ 0$/);
  // There is nothing to repair, and a repair would wait behind the command.
  expect(sled.agent.status().lane.waiting).toBe(0);
});

test("a slow driver command that ends after all is well again, and its length is in the log", async () => {
  sled = await inUse({ slowAfter: 0.5 });
  sled.model.faults.inject({ when: "before", command: "SetMcast2Phys", delay: 600 });
  expect((await sled.setMapping("239.1.1.2", "ff04::2")).status).toBe(204);
  const said = sled.log.records.filter(({ fields }) => fields.command === "SetMcast2Phys");
  expect(said).toMatchObject([{ level: "warn" }, { level: "info", fields: { seconds: expect.any(Number) } }]);
  expect((await sled.get("/readyz")).body).toMatchObject({ degraded: [] });
  expect(await slowCommands("SetMcast2Phys")).toMatch(/ 1$/);
  expect(await metric("sledcast_driver_command_running_seconds")).toMatch(/ 0$/);
});

test("what the waiting operations of large requests hold can be seen", async () => {
  sled = await inUse();
  const letGo = sled.hold("SetMcast2Phys");
  const stuck = sled.setMapping("239.1.1.2", "ff04::2");
  await isStuckAt("SetMcast2Phys");
  const hops = Array.from({ length: 100 }, (_, i) => ({
    next_hop: `fd00::${i + 1}`,
    replication: "underlay",
    filter: { mode: "exclude", sources: [] },
  }));
  const waiting = [
    sled.put(`/vmms/${propolis(2)}`, { ...ensureBody(), padding: "x".repeat(50_000) }),
    sled.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops: hops }),
  ];
  await expect.poll(() => sled.agent.status().lane.waiting).toBe(2);
  const bytes = Number((await metric("sledcast_lane_waiting_bytes"))?.split(" ")[1]);
  expect(bytes).toBeGreaterThan(50_000 + 100 * 50);
  letGo();
  expect((await Promise.all([stuck, ...waiting])).map(({ status }) => status)).toEqual([204, 200, 204]);
  expect(await metric("sledcast_lane_waiting_bytes")).toMatch(/ 0$/);
});

test("while the driver is away the agent is not ready and says why; when it comes, it is", async () => {
  const model = new DriverModel();
  const away = () => new DriverError("DumpMcast2Phys", { variant: "System", errno: ILLUMOS_ERRNO.EIO, msg: "away" });
  model.faults.inject({ when: "before", command: "DumpMcast2Phys", times: 3, error: away });
  const starting = Sled.over(model, { awaitStart: false });
  sled = await starting;
  await expect.poll(async () => (await sled.get("/readyz")).text).toContain("away");
  const waiting = await sled.get("/readyz");
  expect(waiting.status).toBe(503);
  expect(waiting.body).toMatchObject({ ready: false, steps: { driver: { done: false } } });
  await expect.poll(async () => (await sled.get("/readyz")).status, { timeout: 5000 }).toBe(200);
});

test("metrics tell operations, driver commands, sizes of tables and pending memberships", async () => {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
  await sled.setMapping("239.1.1.1", "ff04::1");
  sled.fail("SetMcast2Phys");
  await sled.setMapping("239.1.1.2", "ff04::1");
  await sled.adopt("bbbbbbbb-0000-4000-8000-000000000001", "guest0");
  await sled.join("bbbbbbbb-0000-4000-8000-000000000001", "239.9.9.9");
  const { text, headers } = await sled.get("/metrics");
  expect(headers["content-type"]).toContain("text/plain");
  const lines = text.split("\n");
  for (const line of [
    'sledcast_operation_seconds_count{operation="set_m2p",outcome="ok"} 1',
    'sledcast_operation_seconds_count{operation="set_m2p",outcome="driver-busy"} 1',
    'sledcast_driver_command_seconds_count{command="SetMcast2Phys",outcome="error"} 1',
    "sledcast_mappings 1",
    "sledcast_filters 1",
    "sledcast_vmms 1",
    "sledcast_memberships_pending 1",
    "sledcast_degraded 0",
  ]) {
    expect(lines).toContain(line);
  }
});

test("a start that takes longer than a client would be kept is ready when it is through", async () => {
  sled = await inUse();
  vi.useFakeTimers({ toFake: ["setInterval", "performance"] });
  try {
    // The driver has told its mappings by then, which is a step that is done.
    let letGo = () => {};
    const until = new Promise<void>((resolve) => (letGo = resolve));
    sled.model.faults.inject({ when: "before", command: "DumpMcastForwarding", until });
    sled = await sled.restart({ awaitStart: false });
    await isStuckAt("DumpMcastForwarding");
    vi.advanceTimersByTime(120_000);
    const late = sled.join(VMM, "239.1.1.1");
    letGo();
    expect((await late).status).toBe(204);
    await expect.poll(async () => (await sled.get("/readyz")).status).toBe(200);
  } finally {
    vi.useRealTimers();
  }
});
