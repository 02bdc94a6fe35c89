/** A driver that is slow, away or stuck: reads go on, changes wait their turn, and it is said. */
import { afterEach, expect, test } from "vitest";
import { DriverError, ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { M2pMapping } from "../../src/opte/types.ts";
import { Sled } from "../harness/sled.ts";

let sled: Sled;
afterEach(() => sled.close());

const SLOW = 3000;

test("a list is answered from what was seen last, with its age, when the driver does not answer in a second", async () => {
  sled = await Sled.start();
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [] });
  sled.model.faults.inject({ when: "before", command: "DumpMcast2Phys", delay: SLOW });
  const [mappings, forwarding] = await Promise.all([
    sled.get("/networking/mcast-m2p"),
    sled.get("/networking/mcast-fwd"),
  ]);
  expect(mappings.body).toEqual([{ group: "239.1.1.1", underlay: "ff04::1" }]);
  expect(Number(mappings.headers.age)).toBeGreaterThanOrEqual(1);
  // It waits behind the other in the lane.
  expect(forwarding.body).toEqual([{ underlay: "ff04::1", next_hops: [] }]);
  expect(Number(forwarding.headers.age)).toBeGreaterThanOrEqual(1);
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
