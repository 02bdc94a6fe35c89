/**
 * Configurations at random, amid failures of driver, NICs and ledger, changes behind the agent's
 * back, restarts and reboots: what is answered is so, and once the failures end the driver is
 * exactly what the configuration says or, without one, what was last done to it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SledcastError } from "../src/error.ts";
import type { JoinPolicy } from "../src/multicast/filter-holding.ts";
import type { CommandName } from "../src/opte/types.ts";
import type { Hop } from "./harness/config.ts";
import {
  type Content,
  clearForwarding,
  clearMapping,
  type Drift,
  type SingleChange,
  setMapping,
  World,
} from "./harness/config-world.ts";
import { overDevice } from "./harness/driver.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
/** Over a device it is the way there that is tried, not what is sent. */
const runs = Math.ceil(Number(process.env.SLEDCAST_RUNS ?? 60) / (overDevice ? 4 : 1));
console.log(`configurations at random: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);

const GROUPS = ["239.1.1.1", "239.1.1.2", "ff0e::1"] as const;
const UNDERLAYS = ["ff04::1", "ff04::2", "ff04::3"] as const;
const HOPS = ["fd00::a", "fd00::b", "fd00::c"] as const;
const SOURCES = ["10.0.0.1", "10.0.0.2"] as const;

const group = fc.constantFrom(...GROUPS);
const underlay = fc.constantFrom(...UNDERLAYS);

const hop: fc.Arbitrary<Hop> = fc.record({
  next_hop: fc.constantFrom(...HOPS),
  replication: fc.constantFrom("external", "underlay", "both"),
  filter: fc.record({ mode: fc.constantFrom("include", "exclude"), sources: fc.subarray([...SOURCES]) }),
});
const hops = fc.uniqueArray(hop, { selector: ({ next_hop }) => next_hop, maxLength: 3 });

const content: fc.Arbitrary<Content> = fc.record({
  m2p: fc.dictionary(group, underlay, { maxKeys: 3 }),
  forwarding: fc.dictionary(underlay, hops, { maxKeys: 3 }),
});

const drift = fc.oneof<fc.Arbitrary<Drift>[]>(
  fc
    .tuple(fc.constantFrom("SetMcast2Phys", "ClearMcast2Phys"), fc.constantFrom(...GROUPS, "10.9.9.9"), underlay)
    .map(([command, g, u]) => ({
      text: `${command} ${g} ${u}`,
      run: ({ model }) => model.call(command as CommandName, { group: g, underlay: u } as never),
    })),
  fc.tuple(underlay, hops, fc.boolean()).map(([u, all, reserved]) => ({
    text: `SetMcastForwarding ${u} ${JSON.stringify(all)} ${reserved}`,
    run: ({ model }) => {
      const nextHops = all.map(({ next_hop: addr, replication, filter }) => ({
        addr,
        vni: 77,
        replication: reserved ? "reserved" : replication,
        filter,
      }));
      return model.call("SetMcastForwarding", { underlay: u, nextHops } as never);
    },
  })),
  underlay.map((u) => ({
    text: `ClearMcastForwarding ${u}`,
    run: ({ model }) => model.call("ClearMcastForwarding", { underlay: u } as never),
  })),
);

const single: fc.Arbitrary<SingleChange> = fc.oneof(
  fc.tuple(group, underlay).map(([g, u]) => setMapping(g, u)),
  fc.tuple(group, underlay).map(([g, u]) => clearMapping(g, u)),
  underlay.map(clearForwarding),
);

const WRITES = ["SetMcast2Phys", "ClearMcast2Phys", "SetMcastForwarding", "ClearMcastForwarding"] as const;
/** A start waits for a driver that cannot be read, so there are failures of two sorts. */
const trouble = fc.record({
  command: fc.constantFrom<CommandName>(
    ...WRITES,
    ...WRITES,
    "McastSubscribe",
    "McastUnsubscribe",
    "DumpMcast2Phys",
    "DumpMcastForwarding",
  ),
  when: fc.constantFrom("before" as const, "after" as const),
  skip: fc.nat(2),
  times: fc.integer({ min: 1, max: 3 }),
});

interface Action {
  readonly text: string;
  run(world: World): Promise<void>;
}

const REFUSALS: readonly string[] = ["driver-busy", "driver-refused", "driver-unavailable", "resource-limit"];

/** A change that driver or ledger may refuse: then it is as if it had not been asked for. */
async function refusable<T>(change: Promise<T>): Promise<T | undefined> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof SledcastError && REFUSALS.includes(error.kind))) throw error;
    return undefined;
  }
}

const action = fc.oneof<fc.WeightedArbitrary<Action>[]>(
  {
    weight: 6,
    arbitrary: content.map((what) => ({
      text: `put ${JSON.stringify(what)}`,
      run: async (world) => {
        const untold = await refusable(world.put(what));
        expect(untold, "neither in effect nor named as failed").toBeUndefined();
      },
    })),
  },
  { weight: 4, arbitrary: drift.map((one) => ({ text: `behind: ${one.text}`, run: (world) => world.drift(one) })) },
  { weight: 3, arbitrary: single.map((one) => ({ text: one.text, run: (world) => world.single(one) })) },
  { weight: 2, arbitrary: fc.constant({ text: "release", run: (world) => refusable(world.release()) }) },
  { weight: 1, arbitrary: fc.constant({ text: "restart", run: (world) => world.restart() }) },
  { weight: 1, arbitrary: fc.constant({ text: "reboot", run: (world) => world.reboot() }) },
);

const membership: fc.Arbitrary<Action> = fc
  .tuple(fc.constantFrom("join" as const, "leave" as const), group)
  .map(([what, g]) => ({ text: `${what} ${g}`, run: (world) => world[what](g) }));

const step = fc.record({
  memberships: fc.array(membership, { maxLength: 2 }),
  actions: fc.array(action, { minLength: 1, maxLength: 3 }),
  troubles: fc.array(trouble, { maxLength: 2 }),
  nicFailures: fc.constantFrom(0, 0, 0, 1, 2),
  ledgerFails: fc.constantFrom(false, false, false, true),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take({ memberships, actions, troubles, nicFailures, ledgerFails }: Step, world: World): Promise<void> {
  for (const one of memberships) await one.run(world);
  for (const one of actions) {
    await world.notice();
    const starts = one.text === "restart" || one.text === "reboot";
    const apt = troubles.filter(
      ({ command }) => !one.text.startsWith("behind") && !(starts && command.startsWith("Dump")),
    );
    for (const fault of apt) world.sled.fail(fault.command, fault);
    world.sled.nics.failNext = nicFailures;
    if (ledgerFails) world.sled.ledger.failNext("ENOSPC");
    await one.run(world);
    world.sled.model.faults.clear();
    world.sled.nics.failNext = 0;
    world.sled.ledger.failNext("", 0);
  }
}

test("the sled comes to what its configuration says, whatever failed and whoever interfered", async () => {
  const policy = fc.constantFrom<JoinPolicy>("mapped", "subscribed");
  const sequence = fc.array(step, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(policy, sequence, async (joinPolicy, steps) => {
      const world = await World.start(joinPolicy);
      for (const one of steps) {
        await take(one, world);
        await world.settle();
        const { seen, wanted } = await world.compare();
        expect(seen, `after ${one.actions.map(({ text }) => text).join(", ")}`).toEqual(wanted);
      }
      world.commands.forget();
      await world.restart();
      expect(world.commands.writes, "of a start with a driver that agrees").toEqual([]);
      await world.sled.close();
    }),
    { seed, numRuns: runs },
  );
});

test("a newer generation of what the driver holds already has nothing written to it", async () => {
  await fc.assert(
    fc.asyncProperty(content, content, async (before, what) => {
      const world = await World.start("mapped");
      await world.put(before);
      await world.put(what);
      world.commands.forget();
      await world.put(what);
      expect(world.commands.writes).toEqual([]);
      await world.sled.close();
    }),
    { seed, numRuns: Math.ceil(runs / 3) },
  );
});
