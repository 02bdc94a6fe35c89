/** The original's known weaknesses around mappings, forwarding and NIC filters, by their row in the list of them. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { SledcastError } from "../../src/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { FakeNics } from "../harness/nics.ts";
import { propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

const VM1 = propolis(1);
const VM2 = propolis(2);
const hop = (address: string) => ({
  next_hop: address,
  replication: "underlay",
  filter: { mode: "exclude", sources: [] },
});

let sled: Sled;
afterEach(() => sled.close());

async function start(options: Parameters<typeof Sled.start>[0] = {}): Promise<Sled> {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }, { name: "guest1" }] }, ...options });
  return sled;
}

const forwarding = async () =>
  (await sled.get("/networking/mcast-fwd")).body as { underlay: string; next_hops: object[] }[];

describe("row 1: set fwd U→[A], then U→[B]", () => {
  test("is additive, as the contract keeps it", async () => {
    await start();
    for (const address of ["fd00::a", "fd00::b"]) {
      expect((await sled.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [hop(address)] })).status).toBe(
        204,
      );
    }
    expect(await forwarding()).toEqual([{ underlay: "ff04::1", next_hops: [hop("fd00::a"), hop("fd00::b")] }]);
  });

  test("an empty list makes an empty entry, and clearing it removes it", async () => {
    await start();
    await sled.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [] });
    expect(await forwarding()).toEqual([{ underlay: "ff04::1", next_hops: [] }]);
    await sled.delete("/networking/mcast-fwd", { underlay: "ff04::1" });
    expect(await forwarding()).toEqual([]);
  });
});

test("row 2: a late clear(G,U1) after set G→U2 is a no-op and keeps U2's filter", async () => {
  await start();
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.setMapping("239.1.1.1", "ff04::2");
  expect((await sled.clearMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::2" });
  expect([...sled.nics.joined]).toEqual(["ff04::2"]);
});

test("row 3: remapping G with a subscribed VM moves the subscription and leaves the old underlay group", async () => {
  await start();
  await sled.adopt(VM1, "guest0");
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.join(VM1, "239.1.1.1", "10.0.0.9");
  await sled.setMapping("239.1.1.1", "ff04::2");
  expect(sled.subscriptions).toEqual({ "ff04::2": { guest0: "include(10.0.0.9)" } });
  expect([...sled.nics.joined]).toEqual(["ff04::2"]);
});

test("row 4: clearing one of two groups on one underlay keeps the filter for the other", async () => {
  await start();
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.setMapping("239.1.1.2", "ff04::1");
  await sled.clearMapping("239.1.1.1", "ff04::1");
  expect([...sled.nics.joined]).toEqual(["ff04::1"]);
  expect(sled.agent.listFilters().map(({ holders }) => holders)).toEqual([["239.1.1.2"]]);
  await sled.clearMapping("239.1.1.2", "ff04::1");
  expect([...sled.nics.joined]).toEqual([]);
});

describe("row 5: two groups on one underlay, one port in both with different sources", () => {
  test("the port gets the union of the filters", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::1");
    await sled.join(VM1, "239.1.1.1", "10.0.0.1");
    await sled.join(VM1, "239.1.1.2", "10.0.0.2");
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "include(10.0.0.1,10.0.0.2)" } });
    await sled.join(VM1, "239.1.1.2");
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });

  test("leaving one keeps what the other needs, and leaving both unsubscribes", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::1");
    await sled.join(VM1, "239.1.1.1", "10.0.0.1");
    await sled.join(VM1, "239.1.1.2");
    await sled.leave(VM1, "239.1.1.2");
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "include(10.0.0.1)" } });
    await sled.leave(VM1, "239.1.1.1");
    expect(sled.subscriptions).toEqual({});
  });

  test("clearing one group's mapping leaves the other group's filter alone", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::1");
    await sled.join(VM1, "239.1.1.1", "10.0.0.1");
    await sled.join(VM1, "239.1.1.2", "10.0.0.2");
    await sled.clearMapping("239.1.1.1", "ff04::1");
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "include(10.0.0.2)" } });
    expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "pending", "239.1.1.2": "applied" });
  });
});

test("row 6: clear G, then leave G, leaves no subscription to come alive under the next group on U", async () => {
  await start();
  await sled.adopt(VM1, "guest0");
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.join(VM1, "239.1.1.1");
  await sled.clearMapping("239.1.1.1", "ff04::1");
  expect(sled.subscriptions).toEqual({});
  await sled.leave(VM1, "239.1.1.1");
  await sled.setMapping("239.9.9.9", "ff04::1");
  expect(sled.subscriptions).toEqual({});
});

test("row 7: a membership of ff04::5 is refused, and nothing is subscribed", async () => {
  await start();
  await sled.adopt(VM1, "guest0");
  const answer = await sled.join(VM1, "ff04::5");
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("group_ip");
  expect(sled.subscriptions).toEqual({});
});

test("row 8: setting 1000 groups again reads no table", async () => {
  await start();
  for (let i = 0; i < 1000; i++) await sled.setMapping(`239.2.${i >> 8}.${i & 255}`, `ff04::${i.toString(16)}`);
  sled.fail("DumpMcast2Phys", { times: 1_000_000 });
  sled.fail("DumpMcastSubscriptions", { times: 1_000_000 });
  sled.fail("DumpMcastForwarding", { times: 1_000_000 });
  for (let i = 0; i < 1000; i++) {
    expect((await sled.setMapping(`239.2.${i >> 8}.${i & 255}`, `ff04::${i.toString(16)}`)).status).toBe(204);
  }
});

describe("row 9: a set that repeats what is there", () => {
  test("is sent to the driver all the same", async () => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.fail("SetMcast2Phys");
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(503);
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  });

  test("joins again on the NICs when the last join failed", async () => {
    const model = new DriverModel();
    await model.call("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" } as never);
    const nics = new FakeNics();
    nics.failNext = 1;
    sled = await Sled.over(model, { nics });
    expect([...nics.joined]).toEqual([]);
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
    expect([...nics.joined]).toEqual(["ff04::1"]);
  });
});

test("row 11: a remap whose NIC join fails keeps the old mapping, its filter and its subscriptions", async () => {
  await start();
  await sled.adopt(VM1, "guest0");
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.join(VM1, "239.1.1.1");
  sled.nics.failNext = 1;
  const answer = await sled.setMapping("239.1.1.1", "ff04::2");
  expect(answer.status).toBe(503);
  expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
  expect(answer.text).toMatch(/ff04::2.*net0.*index 2.*EADDRNOTAVAIL/);
  expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  expect([...sled.nics.joined]).toEqual(["ff04::1"]);
  expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(204);
});

test("row 12: a mapping whose join fails at start is kept, so that the sled can send, and is degraded", async () => {
  const model = new DriverModel();
  await model.call("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" } as never);
  const nics = new FakeNics();
  nics.failNext = 1;
  sled = await Sled.over(model, { nics });
  expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  const ready = await sled.get("/readyz");
  expect(ready.status).toBe(200);
  expect(ready.body).toMatchObject({ ready: true, degraded: [{ thing: "filter", subject: "ff04::1" }] });
});

test("row 12: a failed join at start is retried until it holds, without a request", async () => {
  const model = new DriverModel();
  await model.call("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" } as never);
  const nics = new FakeNics();
  nics.failNext = 1;
  sled = await Sled.over(model, { nics });
  await expect.poll(() => sled.agent.status().degraded, { timeout: 5000 }).toEqual([]);
  expect([...nics.joined]).toEqual(["ff04::1"]);
});

test("row 13: set(G,U) and clear(G,U) at once end with mapping and filter agreeing", async () => {
  await start();
  for (let round = 0; round < 50; round++) {
    const set = sled.setMapping("239.1.1.1", "ff04::1");
    const clear = sled.clearMapping("239.1.1.1", "ff04::1");
    const answers = await Promise.all(round % 2 === 0 ? [set, clear] : [clear, set]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect([...sled.nics.joined]).toEqual(Object.values(sled.mappings));
  }
});

test("row 23: a group that is not multicast is refused at once", async () => {
  await start();
  for (const group of ["10.0.0.1", "::ffff:239.1.1.1"]) {
    const answer = await sled.setMapping(group, "ff04::1");
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("group");
  }
  expect(sled.mappings).toEqual({});
});

describe("row 26: a sender's established flow", () => {
  test("is cleared from the flow caches of our ports when its group moves or goes", async () => {
    await start();
    sled.model.setPort({ name: "guest0", state: "running" });
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    // A failure shows that the command was sent: nothing else here does.
    sled.fail("ClearUft");
    await sled.setMapping("239.1.1.1", "ff04::2");
    expect(sled.agent.status().degraded).toMatchObject([{ thing: "flow-cache", subject: "guest0" }]);
    await sled.clearMapping("239.1.1.1", "ff04::2");
    expect(sled.agent.status().degraded).toEqual([]);
  });

  test("a first mapping and a repeated one touch no flow cache", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    sled.fail("ClearUft", { times: 100 });
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect(sled.agent.status().degraded).toEqual([]);
  });

  test("a port that nobody has opened has no flows, which is fine", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(204);
    expect(sled.agent.status().degraded).toEqual([]);
  });
});

test("a port's subscription under one underlay does not disturb another VM's", async () => {
  await start();
  await sled.adopt(VM1, "guest0");
  await sled.adopt(VM2, "guest1");
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.join(VM1, "239.1.1.1");
  await sled.join(VM2, "239.1.1.1", "10.0.0.7");
  await sled.leave(VM1, "239.1.1.1");
  expect(sled.subscriptions).toEqual({ "ff04::1": { guest1: "include(10.0.0.7)" } });
});

test("a driver that goes away while flow caches are cleared is waited for once, and all of them are cleared later", async () => {
  const ports = [{ name: "guest0" }, { name: "guest1" }, { name: "guest2" }];
  sled = await Sled.start({ model: { ports } });
  for (const [n, { name }] of ports.entries()) await sled.adopt(propolis(n + 1), name);
  await sled.setMapping("239.1.1.1", "ff04::1");
  const calls = vi.spyOn(sled.model, "call");
  sled.breakNext("ClearUft", new SledcastError("driver-unavailable", "gone"));
  expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(204);
  expect(calls.mock.calls.filter(([command]) => command === "ClearUft")).toEqual([]);
  expect(sled.agent.status().degraded.map(({ subject }) => subject)).toEqual(ports.map(({ name }) => name));
  await sled.agent.repair();
  expect(sled.agent.status().degraded).toEqual([]);
});
