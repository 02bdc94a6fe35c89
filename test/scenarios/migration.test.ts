/**
 * Live migration: source and target VMM of one instance have the same NIC (id, VNI, MAC) and two
 * propolis ids (sled-agent-api.md §7, §8). The control plane talks to the two sleds in no order that
 * either of them could count on.
 */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { type Answer, Sled } from "../harness/sled.ts";
import { differences, worldOf } from "../harness/world.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const runs = Number(process.env.SLEDCAST_RUNS ?? 40);
console.log(`migration: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);

const SOURCE = propolis(1);
const TARGET = propolis(2);
const GROUPS = { "239.1.1.1": "ff04::1", "239.1.1.2": "ff04::2" } as const;
type Group = keyof typeof GROUPS;
const ALL = Object.keys(GROUPS) as Group[];

const bodyWith = (groups: readonly string[], nics: readonly object[] = [nic(1)]) =>
  ensureBody({ nics, multicast_groups: groups.map((group_ip) => ({ group_ip, sources: [] })) });

function register(sled: Sled, id: string, groups: readonly string[], nics?: readonly object[]): Promise<Answer> {
  return sled.put(`/vmms/${id}`, bodyWith(groups, nics));
}

const unregister = (sled: Sled, id: string) => sled.delete(`/vmms/${id}`);

describe("between two sleds", () => {
  /** What the target sled has to be in the end, from what it was asked. */
  interface Wanted {
    registered: boolean;
    migrating: boolean;
    readonly groups: Set<Group>;
    readonly mapped: Set<Group>;
  }

  type On = "source" | "target";

  interface Step {
    readonly text: string;
    readonly on: On;
    readonly send: (sled: Sled) => Promise<Answer>;
    readonly apply: (wanted: Wanted) => void;
    readonly status: (wanted: Wanted) => number;
  }

  const step = (
    on: On,
    text: string,
    send: Step["send"],
    apply: Step["apply"],
    status: Step["status"] = () => 204,
  ): Step => ({ on, text: `${text} on the ${on}`, send, apply, status });

  const mapping = (on: On, group: Group): Step[] => [
    step(
      on,
      `map ${group}`,
      (sled) => sled.setMapping(group, GROUPS[group]),
      ({ mapped }) => on === "target" && mapped.add(group),
    ),
    step(
      on,
      `clear ${group}`,
      (sled) => sled.clearMapping(group, GROUPS[group]),
      ({ mapped }) => on === "target" && mapped.delete(group),
    ),
  ];

  /** A join of a VMM that is not there yet is no error and does nothing: its registration brings what it is in. */
  const join = (group: Group) =>
    step(
      "target",
      `join ${group}`,
      (sled) => sled.join(TARGET, group),
      ({ registered, groups }) => registered && groups.add(group),
    );

  const becomeTarget = step(
    "target",
    "put_state migration_target",
    (sled) => sled.put(`/vmms/${TARGET}/state`, { state: { type: "migration_target", value: MIGRATION } }),
    (wanted) => {
      wanted.migrating = wanted.registered;
    },
    ({ registered }) => (registered ? 200 : 404),
  );

  const registerTarget = (with_: readonly Group[]) =>
    step(
      "target",
      `register with ${with_}`,
      (sled) => register(sled, TARGET, with_),
      (wanted) => {
        for (const group of wanted.registered ? [] : with_) wanted.groups.add(group);
        wanted.registered = true;
      },
      () => 200,
    );

  const leave = (group: Group) =>
    step(
      "source",
      `leave ${group}`,
      (sled) => sled.leave(SOURCE, group),
      () => {},
    );

  const unregisterSource = step(
    "source",
    "unregister",
    (sled) => unregister(sled, SOURCE),
    () => {},
    () => 200,
  );

  /** All of it, some of it twice, in any order. */
  const course: fc.Arbitrary<readonly Step[]> = fc
    .record({
      carried: fc.subarray(ALL),
      repeated: fc.subarray([...ALL.map(join), ...ALL.map(leave), becomeTarget, unregisterSource]),
      mapped: fc.array(
        fc.constantFrom(...ALL.flatMap((group) => [...mapping("source", group), ...mapping("target", group)])),
      ),
    })
    .chain(({ carried, repeated, mapped }) => {
      const steps = [registerTarget(carried), ...ALL.map(join), becomeTarget, ...ALL.map(leave), unregisterSource];
      const all = [...steps, ...repeated, ...mapped];
      return fc.shuffledSubarray(all, { minLength: all.length });
    });

  let source: Sled;
  let target: Sled;
  beforeAll(async () => {
    source = await Sled.start();
    target = await Sled.start();
  });
  afterAll(async () => {
    await source.close();
    await target.close();
  });

  /** The instance runs on the source, in both groups; the first one's mapping is on both sleds. */
  async function begin(): Promise<Wanted> {
    for (const sled of [source, target]) await sled.setMapping("239.1.1.1", GROUPS["239.1.1.1"]);
    await register(source, SOURCE, ALL);
    return { registered: false, migrating: false, groups: new Set(), mapped: new Set(["239.1.1.1"]) };
  }

  async function end(): Promise<void> {
    await unregister(source, SOURCE);
    await unregister(target, TARGET);
    for (const sled of [source, target]) for (const group of ALL) await sled.clearMapping(group, GROUPS[group]);
  }

  async function expectEnd({ migrating, groups, mapped }: Wanted): Promise<void> {
    expect(source.ports).toEqual([]);
    expect(source.subscriptions).toEqual({});
    expect(source.datalinks.live).toBe(0);
    expect(source.agent.listVmms()).toEqual([]);
    const port = target.ports[0] as string;
    expect(target.ports).toEqual([port]);
    const applied = [...groups].filter((group) => mapped.has(group));
    expect(target.subscriptions).toEqual(
      Object.fromEntries(applied.map((group) => [GROUPS[group], { [port]: "exclude()" }])),
    );
    expect(await target.memberships(TARGET)).toEqual(
      Object.fromEntries([...groups].map((group) => [group, mapped.has(group) ? "applied" : "pending"])),
    );
    const { body } = await target.get(`/vmms/${TARGET}/state`);
    expect(body).toMatchObject({ vmm_state: { state: migrating ? "migrating" : "starting" } });
    for (const sled of [source, target]) {
      expect((await sled.agent.audit()).findings).toEqual([]);
      expect(sled.agent.status().degraded).toEqual([]);
    }
  }

  const sledOf = (on: On) => (on === "source" ? source : target);

  async function take({ on, text, send, apply, status }: Step, wanted: Wanted): Promise<void> {
    const answer = await send(sledOf(on));
    expect(answer.status, `${text}: ${answer.text}`).toBe(status(wanted));
    apply(wanted);
  }

  test("whatever the order, the target is subscribed where its mapping is, and nothing is left on the source", async () => {
    await fc.assert(
      fc.asyncProperty(course, async (steps) => {
        try {
          const wanted = await begin();
          for (const one of steps) await take(one, wanted);
          await expectEnd(wanted);
        } finally {
          await end();
        }
        expect([source, target].map((sled) => [sled.ports, sled.subscriptions, sled.mappings])).toEqual([
          [[], {}, {}],
          [[], {}, {}],
        ]);
      }),
      { seed, numRuns: runs },
    );
  });

  test("it ends so, too, when both sleds are talked to at once", async () => {
    await fc.assert(
      fc.asyncProperty(course, async (steps) => {
        try {
          const wanted = await begin();
          const inTurn = async (on: On) => {
            for (const one of steps.filter((each) => each.on === on)) await take(one, wanted);
          };
          await Promise.all([inTurn("source"), inTurn("target")]);
          await expectEnd(wanted);
        } finally {
          await end();
        }
      }),
      { seed, numRuns: Math.ceil(runs / 4) },
    );
  });

  test("a source port that cannot be deleted yet gets no packets any more, and the target does", async () => {
    await begin();
    const [port = ""] = source.ports;
    source.model.setPort({ name: port, busy: true });
    expect((await register(target, TARGET, ALL)).status).toBe(200);
    expect((await unregister(source, SOURCE)).status).toBe(200);
    expect(source.subscriptions).toEqual({});
    expect(source.agent.status().degraded).toMatchObject([{ thing: "port", subject: port }]);
    expect(target.subscriptions).toEqual({ "ff04::1": { [target.ports[0] as string]: "exclude()" } });
    source.model.setPort({ name: port, busy: false });
    await source.agent.repair();
    await end();
  });
});

const MIGRATION = { migration_id: propolis(77), src_propolis_addr: "[fd00::7]:12400", src_propolis_id: SOURCE };

describe("on one sled", () => {
  let sled: Sled;
  let port: string;
  beforeEach(async () => {
    sled = await Sled.start();
    await sled.setMapping("239.1.1.1", GROUPS["239.1.1.1"]);
    await register(sled, SOURCE, ["239.1.1.1"]);
    port = sled.ports[0] as string;
  });
  afterEach(() => sled.close());

  async function expectConflict(nics: readonly object[] = [nic(1)]): Promise<void> {
    const before = worldOf(sled);
    const answer = await register(sled, TARGET, ALL, nics);
    expect(answer.status, answer.text).toBe(409);
    const { message } = answer.body as { message: string };
    expect(answer.body).toMatchObject({ error_code: "CONFLICT" });
    expect(message).toContain(nic(1).id);
    expect(message).toMatch(new RegExp(`\\b${port}\\b`));
    expect(differences(worldOf(sled), before)).toEqual([]);
  }

  test("the second VMM is a conflict that names the NIC and its port, and leaves nothing", () => expectConflict());

  test("so it is where another NIC of it could have been made", () =>
    expectConflict([nic(2, { primary: true }), nic(1, { primary: false })]));

  test("a join of the refused one does nothing, and the first stays subscribed", async () => {
    await expectConflict();
    expect((await sled.join(TARGET, "239.1.1.1")).status).toBe(204);
    expect((await sled.leave(TARGET, "239.1.1.1")).status).toBe(204);
    expect(sled.subscriptions).toEqual({ "ff04::1": { [port]: "exclude()" } });
  });

  test("it succeeds once the first is unregistered, under a new port name", async () => {
    await expectConflict();
    await unregister(sled, SOURCE);
    expect((await register(sled, TARGET, ALL)).status).toBe(200);
    const [now = ""] = sled.ports;
    expect(now).not.toBe(port);
    expect(sled.subscriptions).toEqual({ "ff04::1": { [now]: "exclude()" } });
    expect(await sled.memberships(TARGET)).toEqual({ "239.1.1.1": "applied", "239.1.1.2": "pending" });
  });

  test("it stays a conflict while the first one's port is busy, and succeeds when that is gone", async () => {
    sled.model.setPort({ name: port, busy: true });
    await unregister(sled, SOURCE);
    for (let i = 0; i < 3; i++) await expectConflict();
    expect(sled.subscriptions).toEqual({});
    sled.model.setPort({ name: port, busy: false });
    expect((await register(sled, TARGET, ALL)).status).toBe(200);
    expect(sled.ports).toHaveLength(1);
    expect(sled.datalinks.live).toBe(1);
    expect(sled.agent.status().degraded).toEqual([]);
  });

  test("of two that come at once exactly one gets the NIC", async () => {
    await unregister(sled, SOURCE);
    const answers = await Promise.all([SOURCE, TARGET, propolis(3)].map((id) => register(sled, id, ["239.1.1.1"])));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(sled.ports).toHaveLength(1);
    expect(sled.agent.listVmms()).toHaveLength(1);
    expect(Object.values(sled.subscriptions["ff04::1"] ?? {})).toEqual(["exclude()"]);
  });
});
