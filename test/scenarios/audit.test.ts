/** What others change behind the agent's back: taken up, repaired, or left, each as it should be. */
import { afterEach, describe, expect, test } from "vitest";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { Commands } from "../harness/config.ts";
import { propolis } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

const VM1 = propolis(1);

let sled: Sled;
afterEach(() => sled.close());

/** guest0 is a VMM's and in 239.1.1.1 on ff04::1; guest1 is nobody's. */
async function start(options: SledOptions = {}): Promise<void> {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }, { name: "guest1" }] }, ...options });
  await sled.adopt(VM1, "guest0");
  await sled.setMapping("239.1.1.1", "ff04::1");
  await sled.join(VM1, "239.1.1.1");
}

/** A command of somebody else's, past the agent. */
const opteadm = <C extends CommandName>(command: C, req: Record<string, unknown>) =>
  sled.model.call(command, req as unknown as Request<C>);

const ANY = { mode: "exclude", sources: [] };

async function audit(): Promise<readonly { what: string; subject: object; repaired: boolean }[]> {
  const answer = await sled.request("POST", "/multicast/audit");
  expect(answer.status).toBe(200);
  return (answer.body as { findings: { what: string; subject: object; repaired: boolean }[] }).findings;
}

test("an audit of a sled in order finds nothing", async () => {
  await start();
  expect(await audit()).toEqual([]);
});

describe("a mapping that somebody else set", () => {
  test("is taken up by a list request: the NICs are joined and waiting members wake", async () => {
    await start();
    await sled.join(VM1, "239.2.2.2");
    await opteadm("SetMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
    await sled.get("/networking/mcast-m2p");
    expect([...sled.nics.joined].sort()).toEqual(["ff04::1", "ff04::2"]);
    expect(sled.subscriptions["ff04::2"]).toEqual({ guest0: "exclude()" });
    expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "applied", "239.2.2.2": "applied" });
  });

  test("is taken up by the audit, which names it", async () => {
    await start();
    await opteadm("SetMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
    expect(await audit()).toEqual([
      { what: "mapping-taken-up", subject: { group: "239.2.2.2", underlay: "ff04::2" }, repaired: true },
    ]);
    expect([...sled.nics.joined].sort()).toEqual(["ff04::1", "ff04::2"]);
  });
});

describe("a mapping that somebody else cleared", () => {
  test("leaves the NICs, and its members wait; what they left under the underlay is removed", async () => {
    await start();
    await opteadm("ClearMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" });
    await audit();
    expect([...sled.nics.joined]).toEqual([]);
    expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "pending" });
    await audit();
    expect(sled.subscriptions).toEqual({});
    expect(sled.mappings).toEqual({});
  });

  test("moved elsewhere, takes the members with it", async () => {
    await start();
    await opteadm("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::9" });
    await audit();
    await audit();
    expect([...sled.nics.joined]).toEqual(["ff04::9"]);
    expect(sled.subscriptions).toEqual({ "ff04::9": { guest0: "exclude()" } });
  });

  test("moved elsewhere with others, costs our ports one clearing of their flow caches", async () => {
    await start();
    const groups = ["239.1.1.1", "239.1.1.2", "239.1.1.3"];
    for (const group of groups) await sled.setMapping(group, "ff04::1");
    for (const group of groups) await opteadm("SetMcast2Phys", { group, underlay: "ff04::9" });
    const commands = new Commands(sled.model);
    expect((await audit()).filter(({ what }) => what === "mapping-taken-up")).toHaveLength(3);
    expect(commands.all.filter((command) => command === "ClearUft")).toHaveLength(1);
  });

  test("and joined meanwhile, is a membership that waits, not an error", async () => {
    await start();
    await opteadm("ClearMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" });
    expect((await sled.join(VM1, "239.1.1.1", "10.0.0.1")).status).toBe(204);
    expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "pending" });
  });
});

describe("a subscription", () => {
  test("of ours with another filter is set right", async () => {
    await start();
    await opteadm("McastSubscribe", { port: "guest0", group: "239.1.1.1", filter: { mode: "include", sources: [] } });
    expect(await audit()).toMatchObject([{ what: "subscription-differs", repaired: true }]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });

  test("on a port of ours that no membership explains is removed", async () => {
    await start();
    await sled.setMapping("239.2.2.2", "ff04::2");
    await opteadm("McastSubscribe", { port: "guest0", group: "239.2.2.2", filter: ANY });
    expect(await audit()).toMatchObject([{ what: "subscription-unexplained", repaired: true }]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });

  test("on a port of ours under an underlay that nothing maps to any more is removed all the same", async () => {
    await start();
    await opteadm("SetMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
    await opteadm("McastSubscribe", { port: "guest0", group: "239.2.2.2", filter: ANY });
    await opteadm("ClearMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
    expect(await audit()).toMatchObject([{ what: "subscription-unexplained", repaired: true }]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  });

  test("on a port that is not ours is left alone", async () => {
    await start();
    await opteadm("McastSubscribe", { port: "guest1", group: "239.1.1.1", filter: ANY });
    expect(await audit()).toEqual([]);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()", guest1: "exclude()" } });
  });
});

test("observe mode tells what it finds and mends nothing", async () => {
  await start({ auditMode: "observe" });
  await opteadm("McastUnsubscribe", { port: "guest0", group: "239.1.1.1" });
  await opteadm("SetMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
  const findings = await audit();
  expect(findings.map(({ what, repaired }) => ({ what, repaired }))).toEqual([
    { what: "mapping-taken-up", repaired: false },
    { what: "subscription-missing", repaired: false },
  ]);
  expect(sled.subscriptions).toEqual({});
  expect([...sled.nics.joined]).toEqual(["ff04::1"]);
});

test("what audits find is counted, by what it was and whether it was mended", async () => {
  await start();
  await opteadm("McastUnsubscribe", { port: "guest0", group: "239.1.1.1" });
  await audit();
  const { text } = await sled.get("/metrics");
  expect(text).toContain('sledcast_audit_findings_total{what="subscription-missing",repaired="true"} 1');
});

test("an audit that cannot mend something says why", async () => {
  await start();
  await opteadm("McastUnsubscribe", { port: "guest0", group: "239.1.1.1" });
  sled.fail("McastSubscribe");
  expect(await audit()).toMatchObject([
    { what: "subscription-missing", repaired: false, error: expect.stringContaining("injected") },
  ]);
});

test("the status keeps the newest audit, and those before it that found something", async () => {
  await start();
  const found = async () => {
    const { audits } = (await sled.get("/multicast/status")).body as { audits: { findings: object[] }[] };
    return audits.map(({ findings }) => findings.length);
  };
  await audit();
  expect(await found()).toEqual([0]);
  await opteadm("McastUnsubscribe", { port: "guest0", group: "239.1.1.1" });
  await audit();
  expect(await found()).toEqual([1]);
  for (let i = 0; i < 10; i++) await audit();
  expect(await found()).toEqual([0, 1]);
});

describe("the underlay group mapped to itself for a moment", () => {
  /** A subscription of ours that no mapping leads to: only a self-mapping reaches it. */
  async function orphan(): Promise<void> {
    await opteadm("SetMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
    await opteadm("McastSubscribe", { port: "guest0", group: "239.2.2.2", filter: ANY });
    await opteadm("ClearMcast2Phys", { group: "239.2.2.2", underlay: "ff04::2" });
  }

  test.each(["before", "after"] as const)(
    "whose clearing fails %s its effect is listed as degraded, and cleared later",
    async (when) => {
      await start();
      await orphan();
      sled.fail("ClearMcast2Phys", { when });
      await audit();
      expect(sled.agent.status().degraded).toMatchObject([{ thing: "mapping", subject: "ff04::2" }]);
      await sled.agent.repair();
      expect(sled.agent.status().degraded).toEqual([]);
      expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
    },
  );

  test("is never shown, joined for, or taken for somebody's", async () => {
    await start();
    await orphan();
    sled.fail("ClearMcast2Phys");
    await audit();
    expect(sled.mappings).toMatchObject({ "ff04::2": "ff04::2" });
    expect((await sled.get("/networking/mcast-m2p")).body).toEqual([{ group: "239.1.1.1", underlay: "ff04::1" }]);
    expect([...sled.nics.joined]).toEqual(["ff04::1"]);
  });

  test("that a crash left is known from the ledger and cleared by the next start", async () => {
    await start();
    await orphan();
    sled.fail("ClearMcast2Phys");
    await audit();
    sled = await sled.restart();
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
  });

  test("by somebody else is left as it is", async () => {
    await start();
    await opteadm("SetMcast2Phys", { group: "ff04::2", underlay: "ff04::2" });
    await audit();
    expect(sled.mappings).toMatchObject({ "ff04::2": "ff04::2" });
  });
});

test("a membership whose port was deleted by somebody else is pending, and found once", async () => {
  await start();
  await opteadm("DeleteXde", { name: "guest0" });
  expect(await audit()).toMatchObject([{ what: "port-gone", subject: { port: "guest0" } }]);
  expect(await sled.memberships(VM1)).toEqual({ "239.1.1.1": "pending" });
  expect(await audit()).toEqual([]);
});
