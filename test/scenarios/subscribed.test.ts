/** `underlay.join = "subscribed"`: a group holds its NIC filter only while a port here subscribes. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { ensureBody, propolis } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

const [VM1, VM2, VM3] = [propolis(1), propolis(2), propolis(3)];

let sled: Sled;
beforeEach(() => start());
afterEach(() => sled.close());

/** guest0 and guest1 are VMMs', guest2 is nobody's. */
async function start(options: SledOptions = {}): Promise<void> {
  const ports = ["guest0", "guest1", "guest2"].map((name) => ({ name }));
  sled = await Sled.start({ joinPolicy: "subscribed", model: { ports }, ...options });
  await sled.adopt(VM1, "guest0");
  await sled.adopt(VM2, "guest1");
}

const joined = () => [...sled.nics.joined].sort();
const holders = () =>
  Object.fromEntries(sled.agent.listFilters().map(({ underlay, holders: groups }) => [underlay, groups]));
const opteadm = <C extends CommandName>(command: C, req: Record<string, unknown>) =>
  sled.model.call(command, req as unknown as Request<C>);
const subscribeForeign = (group: string) =>
  opteadm("McastSubscribe", { port: "guest2", group, filter: { mode: "exclude", sources: [] } });
const audit = async () =>
  ((await sled.request("POST", "/multicast/audit")).body as { findings: { what: string }[] }).findings;

test("row 37: a mapping alone joins nothing", async () => {
  expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  expect(joined()).toEqual([]);
  expect(holders()).toEqual({});
});

describe("a member", () => {
  test("that joins makes the group hold the filter, and the last that leaves lets it go", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    await sled.join(VM2, "239.1.1.1");
    expect(holders()).toEqual({ "ff04::1": ["239.1.1.1"] });
    expect(joined()).toEqual(["ff04::1"]);
    await sled.leave(VM1, "239.1.1.1");
    expect(joined()).toEqual(["ff04::1"]);
    await sled.leave(VM2, "239.1.1.1");
    expect(joined()).toEqual([]);
    expect(holders()).toEqual({});
  });

  test("that waited wakes with the mapping, and the NICs are joined then", async () => {
    await sled.join(VM1, "239.1.1.1");
    expect(joined()).toEqual([]);
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect(joined()).toEqual(["ff04::1"]);
    await sled.clearMapping("239.1.1.1", "ff04::1");
    expect(joined()).toEqual([]);
  });

  test("goes with the group to another underlay, and so do the joins", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(204);
    expect(joined()).toEqual(["ff04::2"]);
    expect(holders()).toEqual({ "ff04::2": ["239.1.1.1"] });
    expect(sled.subscriptions).toEqual({ "ff04::2": { guest0: "exclude()" } });
  });

  test("of one of two groups on an underlay holds it for that group", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::1");
    await sled.join(VM1, "239.1.1.2");
    expect(holders()).toEqual({ "ff04::1": ["239.1.1.2"] });
    await sled.join(VM1, "239.1.1.1");
    await sled.leave(VM1, "239.1.1.2");
    expect(holders()).toEqual({ "ff04::1": ["239.1.1.1"] });
  });

  test("whose port goes lets the filter go", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.put(`/vmms/${VM3}`, ensureBody({ multicast_groups: [{ group_ip: "239.1.1.1", sources: [] }] }));
    expect(joined()).toEqual(["ff04::1"]);
    await sled.delete(`/vmms/${VM3}`);
    expect(joined()).toEqual([]);
  });
});

describe("a NIC that refuses", () => {
  test("makes a member's join 503, and nothing is changed; a retry succeeds", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.failNext = 1;
    const answer = await sled.join(VM1, "239.1.1.1");
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
    expect(await sled.memberships(VM1)).toEqual({});
    expect(sled.subscriptions).toEqual({});
    expect(joined()).toEqual([]);
    expect((await sled.join(VM1, "239.1.1.1")).status).toBe(204);
    expect(joined()).toEqual(["ff04::1"]);
  });

  test("makes a waking member degraded, while the set is 204; it is repaired without a request", async () => {
    await sled.join(VM1, "239.1.1.1");
    sled.nics.failNext = 1;
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
    expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "degraded" });
    expect(sled.subscriptions).toEqual({});
    await expect.poll(() => sled.memberships(VM1), { timeout: 5000 }).toEqual({ "239.1.1.1": "applied" });
    expect(joined()).toEqual(["ff04::1"]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });

  test("keeps a group with members where it was: mapping, filter and subscriptions", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    sled.nics.failNext = 1;
    expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(503);
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
    expect(joined()).toEqual(["ff04::1"]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });
});

describe("while a NIC is missing", () => {
  /** guest0 receives on net0 all the same. */
  async function receivingOnNet0(): Promise<void> {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    sled.nics.unplug("net1");
    await sled.request("POST", "/multicast/audit");
  }
  const receives = () => [sled.nics.joinedOn("net0"), sled.subscriptions];
  const asBefore = [["ff04::1"], { "ff04::1": { guest0: "exclude()" } }];

  test("a move that the NIC refuses is UNDERLAY_JOIN_FAILED, and leaves them in effect where they were", async () => {
    await receivingOnNet0();
    const answer = await sled.adopt(VM1, "guest2");
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
    expect(receives()).toEqual(asBefore);
  });

  test("an unregister that fails halfway leaves the memberships in effect", async () => {
    await sled.setMapping("239.1.1.2", "ff04::2");
    await sled.join(VM1, "239.1.1.2");
    await receivingOnNet0();
    sled.fail("McastUnsubscribe", { skip: 1 });
    expect((await sled.delete(`/vmms/${VM1}`)).status).toBe(503);
    const any = { guest0: "exclude()" };
    expect(receives()).toEqual([["ff04::1", "ff04::2"], { "ff04::1": any, "ff04::2": any }]);
  });

  test("a subscription that the driver lost is put back by the audit", async () => {
    await receivingOnNet0();
    await opteadm("McastUnsubscribe", { port: "guest0", group: "239.1.1.1" });
    await audit();
    expect(receives()).toEqual(asBefore);
  });
});

test("a join whose taking back failed keeps the filter only until that is settled", async () => {
  await sled.setMapping("239.1.1.1", "ff04::1");
  sled.fail("McastSubscribe", { when: "after" });
  sled.fail("McastUnsubscribe");
  expect((await sled.join(VM1, "239.1.1.1")).status).toBe(503);
  expect(joined()).toEqual(["ff04::1"]);
  await sled.agent.repair();
  expect(sled.subscriptions).toEqual({});
  expect(holders()).toEqual({});
  expect(joined()).toEqual([]);
});

test("a join that the driver refuses leaves no filter behind", async () => {
  await sled.setMapping("239.1.1.1", "ff04::1");
  sled.fail("McastSubscribe");
  expect((await sled.join(VM1, "239.1.1.1")).status).toBe(503);
  expect(joined()).toEqual([]);
  expect(holders()).toEqual({});
});

describe("a port of somebody else's", () => {
  test("that subscribes holds the filter from the next audit on, and lets it go likewise", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::1");
    await subscribeForeign("239.1.1.1");
    expect(await audit()).toMatchObject([{ what: "foreign-subscriptions-changed", repaired: true }]);
    // Which group it joined the driver does not tell: it is keyed by underlay.
    expect(holders()).toEqual({ "ff04::1": ["239.1.1.1", "239.1.1.2"] });
    expect(joined()).toEqual(["ff04::1"]);
    expect(await audit()).toEqual([]);
    await opteadm("McastUnsubscribe", { port: "guest2", group: "239.1.1.1" });
    await audit();
    expect(joined()).toEqual([]);
    expect(holders()).toEqual({});
  });

  test("that could not be followed is followed by the next audit", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await subscribeForeign("239.1.1.1");
    sled.nics.failNext = 1;
    sled.nics.failLookUps = 2;
    await audit();
    await audit();
    await expect.poll(() => sled.agent.status().degraded, { timeout: 5000 }).toEqual([]);
    expect(joined()).toEqual(["ff04::1"]);
    expect(holders()).toEqual({ "ff04::1": ["239.1.1.1"] });
  });

  test("keeps the filter when the last member of ours leaves", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await subscribeForeign("239.1.1.1");
    await audit();
    await sled.join(VM1, "239.1.1.1");
    await sled.leave(VM1, "239.1.1.1");
    expect(joined()).toEqual(["ff04::1"]);
  });

  test("holds it from the start on, when the agent comes after it", async () => {
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::2");
    await subscribeForeign("239.1.1.1");
    const later = await Sled.over(sled.model, { joinPolicy: "subscribed" });
    expect([...later.nics.joined]).toEqual(["ff04::1"]);
    await later.close();
  });
});

test("another policy after a restart joins what that policy wants", async () => {
  await sled.setMapping("239.1.1.1", "ff04::1");
  const { model } = sled;
  expect(joined()).toEqual([]);
  await sled.close();
  sled = await Sled.over(model, { joinPolicy: "mapped" });
  expect(joined()).toEqual(["ff04::1"]);
  await sled.close();
  sled = await Sled.over(model, { joinPolicy: "subscribed" });
  expect(joined()).toEqual([]);
});
