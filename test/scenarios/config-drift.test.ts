/** A configuration kept in force: through restarts, reboots, and changes behind the agent's back. */
import { afterEach, describe, expect, test } from "vitest";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { CONFIG, Commands, configBody, forwardingOf, hop, putConfig } from "../harness/config.ts";
import { propolis } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

const VM1 = propolis(1);
const [G1, G2, G3] = ["239.1.1.1", "239.1.1.2", "ff0e::3"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];
const [A, B] = ["fd00::a", "fd00::b"];
const M2P = { [G1]: U1, [G2]: U2 };
const FORWARDING = { [U1]: [hop(A)], [U2]: [hop(A), hop(B)] };

let sled: Sled;
let commands: Commands;
afterEach(() => sled.close());

/** guest0 is a VMM's, in G1 and in G3, which is not mapped. */
async function start(options: SledOptions = {}): Promise<void> {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] }, ...options });
  await sled.adopt(VM1, "guest0");
  await sled.join(VM1, G1);
  await sled.join(VM1, G3);
  await putConfig(sled, 3, M2P, FORWARDING);
  commands = new Commands(sled.model);
}

/** A command of somebody else's, past the agent. */
const opteadm = <Name extends CommandName>(command: Name, req: Record<string, unknown>) =>
  sled.model.call(command, req as unknown as Request<Name>);

interface Found {
  readonly what: string;
  readonly subject: object;
  readonly repaired: boolean;
  readonly error?: string;
}

async function audit(): Promise<readonly Found[]> {
  commands.forget();
  const { status, body } = await sled.request("POST", "/multicast/audit");
  expect(status).toBe(200);
  return (body as { findings: Found[] }).findings;
}

const inHand = (underlay: string, ...hops: string[]) => ({
  underlay,
  nextHops: hops.map((addr) => ({ addr, vni: 77, replication: "underlay", filter: { mode: "exclude", sources: [] } })),
});

/** The sled is as the configuration says, members and NICs included. */
function expectInForce(): void {
  expect(sled.mappings).toEqual(M2P);
  expect(forwardingOf(sled)).toEqual({
    [U1]: [`${A} underlay exclude()`],
    [U2]: [`${A} underlay exclude()`, `${B} underlay exclude()`],
  });
  expect(sled.subscriptions).toEqual({ [U1]: { guest0: "exclude()" } });
  expect([...sled.nics.joined].sort()).toEqual([U1, U2]);
}

/** What somebody else does, and what the audit makes of it. */
const DRIFTS = [
  ["a mapping cleared", "ClearMcast2Phys", { group: G1, underlay: U1 }, "mapping-missing", { group: G1, underlay: U1 }],
  ["a mapping moved", "SetMcast2Phys", { group: G1, underlay: U3 }, "mapping-differs", { group: G1, underlay: U1 }],
  ["a mapping added", "SetMcast2Phys", { group: G3, underlay: U3 }, "mapping-unexplained", { group: G3, underlay: U3 }],
  ["an entry cleared", "ClearMcastForwarding", { underlay: U1 }, "forwarding-missing", { underlay: U1 }],
  ["a hop added", "SetMcastForwarding", inHand(U1, B), "forwarding-differs", { underlay: U1 }],
  [
    "a hop's replication changed",
    "SetMcastForwarding",
    { underlay: U1, nextHops: [{ ...inHand(U1, A).nextHops[0], replication: "both" }] },
    "forwarding-differs",
    { underlay: U1 },
  ],
  ["an entry added", "SetMcastForwarding", inHand(U3, B), "forwarding-unexplained", { underlay: U3 }],
] as const;

describe("an audit", () => {
  test("of a sled in order finds nothing and writes nothing", async () => {
    await start();
    expect(await audit()).toEqual([]);
    expect(commands.writes).toEqual([]);
  });

  test.each(DRIFTS)("of %s names it and mends it", async (_drift, command, req, what, subject) => {
    await start();
    await opteadm(command, req);
    expect(await audit()).toContainEqual({ what, subject, repaired: true });
    await sled.agent.repair();
    expectInForce();
    expect(await audit()).toEqual([]);
    expect(sled.agent.status().degraded).toEqual([]);
  });

  test("of several drifts mends each and counts each", async () => {
    await start();
    await opteadm("ClearMcast2Phys", { group: G1, underlay: U1 });
    await opteadm("ClearMcast2Phys", { group: G2, underlay: U2 });
    await opteadm("ClearMcastForwarding", { underlay: U1 });
    await audit();
    const { text } = await sled.get("/metrics");
    expect(text).toContain('sledcast_audit_findings_total{what="mapping-missing",repaired="true"} 2');
    expect(text).toContain('sledcast_audit_findings_total{what="forwarding-missing",repaired="true"} 1');
    await audit();
    expectInForce();
  });

  test("that cannot mend something says why; it is degraded, and mended later", async () => {
    await start();
    await opteadm("ClearMcast2Phys", { group: G2, underlay: U2 });
    sled.fail("SetMcast2Phys", { times: 1000 });
    expect(await audit()).toEqual([
      {
        what: "mapping-missing",
        subject: { group: G2, underlay: U2 },
        repaired: false,
        error: expect.stringContaining("injected"),
      },
    ]);
    // Nobody knows what a command that failed twice did.
    expect(sled.agent.status().degraded).toMatchObject([
      { thing: "mapping", subject: G2 },
      { thing: "mapping", subject: "table" },
    ]);
    sled.model.faults.clear();
    await sled.agent.repair();
    expect(sled.agent.status().degraded).toEqual([]);
    expectInForce();
  });

  test("with underlay.join subscribed has the NICs follow what it mends", async () => {
    await start({ joinPolicy: "subscribed" });
    await opteadm("SetMcast2Phys", { group: G1, underlay: U3 });
    await opteadm("SetMcast2Phys", { group: G3, underlay: U3 });
    await audit();
    await audit();
    expect([...sled.nics.joined]).toEqual([U1]);
    expect(sled.subscriptions).toEqual({ [U1]: { guest0: "exclude()" } });
  });
});

describe("an audit that only observes", () => {
  const observing = () => start({ auditMode: "observe" });

  test.each(DRIFTS)("names %s and touches neither driver nor NICs", async (_drift, command, req, what, subject) => {
    await observing();
    await opteadm(command, req);
    const { tables } = sled.model;
    expect(await audit()).toContainEqual({ what, subject, repaired: false });
    expect(sled.model.tables).toEqual(tables);
    expect(commands.all.filter((text) => !text.startsWith("Dump") && text !== "ListPorts")).toEqual([]);
    expect([...sled.nics.joined].sort()).toEqual([U1, U2]);
  });

  test("names a drift again as long as it is there, and no longer", async () => {
    await observing();
    await opteadm("SetMcast2Phys", { group: G3, underlay: U3 });
    const found = { what: "mapping-unexplained", subject: { group: G3, underlay: U3 }, repaired: false };
    expect(await audit()).toContainEqual(found);
    expect(await audit()).toContainEqual(found);
    await opteadm("ClearMcast2Phys", { group: G3, underlay: U3 });
    expect(await audit()).toEqual([]);
    const { text } = await sled.get("/metrics");
    expect(text).toContain('sledcast_audit_findings_total{what="mapping-unexplained",repaired="false"} 2');
  });
});

describe("a drift that nobody has found yet", () => {
  test("is shown by a list as it is", async () => {
    await start();
    await opteadm("SetMcast2Phys", { group: G1, underlay: U3 });
    expect((await sled.get("/networking/mcast-m2p")).body).toContainEqual({ group: G1, underlay: U3 });
    await audit();
    await sled.agent.repair();
    expectInForce();
  });

  test("is gone with the next generation", async () => {
    await start();
    await opteadm("ClearMcast2Phys", { group: G1, underlay: U1 });
    await opteadm("SetMcastForwarding", inHand(U1, B));
    expect((await putConfig(sled, 4, M2P, FORWARDING)).body).toEqual({ generation: 4, applied: 4, failed: [] });
    await sled.agent.repair();
    expectInForce();
  });
});

describe("a restart", () => {
  test("with a driver that still agrees writes nothing", async () => {
    await start();
    commands.forget();
    sled = await sled.restart();
    expect(commands.writes).toEqual([]);
    expectInForce();
  });

  test("with a driver that others have changed sets right what differs, and that alone", async () => {
    await start();
    await sled.close();
    await opteadm("ClearMcast2Phys", { group: G2, underlay: U2 });
    await opteadm("SetMcast2Phys", { group: G3, underlay: U3 });
    await opteadm("SetMcastForwarding", inHand(U2, "fd00::c"));
    commands.forget();
    sled = await Sled.over(sled.model, { ledger: sled.ledger });
    expectInForce();
    expect(commands.writes).toEqual([
      `ClearMcast2Phys ${G3} ${U3}`,
      `ClearMcastForwarding ${U2}`,
      `SetMcastForwarding ${U2} ${A} ${B}`,
      `SetMcast2Phys ${G2} ${U2}`,
    ]);
  });

  test("with an empty driver, as after a reboot, applies all of it again", async () => {
    await start();
    sled = await sled.restart({ model: new DriverModel({ ports: [{ name: "guest0" }] }) });
    expectInForce();
    expect((await sled.get(CONFIG)).body).toEqual(configBody(3, M2P, FORWARDING));
    expect((await putConfig(sled, 3, M2P, FORWARDING)).body).toEqual({ generation: 3, applied: 4, failed: [] });
  });

  test("with an empty driver applies what was in force last", async () => {
    await start();
    await putConfig(sled, 4, { [G1]: U3 });
    sled = await sled.restart({ model: new DriverModel({ ports: [{ name: "guest0" }] }) });
    expect(sled.mappings).toEqual({ [G1]: U3 });
    expect(forwardingOf(sled)).toEqual({});
    expect(sled.subscriptions).toEqual({ [U3]: { guest0: "exclude()" } });
  });

  test("with an empty driver after control was given back applies nothing", async () => {
    await start();
    await sled.delete(CONFIG);
    sled = await sled.restart({ model: new DriverModel({ ports: [{ name: "guest0" }] }) });
    expect(sled.mappings).toEqual({});
    expect(forwardingOf(sled)).toEqual({});
  });
});

test("an audit that finds hundreds of things tells them all, and the status the first hundred and how many there were", async () => {
  await start();
  const many = Array.from({ length: 250 }, (_, n) => [`239.2.0.${n}`, U1]);
  await putConfig(sled, 4, Object.fromEntries(many), {});
  for (const [group = ""] of many) await opteadm("ClearMcast2Phys", { group, underlay: U1 });
  expect(await audit()).toHaveLength(250);
  const { audits } = sled.agent.status();
  expect(audits[0]).toMatchObject({ found: 250 });
  expect(audits[0]?.findings).toHaveLength(100);
});
