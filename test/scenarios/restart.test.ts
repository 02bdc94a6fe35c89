/** What a new start makes of the driver and the ledger that an earlier run left, whichever of them is the older. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { MemoryLedger, SALVAGED } from "../../src/intent/ledger.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { FakeNics } from "../harness/nics.ts";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

/** Registered, with the ports opte0 and opte1, and adopted, with guest0. */
const REGISTERED = propolis(1);
const ADOPTED = propolis(2);
const GROUPS = [
  { group_ip: "239.1.1.1", sources: ["10.0.0.1"] },
  { group_ip: "239.4.4.4", sources: [] },
];
const LOCAL = { nics: [nic(1), nic(2)], multicast_groups: GROUPS };
const ANY = { mode: "exclude", sources: [] };
const GUESTS = { ports: [{ name: "guest0" }, { name: "guest1" }] };

let sled: Sled;
afterEach(() => sled.close());

async function start(): Promise<void> {
  sled = await Sled.start({ model: GUESTS });
  await sled.setMapping("239.1.1.1", "ff04::1");
  await register();
  await sled.adopt(ADOPTED, "guest0");
  await sled.join(ADOPTED, "239.1.1.1");
}

const register = (id = REGISTERED, local: object = LOCAL, change: object = {}) =>
  sled.put(`/vmms/${id}`, ensureBody(local, change));

/** A command of somebody else's, past the agent. */
const opteadm = <C extends CommandName>(command: C, req: Record<string, unknown>) =>
  sled.model.call(command, req as unknown as Request<C>);

/** A port as somebody else makes it, with the name of one that was made here. */
async function takeName(name: string): Promise<void> {
  const ours = sled.model.tables.ports.find(({ create }) => create.name === name)?.create;
  const cfg = { ...ours?.cfg, guestMac: "a8:40:25:99:99:99" };
  await opteadm("DeleteXde", { name });
  await opteadm("CreateXde", { ...ours, cfg });
}

async function owners(): Promise<Record<string, string>> {
  const list = (await sled.get("/networking/ports")).body as { name: string; owner: string }[];
  return Object.fromEntries(list.map(({ name, owner }) => [name, owner]));
}

const vmms = async () => ((await sled.get("/vmms")).body as { propolis_id: string }[]).map((vmm) => vmm.propolis_id);
const degraded = () => sled.agent.status().degraded.map(({ thing, subject }) => `${thing} ${subject}`);
const warnings = () => sled.log.records.filter(({ level }) => level === "warn").map(({ message }) => message);
const audit = async () => {
  const { findings } = (await sled.request("POST", "/multicast/audit")).body as { findings: { what: string }[] };
  return findings.map(({ what }) => what);
};

describe.each([
  { how: "ended", next: () => sled.restart() },
  { how: "killed", next: () => sled.afterCrash() },
])("after an agent that was $how", ({ next }) => {
  test("VMMs, registrations, states, ports and memberships are answered as before, and the audit finds nothing", async () => {
    await start();
    await sled.put(`/vmms/${REGISTERED}/state`, { state: { type: "running" } });
    const paths = ["/vmms", "/networking/ports", "/networking/mcast-subs", "/networking/mcast-filters"];
    for (const id of [REGISTERED, ADOPTED]) paths.push(`/vmms/${id}/state`, `/vmms/${id}/multicast-group`);
    paths.push(`/vmms/${REGISTERED}/registration`);
    const answers = async () => Promise.all(paths.map(async (path) => (await sled.get(path)).text));
    const before = await answers();
    const driver = sled.model.tables;
    sled = await next();
    expect(await answers()).toEqual(before);
    expect(sled.model.tables).toEqual(driver);
    expect(await audit()).toEqual([]);
    expect(degraded()).toEqual([]);
  });

  test("a generation of 64 bits is what it was, to the digit", async () => {
    await start();
    const text = JSON.stringify(ensureBody({ nics: [nic(9)] })).replace('"gen":1,', '"gen":9223372036854775807,');
    await sled.put(`/vmms/${propolis(9)}`, text);
    await sled.put(`/vmms/${propolis(9)}/state`, { state: { type: "running" } });
    sled = await next();
    expect((await sled.get(`/vmms/${propolis(9)}/state`)).text).toMatch(/"gen": ?9223372036854775808\b/);
  });

  test("the same registration is 200 and changes nothing; another instance, or a NIC that is taken, is 409", async () => {
    await start();
    sled = await next();
    const driver = sled.model.tables;
    expect((await register()).status).toBe(200);
    const other = await register(REGISTERED, LOCAL, { instance_id: propolis(77) });
    expect([other.status, other.body]).toMatchObject([409, { error_code: "CONFLICT" }]);
    expect((await register(propolis(3), { nics: [nic(2)] })).status).toBe(409);
    expect(sled.model.tables).toEqual(driver);
  });

  test("unregister deletes the ports that were made here, and no others", async () => {
    await start();
    sled = await next();
    for (const id of [REGISTERED, ADOPTED]) expect((await sled.delete(`/vmms/${id}`)).status).toBe(200);
    expect(sled.ports.sort()).toEqual(["guest0", "guest1"]);
    expect(sled.subscriptions).toEqual({});
    expect(sled.datalinks.live).toBe(0);
    sled = await next();
    expect(await vmms()).toEqual([]);
  });

  test("a membership that waits is applied when its mapping comes", async () => {
    await start();
    sled = await next();
    expect(await sled.memberships(REGISTERED)).toEqual({ "239.1.1.1": "applied", "239.4.4.4": "pending" });
    await sled.setMapping("239.4.4.4", "ff04::4");
    expect(sled.subscriptions["ff04::4"]).toEqual({ opte0: "exclude()" });
  });

  test("a port that could not be deleted is listed as degraded, keeps its name for itself, and goes when it can", async () => {
    await start();
    sled.model.setPort({ name: "opte0", busy: true });
    await sled.delete(`/vmms/${REGISTERED}`);
    sled = await next();
    expect(degraded()).toEqual(["port opte0"]);
    expect(await owners()).toMatchObject({ opte0: "registered", guest1: "foreign" });
    expect((await register(propolis(3), { nics: [nic(3)] })).status).toBe(200);
    const ours = Object.entries(await owners()).filter(([, owner]) => owner === "registered");
    expect(ours.map(([name]) => name).sort()).toEqual(["opte0", expect.stringMatching(/^opte[12]$/)]);
    expect((await register(propolis(4), { nics: [nic(1)] })).status).toBe(409);
    sled.model.setPort({ name: "opte0", busy: false });
    await sled.agent.repair();
    expect(sled.ports).not.toContain("opte0");
    expect(degraded()).toEqual([]);
  });
});

describe("what changed in the driver while there was no agent", () => {
  /** The driver outlives the agent, so the order of the two does not matter. */
  async function meanwhile(change: () => Promise<unknown>): Promise<void> {
    await start();
    await change();
    sled = await sled.restart();
  }

  test("a subscription of ours that was lost, or is another, is set right", async () => {
    await meanwhile(async () => {
      await opteadm("McastUnsubscribe", { port: "opte0", group: "239.1.1.1" });
      await opteadm("McastSubscribe", { port: "guest0", group: "239.1.1.1", filter: { mode: "include", sources: [] } });
    });
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()", opte0: "include(10.0.0.1)" } });
  });

  test("a subscription on a port of ours that no membership explains is removed, with a mapping or without", async () => {
    await meanwhile(async () => {
      for (const n of [8, 9]) await opteadm("SetMcast2Phys", { group: `239.9.9.${n}`, underlay: `ff04::${n}` });
      for (const n of [8, 9]) await opteadm("McastSubscribe", { port: "opte1", group: `239.9.9.${n}`, filter: ANY });
      await opteadm("ClearMcast2Phys", { group: "239.9.9.9", underlay: "ff04::9" });
    });
    expect(Object.keys(sled.subscriptions)).toEqual(["ff04::1"]);
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1", "239.9.9.8": "ff04::8" });
    expect(warnings()).toContain("no membership explains this subscription of an earlier run; it is removed");
  });

  test("a subscription of a port of somebody else's is left", async () => {
    await meanwhile(() => opteadm("McastSubscribe", { port: "guest1", group: "239.1.1.1", filter: ANY }));
    expect(sled.subscriptions["ff04::1"]).toMatchObject({ guest1: "exclude()" });
  });

  test("a mapping that moved takes the members with it, and nothing stays behind", async () => {
    await meanwhile(() => opteadm("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::7" }));
    expect(sled.subscriptions).toEqual({ "ff04::7": { guest0: "exclude()", opte0: "include(10.0.0.1)" } });
    expect([...sled.nics.joined]).toEqual(["ff04::7"]);
  });

  test("a mapping that was cleared leaves its members waiting, and no subscription", async () => {
    await meanwhile(() => opteadm("ClearMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" }));
    expect(await sled.memberships(ADOPTED)).toEqual({ "239.1.1.1": "pending" });
    expect(sled.subscriptions).toEqual({});
    expect(sled.mappings).toEqual({});
  });

  test("a VMM of which one port of two is gone stays, and its memberships wait for the port", async () => {
    await meanwhile(() => opteadm("DeleteXde", { name: "opte0" }));
    expect(await vmms()).toEqual([REGISTERED, ADOPTED]);
    expect(await sled.memberships(REGISTERED)).toMatchObject({ "239.1.1.1": "pending" });
    await sled.delete(`/vmms/${REGISTERED}`);
    expect(sled.ports.sort()).toEqual(["guest0", "guest1"]);
  });

  test("a VMM whose ports' names others have now is dropped, and those ports are left as they are", async () => {
    await meanwhile(async () => {
      await opteadm("DeleteXde", { name: "opte1" });
      await takeName("opte0");
    });
    expect(await vmms()).toEqual([ADOPTED]);
    expect(await owners()).toMatchObject({ opte0: "foreign" });
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
    expect((await register()).status).toBe(200);
    expect(sled.ports).toContain("opte0");
  });

  test("a VMM of whose two ports another has the name of one is dropped too; the other one is deleted", async () => {
    await meanwhile(() => takeName("opte0"));
    expect(await vmms()).toEqual([ADOPTED]);
    expect(sled.ports.sort()).toEqual(["guest0", "guest1", "opte0"]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });
});

describe("a reboot that emptied the driver", () => {
  const reboot = async (model: DriverModel) => {
    await start();
    sled = await sled.restart({ model });
  };

  test("drops VMMs that were registered, says so, and lets them be registered again", async () => {
    await reboot(new DriverModel());
    expect(await vmms()).toEqual([ADOPTED]);
    expect(warnings()).toContain("VMM dropped: its ports are gone from the driver; register it again");
    expect(sled.datalinks.live).toBe(0);
    expect((await register()).status).toBe(200);
    expect(sled.ports).toHaveLength(2);
    sled = await sled.restart();
    expect(await vmms()).toEqual([REGISTERED, ADOPTED]);
  });

  test("leaves the memberships of adopted ports waiting until the port shows", async () => {
    await reboot(new DriverModel());
    await sled.setMapping("239.1.1.1", "ff04::1");
    expect(await sled.memberships(ADOPTED)).toEqual({ "239.1.1.1": "pending" });
    expect(degraded()).toEqual([]);
    const guest = new DriverModel(GUESTS).tables.ports.find(({ create }) => create.name === "guest0");
    await opteadm("CreateXde", { ...guest?.create });
    expect(await audit()).toContain("port-appeared");
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });

  test("and a ledger that cannot be written keep nobody from being served; the VMM is dropped, and in the ledger when that can be written", async () => {
    await start();
    const { ledger } = sled;
    await sled.close();
    ledger.failNext("EROFS", 1000);
    sled = await Sled.over(new DriverModel(GUESTS), { ledger });
    expect((await sled.get("/readyz")).status).toBe(200);
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
    expect((await sled.join(ADOPTED, "239.1.1.1", "10.0.0.7")).status).toBe(503);
    expect(degraded()).toEqual(["ledger file"]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
    expect(await vmms()).toEqual([ADOPTED]);
    ledger.failNext("", 0);
    await sled.agent.repair();
    expect(degraded()).toEqual([]);
    expect([...ledger.afterCrash().entries("vmm ")].map(([key]) => key)).toEqual([`vmm ${ADOPTED}`]);
  });

  test("and a ledger that cannot be written have nothing done to others' ports of the names of those that went", async () => {
    await start();
    await takeName("opte0");
    const { ledger, model } = sled;
    await sled.close();
    ledger.failNext("EROFS", 1000);
    sled = await Sled.over(model, { ledger });
    expect(await owners()).toMatchObject({ opte0: "foreign" });
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });
});

describe("the ledger", () => {
  const keys = () => [...sled.ledger.entries("")].map(([key]) => key);

  test("takes a VMM's new state without the body that registered it", async () => {
    await start();
    const record = vi.spyOn(sled.ledger, "record");
    await sled.put(`/vmms/${REGISTERED}/state`, { state: { type: "running" } });
    expect(record.mock.calls.map(([changes]) => changes.map(({ key }) => key))).toEqual([[`vmm ${REGISTERED}`]]);
    expect(JSON.stringify(record.mock.calls)).not.toContain("multicast_groups");
  });

  test("that has a VMM's body within the VMM, as it was written at first, gives it back", async () => {
    await start();
    const body = sled.ledger.get(`registration ${REGISTERED}`);
    const vmm = sled.ledger.get(`vmm ${REGISTERED}`) as { registered: { registration: object } };
    const { registration } = vmm.registered;
    const registered = { ...vmm.registered, registration: { ...registration, body } };
    await sled.ledger.record([
      { key: `registration ${REGISTERED}`, value: undefined },
      { key: `vmm ${REGISTERED}`, value: { ...vmm, registered } },
    ]);
    sled = await sled.restart();
    await sled.put(`/vmms/${REGISTERED}/state`, { state: { type: "running" } });
    sled = await sled.restart();
    expect((await sled.get(`/vmms/${REGISTERED}/registration`)).text).toBe(body);
  });

  test("keeps nothing of VMMs that are gone", async () => {
    await start();
    for (const id of [REGISTERED, ADOPTED]) await sled.delete(`/vmms/${id}`);
    expect(keys()).toEqual([]);
  });

  test("that has lost a VMM and not what is kept with it gives a VMM of that id nothing of that", async () => {
    await start();
    await sled.ledger.record([{ key: `vmm ${ADOPTED}`, value: undefined }]);
    sled = await sled.restart();
    await sled.adopt(ADOPTED, "guest0");
    sled = await sled.restart();
    expect(await sled.memberships(ADOPTED)).toEqual({});
    expect(keys()).not.toContain(`member ${ADOPTED} 239.1.1.1`);
  });
});

describe("a ledger that is older than the driver", () => {
  test("makes ports that it does not know somebody else's: they stay, and their NIC and name are taken", async () => {
    await start();
    sled = await sled.restart({ ledger: new MemoryLedger() });
    expect(await owners()).toEqual({ guest0: "foreign", guest1: "foreign", opte0: "foreign", opte1: "foreign" });
    const refused = await register();
    expect([refused.status, refused.body]).toMatchObject([409, { error_code: "CONFLICT" }]);
    expect((await register(propolis(3), { nics: [nic(3)] })).status).toBe(200);
    expect(await owners()).toMatchObject({ opte0: "foreign", opte1: "foreign" });
    expect((await sled.delete(`/vmms/${propolis(3)}`)).status).toBe(200);
    expect(sled.ports.sort()).toEqual(["guest0", "guest1", "opte0", "opte1"]);
    expect(sled.subscriptions["ff04::1"]).toMatchObject({ opte0: "include(10.0.0.1)" });
  });
});

describe("a driver that does not answer at first", () => {
  const readyz = async () => {
    const { status, body } = await sled.get("/readyz");
    return { status, steps: (body as { steps: Record<string, { done: boolean; detail: string }> }).steps };
  };

  test.each([
    { how: "is slow", trouble: () => sled.model.faults.inject({ when: "before", command: "ListPorts", delay: 300 }) },
    { how: "fails", trouble: () => sled.fail("DumpMcast2Phys", { times: 2 }) },
  ])(
    "and $how keeps no list of VMMs waiting; readiness tells the steps and comes with the memberships",
    async ({ trouble }) => {
      await start();
      trouble();
      sled = await sled.restart({ awaitStart: false });
      expect(await vmms()).toEqual([REGISTERED, ADOPTED]);
      expect(await sled.memberships(ADOPTED)).toEqual({ "239.1.1.1": "pending" });
      expect(await readyz()).toMatchObject({
        status: 503,
        steps: {
          ledger: { done: true, detail: "2 VMMs, 3 memberships, no configuration" },
          driver: { done: false },
          memberships: { done: false },
        },
      });
      await expect.poll(async () => (await readyz()).status, { timeout: 10_000 }).toBe(200);
      expect((await readyz()).steps.memberships).toEqual({ done: true, detail: "2 in effect, 1 pending, 0 degraded" });
      expect(await sled.memberships(ADOPTED)).toEqual({ "239.1.1.1": "applied" });
    },
  );

  test("is waited for by a join, which takes effect after the memberships of before", async () => {
    await start();
    sled.model.faults.inject({ when: "before", command: "DumpMcast2Phys", delay: 200 });
    sled = await sled.restart({ awaitStart: false });
    expect((await sled.join(ADOPTED, "239.1.1.1", "10.0.0.7")).status).toBe(204);
    expect(sled.subscriptions["ff04::1"]).toEqual({ guest0: "include(10.0.0.7)", opte0: "include(10.0.0.1)" });
  });
});

test("memberships are in effect though an underlay NIC is missing at the start, and it joins when it comes", async () => {
  await start();
  const nics = new FakeNics();
  nics.unplug("net1");
  sled = await sled.restart({ nics });
  expect(await sled.memberships(ADOPTED)).toEqual({ "239.1.1.1": "applied" });
  expect(degraded()).toContain("nic net1");
  nics.plug("net1");
  await expect.poll(degraded, { timeout: 10_000 }).toEqual([]);
  expect(nics.joinedOn("net1")).toEqual(["ff04::1"]);
});

test("after a repair that lost a VMM its ports are left to whom they belong, and adopting them is possible", async () => {
  await start();
  const kept = [...sled.ledger.entries("")].filter(([key]) => !key.includes(REGISTERED));
  const ledger = new MemoryLedger();
  await ledger.record([...kept.map(([key, value]) => ({ key, value })), { key: SALVAGED, value: true }]);
  sled = await sled.restart({ ledger });
  expect(await owners()).toMatchObject({ opte0: "foreign", opte1: "foreign", guest0: "adopted" });
  expect(warnings()).toContainEqual(expect.stringContaining("left as somebody else's"));
  expect((await sled.adopt(REGISTERED, "opte0")).status).toBe(204);
  sled = await sled.restart();
  expect(await owners()).toMatchObject({ opte0: "adopted", opte1: "foreign" });
});

test("hundreds of memberships that fail are listed up to the hundredth, and how many more there are", async () => {
  await start();
  for (let n = 0; n < 130; n++) await sled.join(ADOPTED, `239.3.0.${n}`);
  sled.fail("McastSubscribe", { times: 1000 });
  for (let n = 0; n < 130; n++) await sled.setMapping(`239.3.0.${n}`, "ff04::2");
  const memberships = sled.agent.status().degraded.filter(({ thing }) => thing === "membership");
  expect(memberships).toHaveLength(101);
  expect(memberships.at(-1)).toEqual({ thing: "membership", subject: "…", reason: "and 30 more memberships" });
});
