/** What of a configuration cannot be done: said by entry, kept, and tried again until it holds. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DriverError, ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import type { CommandName } from "../../src/opte/types.ts";
import { CONFIG, Commands, forwardingOf, hop, type Outcome, putConfig } from "../harness/config.ts";
import { propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { expectDone, expectError } from "../http/expect.ts";

const VM1 = propolis(1);
const [G1, G2] = ["239.1.1.1", "239.1.1.2"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];
const [A, B] = ["fd00::a", "fd00::b"];
/** More often than the agent tries again by itself within a test, however slow the machine. */
const AGAIN_AND_AGAIN = { times: 1000 };
/** The repair comes after half a second, and then with growing pauses. */
const SOON = { timeout: 20_000, interval: 20 };

let sled: Sled;
let commands: Commands;
beforeEach(async () => {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
  commands = new Commands(sled.model);
});
afterEach(() => sled.close());

async function outcomeOf(
  ...config: Parameters<typeof putConfig> extends [Sled, ...infer Rest] ? Rest : never
): Promise<Outcome> {
  const { status, body } = await putConfig(sled, ...config);
  expect(status).toBe(200);
  return body;
}

const degraded = () => sled.agent.status().degraded.map(({ thing, subject }) => `${thing} ${subject}`);
const injected = expect.stringContaining("injected");

describe("an entry that fails", () => {
  test("is named with what was to be done and why, and the rest is in effect", async () => {
    sled.fail("SetMcast2Phys", { opte: { variant: "System", errno: ILLUMOS_ERRNO.ENOMEM, msg: "injected" } });
    expect(await outcomeOf(1, { [G1]: U1, [G2]: U2 }, { [U1]: [hop(A)] })).toEqual({
      generation: 1,
      applied: 2,
      failed: [{ entry: { group: G1, underlay: U1 }, action: "set", error: injected }],
    });
    expect(sled.mappings).toEqual({ [G2]: U2 });
    expect([...sled.nics.joined]).toEqual([U2]);
  });

  test("of forwarding is named whole, as it is wanted", async () => {
    await outcomeOf(1, {}, { [U1]: [hop(A)] });
    sled.fail("SetMcastForwarding");
    const next_hops = [hop(A), hop(B, { mode: "include", sources: ["10.0.0.1"] })];
    expect(await outcomeOf(2, {}, { [U1]: next_hops })).toEqual({
      generation: 2,
      applied: 0,
      failed: [{ entry: { underlay: U1, next_hops }, action: "set", error: injected }],
    });
    expect(forwardingOf(sled)).toEqual({ [U1]: [`${A} underlay exclude()`] });
  });

  test("to be cleared is named as it is, and is none of those that are applied", async () => {
    await outcomeOf(1, { [G1]: U1 }, { [U1]: [hop(A)] });
    sled.fail("ClearMcast2Phys");
    sled.fail("ClearMcastForwarding");
    const { applied, failed } = await outcomeOf(2, { [G2]: U2 });
    expect(applied).toBe(1);
    expect(failed).toEqual([
      { entry: { group: G1, underlay: U1 }, action: "clear", error: injected },
      { entry: { underlay: U1, next_hops: [hop(A)] }, action: "clear", error: injected },
    ]);
    expect(sled.mappings).toEqual({ [G1]: U1, [G2]: U2 });
  });

  test("in a NIC's join leaves the driver's mapping as it was", async () => {
    await outcomeOf(1, { [G1]: U1 });
    sled.nics.failNext = 1;
    const { failed } = await outcomeOf(2, { [G1]: U2, [G2]: U3 });
    expect(failed).toEqual([{ entry: { group: G1, underlay: U2 }, action: "set", error: expect.stringContaining(U2) }]);
    expect(sled.mappings).toEqual({ [G1]: U1, [G2]: U3 });
    expect([...sled.nics.joined].sort()).toEqual([U1, U3]);
  });

  test("with its command carried out all the same is taken back, and holds after the next try", async () => {
    sled.fail("SetMcast2Phys", { when: "after" });
    expect((await outcomeOf(1, { [G1]: U1 })).applied).toBe(0);
    expect((await outcomeOf(1, { [G1]: U1 })).applied).toBe(1);
    expect(sled.mappings).toEqual({ [G1]: U1 });
  });

  test.each(["before", "after"] as const)(
    "between the clear and the set that replace its hops (%s the set has an effect) is set whole by the next try",
    async (when) => {
      await outcomeOf(1, {}, { [U1]: [hop(A), hop(B)] });
      sled.fail("SetMcastForwarding", { when });
      const { applied, failed } = await outcomeOf(2, {}, { [U1]: [hop(B)], [U2]: [] });
      expect(applied).toBe(1);
      expect(failed).toMatchObject([{ entry: { underlay: U1, next_hops: [hop(B)] }, action: "set" }]);
      expect(await outcomeOf(2, {}, { [U1]: [hop(B)], [U2]: [] })).toMatchObject({ applied: 2, failed: [] });
      expect(forwardingOf(sled)).toEqual({ [U1]: [`${B} underlay exclude()`], [U2]: [] });
    },
  );

  test("has its generation in force: the next one has to be newer", async () => {
    sled.fail("SetMcast2Phys");
    await outcomeOf(5, { [G1]: U1 });
    expectError(await putConfig(sled, 5, { [G1]: U2 }), { status: 409, code: "GENERATION" });
    expect((await sled.get(CONFIG)).body).toMatchObject({ generation: 5, m2p: [{ group: G1 }] });
  });

  test("is degraded in the status, in /readyz and in the metrics", async () => {
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    sled.fail("SetMcastForwarding", AGAIN_AND_AGAIN);
    await outcomeOf(1, { [G1]: U1 }, { [U1]: [hop(A)] });
    expect(degraded().sort()).toEqual([`forwarding ${U1}`, `mapping ${G1}`]);
    const { status, body } = await sled.get("/readyz");
    expect(status).toBe(200);
    expect((body as { degraded: object[] }).degraded).toContainEqual({
      thing: "mapping",
      subject: G1,
      reason: injected,
    });
    expect((await sled.get("/metrics")).text).toMatch(/^sledcast_degraded 2$/m);
  });

  test("is listed with a hundred others, and then counted", async () => {
    sled.fail("SetMcast2Phys", { times: 150 });
    const m2p = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`239.5.0.${i}`, U1]));
    expect(await outcomeOf(1, m2p)).toMatchObject({ applied: 0, failed: { length: 150 } });
    const { degraded: listed } = sled.agent.status();
    expect(listed).toHaveLength(101);
    expect(listed.at(-1)?.reason).toMatch(/\b50\b/);
  });
});

describe("what failed", () => {
  test("is a warning once, not at every try that ends the same way", async () => {
    const warnings = () =>
      sled.log.records.filter(({ level, message }) => level === "warn" && message.startsWith("entries of the config"));
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    await outcomeOf(1, { [G1]: U1 });
    for (let i = 0; i < 3; i++) await sled.agent.repair();
    expect(warnings()).toMatchObject([{ fields: { entries: 1, first: G1, error: injected } }]);
    await outcomeOf(2, { [G1]: U1 });
    expect(warnings()).toHaveLength(2);
  });

  test("is tried again by itself, with pauses, until it holds", async () => {
    sled.fail("SetMcast2Phys", { times: 2 });
    await outcomeOf(1, { [G1]: U1 });
    await expect.poll(degraded, SOON).toEqual([]);
    expect(sled.mappings).toEqual({ [G1]: U1 });
    expect(commands.writes.filter((text) => text === `SetMcast2Phys ${G1} ${U1}`)).toHaveLength(3);
  });

  test("is degraded also while it is tried again", async () => {
    const opte = { variant: "System", errno: ILLUMOS_ERRNO.EIO, msg: "injected" } as const;
    const seen: string[] = [];
    const look = (command: CommandName) => {
      seen.push(...degraded());
      return new DriverError(command, opte);
    };
    sled.fail("SetMcast2Phys");
    await outcomeOf(1, { [G1]: U1 });
    sled.model.faults.inject({ command: "SetMcast2Phys", when: "before", error: look });
    await sled.agent.repair();
    expect(seen).toEqual([`mapping ${G1}`]);
  });

  test("is tried again at once by the same content, and it alone", async () => {
    sled.fail("SetMcast2Phys");
    await outcomeOf(1, { [G1]: U1, [G2]: U2 }, { [U1]: [hop(A)] });
    commands.forget();
    expect(await outcomeOf(1, { [G2]: U2, [G1]: U1 }, { [U1]: [hop(A)] })).toEqual({
      generation: 1,
      applied: 3,
      failed: [],
    });
    expect(commands.writes).toEqual([`SetMcast2Phys ${G1} ${U1}`]);
    expect(degraded()).toEqual([]);
  });

  test("is tried again from what the driver holds by then, and what others changed meanwhile is set right with it", async () => {
    sled.fail("SetMcast2Phys");
    await outcomeOf(1, { [G1]: U1, [G2]: U2 });
    await sled.model.call("ClearMcast2Phys", { group: G2, underlay: U2 } as never);
    expect(await outcomeOf(1, { [G1]: U1, [G2]: U2 })).toMatchObject({ applied: 2, failed: [] });
    expect(sled.mappings).toEqual({ [G1]: U1, [G2]: U2 });
  });

  test("and is listed is not found once more by an audit", async () => {
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    await outcomeOf(1, { [G1]: U1 });
    expect((await sled.agent.audit()).findings).toEqual([]);
    expect(degraded()).toEqual([`mapping ${G1}`]);
  });

  test("and fails again is said again", async () => {
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    await outcomeOf(1, { [G1]: U1 });
    expect(await outcomeOf(1, { [G1]: U1 })).toMatchObject({ applied: 0, failed: [{ entry: { group: G1 } }] });
  });

  test("is forgotten with the configuration that wanted it", async () => {
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    await outcomeOf(1, { [G1]: U1 });
    expect((await outcomeOf(2, { [G2]: U2 })).failed).toMatchObject([{ entry: { group: G2 } }]);
    sled.model.faults.clear();
    expect((await outcomeOf(2, { [G2]: U2 })).failed).toEqual([]);
    expect(sled.mappings).toEqual({ [G2]: U2 });
  });

  test("is forgotten when control is given back", async () => {
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    await outcomeOf(1, { [G1]: U1 });
    expectDone(await sled.delete(CONFIG));
    expect(degraded()).toEqual([]);
    sled.model.faults.clear();
    await sled.agent.repair();
    expect(sled.mappings).toEqual({});
  });

  test("at a restart is tried again after it", async () => {
    await outcomeOf(1, { [G1]: U1 });
    await sled.close();
    await sled.model.call("ClearMcast2Phys", { group: G1, underlay: U1 } as never);
    sled.fail("SetMcast2Phys");
    sled = await Sled.over(sled.model, { ledger: sled.ledger });
    expect(degraded()).toEqual([`mapping ${G1}`]);
    expect((await sled.get("/readyz")).status).toBe(200);
    await expect.poll(degraded, SOON).toEqual([]);
    expect(sled.mappings).toEqual({ [G1]: U1 });
  });
});

describe("members of a moved group", () => {
  beforeEach(async () => {
    await sled.adopt(VM1, "guest0");
    await sled.join(VM1, G1);
    await outcomeOf(1, { [G1]: U1 });
  });

  test("stay where they were when the move fails, and follow when it holds", async () => {
    sled.fail("SetMcast2Phys", AGAIN_AND_AGAIN);
    await outcomeOf(2, { [G1]: U2 });
    expect(sled.subscriptions).toEqual({ [U1]: { guest0: "exclude()" } });
    sled.model.faults.clear();
    await outcomeOf(2, { [G1]: U2 });
    expect(sled.subscriptions).toEqual({ [U2]: { guest0: "exclude()" } });
  });

  test("that cannot be subscribed are degraded, which is no failure of the entry", async () => {
    sled.fail("McastSubscribe");
    expect(await outcomeOf(2, { [G1]: U2 })).toMatchObject({ applied: 1, failed: [] });
    expect(degraded()).toEqual([`membership ${G1} on guest0`]);
    await sled.agent.repair();
    expect(sled.subscriptions).toEqual({ [U2]: { guest0: "exclude()" } });
  });
});
