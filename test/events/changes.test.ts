/** Which events follow from what, as one who follows them sees it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { initialPort } from "../../src/opte/model/initial-port.ts";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { Follower } from "../harness/events.ts";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

const VM1 = propolis(1);
const G1 = "239.1.1.1";
const [U1, U2] = ["ff04::1", "ff04::2"];
const ANY = { mode: "exclude", sources: [] };

let sled: Sled;
let follower: Follower;

/** guest0 is a VMM's, guest1 nobody's. */
async function start(options: SledOptions = {}): Promise<void> {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }, { name: "guest1" }] }, ...options });
  await sled.adopt(VM1, "guest0");
  follower = new Follower(sled);
}
beforeEach(() => start());
afterEach(() => sled.close());

/** A command of somebody else's, past the agent. */
const opteadm = <C extends CommandName>(command: C, req: Record<string, unknown>) =>
  sled.model.call(command, req as unknown as Request<C>);

const audit = () => sled.request("POST", "/multicast/audit");

const only = (kind: string) => follower.take().filter((event) => event.kind === kind);

describe("a mapping", () => {
  test("that is set comes after its filter, and before what its members become", async () => {
    await sled.join(VM1, G1, "10.0.0.5");
    await sled.setMapping(G1, U1);
    const member = { kind: "membership", port: "guest0", group: G1, propolis_id: VM1, sources: ["10.0.0.5"] };
    expect(follower.take()).toEqual([
      { ...member, state: "pending", reason: "group 239.1.1.1 has no M2P mapping yet" },
      { kind: "filter", underlay: U1, change: "joined" },
      { kind: "mapping", group: G1, underlay: U1, before: null, by: "agent" },
      { ...member, state: "applied" },
    ]);
  });

  test("that is set again as it is, or cleared where there is none, is no event", async () => {
    await sled.setMapping(G1, U1);
    follower.take();
    await sled.setMapping(G1, U1);
    await sled.clearMapping(G1, U2);
    await sled.clearMapping("239.9.9.9", U2);
    await sled.get("/networking/mcast-m2p");
    await audit();
    expect(follower.take()).toEqual([]);
  });

  test("that moves is one event, and none of its members, which are in effect as before", async () => {
    await sled.setMapping(G1, U1);
    await sled.join(VM1, G1);
    follower.take();
    await sled.setMapping(G1, U2);
    expect(follower.take()).toEqual([
      { kind: "filter", underlay: U2, change: "joined" },
      { kind: "mapping", group: G1, underlay: U2, before: U1, by: "agent" },
      { kind: "filter", underlay: U1, change: "left" },
    ]);
  });

  test("that is cleared lets its filter go and its members wait", async () => {
    await sled.setMapping(G1, U1);
    await sled.join(VM1, G1);
    follower.take();
    await sled.clearMapping(G1, U1);
    expect(follower.take()).toMatchObject([
      { kind: "mapping", group: G1, underlay: null, before: U1, by: "agent" },
      { kind: "membership", group: G1, state: "pending" },
      { kind: "filter", underlay: U1, change: "left" },
    ]);
  });

  test("that others set, moved and cleared is told when it is found", async () => {
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    await sled.get("/networking/mcast-m2p");
    await opteadm("SetMcast2Phys", { group: G1, underlay: U2 });
    await sled.get("/networking/mcast-m2p");
    await opteadm("ClearMcast2Phys", { group: G1, underlay: U2 });
    await sled.get("/networking/mcast-m2p");
    expect(only("mapping")).toEqual([
      { kind: "mapping", group: G1, underlay: U1, before: null, by: "others" },
      { kind: "mapping", group: G1, underlay: U2, before: U1, by: "others" },
      { kind: "mapping", group: G1, underlay: null, before: U2, by: "others" },
    ]);
  });

  test("that others set and that cannot be taken up yet is not left standing", async () => {
    sled.nics.failLookUps = 1000;
    sled.nics.unplug("net1");
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    expect((await sled.get("/networking/mcast-m2p")).status).toBe(503);
    sled.nics.failLookUps = 0;
    await sled.get("/networking/mcast-m2p");
    const found = { kind: "mapping", group: G1, underlay: U1, before: null, by: "others" };
    expect(only("mapping")).toEqual([found, { ...found, underlay: null, before: U1 }, found]);
  });

  test("that was refused is no event", async () => {
    sled.fail("SetMcast2Phys");
    await sled.setMapping(G1, U1);
    expect(only("mapping")).toEqual([]);
  });
});

describe("forwarding", () => {
  const hop = (next_hop: string) => ({ next_hop, replication: "underlay", filter: ANY });
  const put = (...hops: string[]) => sled.put("/networking/mcast-fwd", { underlay: U1, next_hops: hops.map(hop) });

  test("that is set says all hops, by address; set again as it is, nothing", async () => {
    await put("fd00::b");
    await put("fd00::a");
    await put("fd00::b");
    await sled.get("/networking/mcast-fwd");
    expect(follower.take()).toEqual([
      { kind: "forwarding", underlay: U1, next_hops: [hop("fd00::b")], by: "agent" },
      { kind: "forwarding", underlay: U1, next_hops: [hop("fd00::a"), hop("fd00::b")], by: "agent" },
    ]);
  });

  test("that is cleared says so once", async () => {
    await put("fd00::b");
    follower.take();
    for (let i = 0; i < 2; i++) await sled.delete("/networking/mcast-fwd", { underlay: U1 });
    expect(follower.take()).toEqual([{ kind: "forwarding", underlay: U1, next_hops: null, by: "agent" }]);
  });

  test("that others changed is told when it is found", async () => {
    await put("fd00::b");
    follower.take();
    const theirs = { addr: "fd00::b", vni: 77, replication: "both", filter: ANY };
    await opteadm("SetMcastForwarding", { underlay: U1, nextHops: [theirs] });
    await sled.get("/networking/mcast-fwd");
    await opteadm("ClearMcastForwarding", { underlay: U1 });
    await audit();
    expect(follower.take()).toEqual([
      { kind: "forwarding", underlay: U1, next_hops: [{ ...hop("fd00::b"), replication: "both" }], by: "others" },
      { kind: "forwarding", underlay: U1, next_hops: null, by: "others" },
    ]);
  });
});

describe("a membership", () => {
  test("that is asked for again is an event only with other sources", async () => {
    await sled.setMapping(G1, U1);
    await sled.join(VM1, G1);
    follower.take();
    await sled.join(VM1, G1);
    expect(follower.take()).toEqual([]);
    await sled.join(VM1, G1, "10.0.0.5");
    expect(follower.take()).toMatchObject([{ kind: "membership", state: "applied", sources: ["10.0.0.5"] }]);
  });

  test("ends with a leave, once", async () => {
    await sled.join(VM1, G1);
    follower.take();
    await sled.leave(VM1, G1);
    await sled.leave(VM1, G1);
    expect(follower.take()).toMatchObject([{ kind: "membership", port: "guest0", group: G1, state: "ended" }]);
  });

  test("that fails is degraded with the reason, and applied when it was repaired", async () => {
    await sled.join(VM1, G1);
    follower.take();
    sled.fail("McastSubscribe");
    await sled.setMapping(G1, U1);
    await sled.agent.repair();
    expect(only("membership")).toMatchObject([
      { state: "degraded", reason: expect.stringContaining("injected") },
      { state: "applied" },
    ]);
  });

  test("follows the primary port to another one", async () => {
    await sled.join(VM1, G1);
    follower.take();
    await sled.adopt(VM1, "guest1");
    expect(follower.take()).toMatchObject([
      { kind: "membership", port: "guest0", state: "ended", propolis_id: VM1 },
      { kind: "membership", port: "guest1", state: "pending", propolis_id: VM1 },
      { kind: "port", name: "guest0", change: "released", propolis_id: VM1 },
      { kind: "port", name: "guest1", change: "adopted", propolis_id: VM1 },
    ]);
  });

  test("of a VMM without a primary port has none, and ends with the VMM", async () => {
    const id = propolis(2);
    const group = { group_ip: G1, sources: [] };
    await sled.put(`/vmms/${id}`, ensureBody({ nics: [nic(2, { primary: false })], multicast_groups: [group] }));
    await sled.join(id, "239.2.2.2");
    await sled.leave(id, "239.2.2.2");
    await sled.delete(`/vmms/${id}`);
    const waits = { port: null, propolis_id: id, state: "pending", reason: "the VMM has no primary port" };
    expect(only("membership")).toMatchObject([
      { ...waits, group: G1 },
      { ...waits, group: "239.2.2.2" },
      { port: null, group: "239.2.2.2", state: "ended" },
      { port: null, group: G1, state: "ended" },
    ]);
  });
});

describe("a filter", () => {
  test("that cannot be held again on a NIC is degraded, and mended when the NIC takes it", async () => {
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    sled.nics.failNext = 1;
    await sled.get("/networking/mcast-m2p");
    await sled.agent.repair();
    expect(only("filter")).toMatchObject([
      { underlay: U1, change: "joined" },
      { underlay: U1, change: "degraded", reason: expect.stringContaining("net0") },
      { underlay: U1, change: "mended" },
    ]);
  });

  test("that is degraded is mended by a request for it", async () => {
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    sled.nics.failNext = 1;
    await sled.get("/networking/mcast-m2p");
    follower.take();
    await sled.setMapping(G1, U1);
    expect(follower.take()).toEqual([{ kind: "filter", underlay: U1, change: "mended" }]);
  });

  test("is one event with thousands of others, where a NIC goes and comes", async () => {
    for (let i = 0; i < 150; i++) await opteadm("SetMcast2Phys", { group: `239.1.2.${i}`, underlay: `ff04::${i + 1}` });
    await sled.get("/networking/mcast-m2p");
    follower.take();
    sled.nics.unplug("net0", "unseen");
    await audit();
    sled.nics.plug("net0");
    await audit();
    expect(only("filter")).toMatchObject([
      { underlay: null, groups: 150, change: "degraded", reason: expect.stringContaining("net0") },
      { underlay: null, groups: 150, change: "mended" },
    ]);
  });
});

describe("a port", () => {
  test("is created with its VMM and deleted with it, its memberships between", async () => {
    const id = propolis(2);
    await sled.put(`/vmms/${id}`, ensureBody({ multicast_groups: [{ group_ip: G1, sources: [] }] }));
    await sled.delete(`/vmms/${id}`);
    expect(follower.take()).toMatchObject([
      { kind: "port", name: "opte0", change: "created", propolis_id: id },
      { kind: "membership", port: "opte0", state: "pending", propolis_id: id },
      { kind: "membership", port: "opte0", state: "ended", propolis_id: id },
      { kind: "port", name: "opte0", change: "deleted", propolis_id: id },
    ]);
  });

  test("that was made before the agent was started anew is deleted with its VMM all the same", async () => {
    const id = propolis(2);
    await sled.put(`/vmms/${id}`, ensureBody());
    sled = await sled.restart();
    follower = new Follower(sled);
    await sled.delete(`/vmms/${id}`);
    expect(only("port").map(({ name, change }) => [name, change])).toEqual([["opte0", "deleted"]]);
  });

  test("that the driver does not let go is busy, and deleted later", async () => {
    const id = propolis(2);
    await sled.put(`/vmms/${id}`, ensureBody());
    sled.fail("DeleteXde");
    await sled.delete(`/vmms/${id}`);
    await sled.agent.repair();
    expect(only("port").map(({ name, change }) => [name, change])).toEqual([
      ["opte0", "created"],
      ["opte0", "busy"],
      ["opte0", "deleted"],
    ]);
  });

  test("of a registration that is refused goes as it came", async () => {
    sled.fail("McastSubscribe");
    await sled.setMapping(G1, U1);
    follower.take();
    const group = { group_ip: G1, sources: [] };
    expect((await sled.put(`/vmms/${propolis(2)}`, ensureBody({ multicast_groups: [group] }))).status).not.toBe(200);
    expect(follower.take()).toMatchObject([
      { kind: "port", change: "created" },
      { kind: "port", change: "deleted" },
    ]);
  });

  test("that others deleted under a membership is gone, and appears with it again", async () => {
    await sled.setMapping(G1, U1);
    await sled.join(VM1, G1);
    follower.take();
    await opteadm("DeleteXde", { name: "guest0" });
    await audit();
    await opteadm("CreateXde", { ...initialPort({ name: "guest0" }) });
    await audit();
    expect(follower.take()).toMatchObject([
      { kind: "port", name: "guest0", change: "gone", propolis_id: VM1 },
      { kind: "membership", state: "pending", reason: expect.stringContaining("guest0") },
      { kind: "drift", what: "port-gone", subject: { port: "guest0", propolis_id: VM1 }, repaired: true },
      { kind: "port", name: "guest0", change: "appeared", propolis_id: VM1 },
      { kind: "membership", state: "applied" },
      { kind: "drift", what: "port-appeared", repaired: true },
    ]);
  });
});

test("a VMM whose adoption is refused leaves the port to others", async () => {
  await sled.setMapping(G1, U1);
  await sled.join(VM1, G1);
  follower.take();
  sled.fail("McastSubscribe");
  expect((await sled.adopt(VM1, "guest1")).status).not.toBe(204);
  expect((await sled.adopt(propolis(2), "guest1")).status).toBe(204);
  expect(only("port")).toEqual([{ kind: "port", name: "guest1", change: "adopted", propolis_id: propolis(2) }]);
});

describe("drift", () => {
  test("is told as the audit's report has it, after what became of it", async () => {
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    const { findings } = (await audit()).body as { findings: object[] };
    expect(follower.take()).toMatchObject([
      { kind: "mapping", by: "others" },
      { kind: "filter", change: "joined" },
      ...findings.map((finding) => ({ kind: "drift", ...finding })),
    ]);
  });

  test("that is only observed is told as left, once while it lasts", async () => {
    await sled.close();
    await start({ auditMode: "observe", model: { ports: [{ name: "guest0" }] } });
    const left = { kind: "drift", what: "mapping-taken-up", subject: { group: G1, underlay: U1 }, repaired: false };
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    await audit();
    expect(follower.take()).toEqual([left]);
    expect((await audit()).body).toMatchObject({ findings: [{ what: "mapping-taken-up" }] });
    expect(follower.take()).toEqual([]);
    await opteadm("ClearMcast2Phys", { group: G1, underlay: U1 });
    await audit();
    await opteadm("SetMcast2Phys", { group: G1, underlay: U1 });
    await audit();
    expect(follower.take()).toEqual([left]);
  });
});

test("what is there when the agent starts is no event", async () => {
  await sled.setMapping(G1, U1);
  const successor = await Sled.over(sled.model);
  const { events } = successor.agent;
  expect(events.since(events.last)).toEqual([]);
  expect(events.since(events.last - 1)).toBeUndefined();
  expect((await successor.get("/networking/mcast-m2p")).body).toHaveLength(1);
  expect(events.since(events.last)).toEqual([]);
  await successor.close();
});
