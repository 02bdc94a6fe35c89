/** When taking back fails, too: nothing acknowledged is lost, it is said, and the repair ends it. */
import { afterEach, describe, expect, test } from "vitest";
import { propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

const VM1 = propolis(1);

let sled: Sled;
afterEach(() => sled.close());

async function start(laneCapacity?: number): Promise<void> {
  const model = { ports: [{ name: "guest0" }, { name: "guest1" }] };
  sled = await Sled.start({ model, ...(laneCapacity === undefined ? {} : { laneCapacity }) });
  await sled.adopt(VM1, "guest0");
  for (const n of [1, 2]) {
    await sled.setMapping(`239.1.1.${n}`, `ff04::${n}`);
    await sled.join(VM1, `239.1.1.${n}`);
  }
}

const degraded = () => sled.agent.status().degraded;

test("an unregister of adopted ports that fails halfway keeps every membership", async () => {
  await start();
  sled.fail("McastUnsubscribe", { skip: 1 });
  sled.fail("McastSubscribe");
  const answer = await sled.delete(`/vmms/${VM1}`);
  expect(answer.status).toBe(503);
  expect(degraded()).not.toEqual([]);
  await sled.agent.repair();
  expect(degraded()).toEqual([]);
  expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "applied", "239.1.1.2": "applied" });
  expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" }, "ff04::2": { guest0: "exclude()" } });
});

test("an adoption that fails halfway leaves nothing on the new port", async () => {
  await start();
  // The second join on guest1 fails, and so does leaving the first there.
  sled.fail("McastSubscribe", { skip: 1 });
  sled.fail("McastUnsubscribe", { skip: 2 });
  expect((await sled.adopt(VM1, "guest1")).status).toBe(503);
  expect(degraded()).not.toEqual([]);
  await sled.agent.repair();
  expect(degraded()).toEqual([]);
  expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" }, "ff04::2": { guest0: "exclude()" } });
});

test("a move whose taking back fails leaves no subscription under the new underlay, even if the old mapping is set meanwhile", async () => {
  await start();
  sled.fail("SetMcast2Phys", { when: "after" });
  sled.fail("SetMcast2Phys", { skip: 1 });
  expect((await sled.setMapping("239.1.1.1", "ff04::9")).status).toBe(503);
  expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  await sled.agent.repair();
  expect(degraded()).toEqual([]);
  expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" }, "ff04::2": { guest0: "exclude()" } });
  expect([...sled.nics.joined].sort()).toEqual(["ff04::1", "ff04::2"]);
});

describe("a repair", () => {
  test("that finds the lane full tries again later", async () => {
    await start(2);
    // A thing that is broken, and a lane that has no room when the repair comes.
    sled.fail("McastSubscribe", { times: 2 });
    await sled.clearMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect(degraded()).toHaveLength(1);
    sled.model.faults.inject({ when: "before", command: "SetMcast2Phys", delay: 900, times: 3 });
    const held = [1, 2, 3].map((n) => sled.setMapping(`239.8.8.${n}`, "ff04::8"));
    await Promise.all(held);
    await expect.poll(degraded, { timeout: 10_000 }).toEqual([]);
  });
});

test("a list of a table that was never read waits for it instead of saying that it is empty", async () => {
  const { model } = await (async () => {
    await start();
    return sled;
  })();
  await sled.close();
  model.faults.inject({ when: "before", command: "DumpMcast2Phys", delay: 1500 });
  sled = await Sled.over(model, { awaitStart: false });
  const list = await sled.get("/networking/mcast-m2p");
  expect(list.body).toHaveLength(2);
  expect(list.headers.age).toBeUndefined();
});
