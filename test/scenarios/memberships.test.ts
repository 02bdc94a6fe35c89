/** The original's known weaknesses around memberships and their errors, by row. */
import { afterEach, describe, expect, test } from "vitest";
import { ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import { ensureBody, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

const VM1 = propolis(1);

let sled: Sled;
afterEach(() => sled.close());

async function start(): Promise<Sled> {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
  return sled;
}

const group = (group_ip: string, ...sources: string[]) => ({ group_ip, sources });
const register = (...multicast_groups: object[]) => sled.put(`/vmms/${PROPOLIS}`, ensureBody({ multicast_groups }));

test("row 10: a VMM whose group has no mapping yet registers, and is subscribed when the mapping comes", async () => {
  await start();
  expect((await register(group("239.1.1.1", "10.9.9.9"))).status).toBe(200);
  expect(await sled.memberships(PROPOLIS)).toEqual({ "239.1.1.1": "pending" });
  await sled.setMapping("239.1.1.1", "ff04::1");
  expect(sled.subscriptions).toEqual({ "ff04::1": { opte0: "include(10.9.9.9)" } });
  expect(await sled.memberships(PROPOLIS)).toEqual({ "239.1.1.1": "applied" });
});

describe("row 14: join and leave between register and start", () => {
  test("act at once, since register makes the port", async () => {
    await start();
    await register();
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect((await sled.join(PROPOLIS, "239.1.1.1")).status).toBe(204);
    expect(sled.subscriptions).toEqual({ "ff04::1": { opte0: "exclude()" } });
    expect((await sled.leave(PROPOLIS, "239.1.1.1")).status).toBe(204);
    expect(sled.subscriptions).toEqual({});
  });

  test("a group that was left is not subscribed by a later mapping", async () => {
    await start();
    await register(group("239.1.1.1"));
    await sled.leave(PROPOLIS, "239.1.1.1");
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect(sled.subscriptions).toEqual({});
  });
});

describe("row 15: a registration that lists G twice", () => {
  test("with different sources is refused and leaves nothing", async () => {
    await start();
    const answer = await register(group("239.1.1.1", "10.0.0.1"), group("239.1.1.1", "10.0.0.2"));
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("multicast_groups[1].group_ip");
    expect(sled.ports).toEqual(["guest0"]);
  });

  test("with the same sources counts once", async () => {
    await start();
    const twice = [group("239.1.1.1", "10.0.0.2", "10.0.0.1"), group("239.1.1.1", "10.0.0.1", "10.0.0.2", "10.0.0.1")];
    expect((await register(...twice)).status).toBe(200);
    const list = (await sled.get(`/vmms/${PROPOLIS}/multicast-group`)).body as object[];
    expect(list).toMatchObject([{ group_ip: "239.1.1.1", sources: ["10.0.0.1", "10.0.0.2"] }]);
  });
});

test("row 16: a group that went wrong does not stop a join of another", async () => {
  await start();
  await register(group("239.1.1.1"));
  // The wrong one: its subscription fails when its mapping comes.
  sled.fail("McastSubscribe", { times: 2 });
  expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  expect(await sled.memberships(PROPOLIS)).toEqual({ "239.1.1.1": "degraded" });
  sled.model.faults.clear();
  await sled.setMapping("239.3.3.3", "ff04::3");
  expect((await sled.join(PROPOLIS, "239.3.3.3")).status).toBe(204);
  expect(sled.subscriptions["ff04::3"]).toEqual({ opte0: "exclude()" });
});

test("row 16: a membership that went wrong is retried until it holds, without a request", async () => {
  await start();
  await register(group("239.1.1.1"));
  sled.fail("McastSubscribe");
  await sled.setMapping("239.1.1.1", "ff04::1");
  expect(sled.subscriptions).toEqual({});
  const memberships = () => sled.memberships(PROPOLIS);
  await expect.poll(memberships, { timeout: 5000 }).toEqual({ "239.1.1.1": "applied" });
  expect(sled.subscriptions).toEqual({ "ff04::1": { opte0: "exclude()" } });
});

describe("row 17: a subscription lost in the driver", () => {
  const lose = () => sled.model.call("McastUnsubscribe", { port: "guest0", group: "239.1.1.1" } as never);

  test("is healed by repeating the join, which is always sent", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    await lose();
    await sled.join(VM1, "239.1.1.1");
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });

  test("is found and healed by the audit, which says so", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    await lose();
    const report = (await sled.request("POST", "/multicast/audit")).body as { findings: object[] };
    expect(report.findings).toEqual([
      { what: "subscription-missing", subject: { port: "guest0", underlay: "ff04::1" }, repaired: true },
    ]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });
});

describe("row 24: sources that can never match", () => {
  test.each([
    ["loopback", "127.0.0.1"],
    ["multicast", "239.1.1.9"],
    ["unspecified", "0.0.0.0"],
    ["broadcast", "255.255.255.255"],
    ["link-local", "169.254.1.1"],
    ["of another family", "fd00::5"],
  ])("a %s source is refused with its place", async (_kind, source) => {
    await start();
    await sled.adopt(VM1, "guest0");
    const answer = await sled.join(VM1, "239.1.1.1", "10.0.0.1", source);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("sources[1]");
    expect(await sled.memberships(VM1)).toEqual({});
  });

  test("a forwarding filter is checked, too", async () => {
    await start();
    const next_hops = [
      { next_hop: "fd00::1", replication: "underlay", filter: { mode: "include", sources: ["127.0.0.1"] } },
    ];
    const answer = await sled.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("next_hops[0].filter.sources[0]");
  });
});

describe("row 25: errors say what they are", () => {
  test("the driver's refusal is 409 with its own words", async () => {
    await start();
    sled.fail("SetMcast2Phys", { opte: { variant: "MaxCapacity", limit: 8192n } });
    const answer = await sled.setMapping("239.1.1.1", "ff04::1");
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ error_code: "DRIVER_REFUSED" });
    expect(answer.text).toContain("MaxCapacity");
  });

  test("what a retry can mend is 503", async () => {
    await start();
    sled.fail("SetMcast2Phys", { opte: { variant: "System", errno: ILLUMOS_ERRNO.ENOMEM, msg: "no memory" } });
    const answer = await sled.setMapping("239.1.1.1", "ff04::1");
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error_code: "DRIVER_REFUSED" });
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  });
});

test("row 36: bytes after the JSON value are refused", async () => {
  await start();
  const answer = await sled.put("/networking/mcast-m2p", '{"group":"239.1.1.1","underlay":"ff04::1"} trailing');
  expect(answer.status).toBe(400);
  expect(sled.mappings).toEqual({});
});

describe("a failing driver leaves the old state or the new one", () => {
  const steps = ["before", "after"] as const;

  test.each(steps)(
    "join that fails %s its effect leaves the port unsubscribed and the membership unmade",
    async (when) => {
      await start();
      await sled.adopt(VM1, "guest0");
      await sled.setMapping("239.1.1.1", "ff04::1");
      sled.fail("McastSubscribe", { when });
      expect((await sled.join(VM1, "239.1.1.1")).status).toBe(503);
      expect(sled.subscriptions).toEqual({});
      expect(await sled.memberships(VM1)).toEqual({});
      expect((await sled.join(VM1, "239.1.1.1")).status).toBe(204);
    },
  );

  test.each(steps)("a changed filter that fails %s its effect leaves the old filter", async (when) => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1", "10.0.0.1");
    sled.fail("McastSubscribe", { when });
    expect((await sled.join(VM1, "239.1.1.1")).status).toBe(503);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "include(10.0.0.1)" } });
  });

  test.each(steps)("leave that fails %s its effect keeps the membership", async (when) => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    sled.fail("McastUnsubscribe", { when });
    expect((await sled.leave(VM1, "239.1.1.1")).status).toBe(503);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
    expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "applied" });
  });

  test.each(steps)("clear that fails %s its effect keeps mapping, filter and subscriptions", async (when) => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    sled.fail("ClearMcast2Phys", { when });
    expect((await sled.clearMapping("239.1.1.1", "ff04::1")).status).toBe(503);
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
    expect([...sled.nics.joined]).toEqual(["ff04::1"]);
  });

  test.each(steps)("set that fails %s its effect leaves no mapping and no filter", async (when) => {
    await start();
    sled.fail("SetMcast2Phys", { when });
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(503);
    expect(sled.mappings).toEqual({});
    expect([...sled.nics.joined]).toEqual([]);
  });

  test.each(steps)("a move that fails %s its effect leaves the old mapping, filter and subscriptions", async (when) => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    sled.fail("SetMcast2Phys", { when });
    expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(503);
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
    expect([...sled.nics.joined]).toEqual(["ff04::1"]);
  });

  test("when the undo fails too it is 503, degraded, and settled by itself", async () => {
    await start();
    await sled.adopt(VM1, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(VM1, "239.1.1.1");
    sled.fail("ClearMcast2Phys", { when: "after" });
    sled.fail("SetMcast2Phys");
    const answer = await sled.clearMapping("239.1.1.1", "ff04::1");
    expect(answer.status).toBe(503);
    expect(answer.text).toContain("taking it back failed");
    expect(sled.agent.status().degraded).not.toEqual([]);
    await expect.poll(() => sled.agent.status().degraded, { timeout: 5000 }).toEqual([]);
    expect([...sled.nics.joined]).toEqual(Object.values(sled.mappings));
    expect((await sled.clearMapping("239.1.1.1", "ff04::1")).status).toBe(204);
    expect(sled.subscriptions).toEqual({});
    expect([...sled.nics.joined]).toEqual([]);
  });
});
