/** Who listed everything once and follows the events from there knows at any time what the lists say. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ANY_SOURCE } from "../../src/opte/filter.ts";
import type { CommandName, Request } from "../../src/opte/types.ts";
import { Follower, listed, Replay } from "../harness/events.ts";
import { FOREIGN_PORTS, type Operation, operation, PROLOGUE } from "../harness/operations.ts";
import { Sled } from "../harness/sled.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const runs = Number(process.env.SLEDCAST_RUNS ?? 40);
console.log(`events: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);

type Step = Pick<Operation, "text" | "run">;

const opteadm = <C extends CommandName>(command: C, request: Record<string, unknown>): Step => ({
  text: `opteadm ${command} ${JSON.stringify(request)}`,
  run: async ({ model }) => model.call(command, request as unknown as Request<C>),
});

const group = fc.constantFrom("239.1.1.1", "239.1.1.2", "ff0e::1");
const underlay = fc.constantFrom("ff04::1", "ff04::2");
const hop = { addr: "fd00::c", vni: 77, replication: "underlay", filter: ANY_SOURCE };

/** By others, past the agent. */
const change = fc.oneof(
  fc.record({ group, underlay }).map((mapping) => opteadm("SetMcast2Phys", mapping)),
  fc.record({ group, underlay }).map((mapping) => opteadm("ClearMcast2Phys", mapping)),
  underlay.map((where) => opteadm("SetMcastForwarding", { underlay: where, nextHops: [hop] })),
  underlay.map((where) => opteadm("ClearMcastForwarding", { underlay: where })),
);

const step = fc.record({
  one: fc.oneof({ weight: 5, arbitrary: operation as fc.Arbitrary<Step> }, { weight: 1, arbitrary: change }),
  fault: fc.option(
    fc.record({ when: fc.constantFrom("before" as const, "after" as const), skip: fc.nat(4), times: fc.nat(2) }),
    { freq: 3 },
  ),
  nicFailures: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  ),
});

const begin = fc.record({ joinPolicy: fc.constantFrom("mapped" as const, "subscribed" as const) });

test("replaying the events of random operations, failures and changes by others gives what the lists say", async () => {
  const sequence = fc.array(step, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(begin, sequence, async ({ joinPolicy }, steps) => {
      const ports = FOREIGN_PORTS.map((name) => ({ name }));
      const sled = await Sled.start({ joinPolicy, model: { ports, portsStart: "running" } });
      const [follower, replay] = [new Follower(sled), new Replay()];
      for (const one of PROLOGUE) await one.run(sled);
      for (const { one, fault, nicFailures } of steps) {
        if (fault !== null) sled.failAny(fault);
        sled.nics.failNext = nicFailures;
        // Refused or not: the events say what came of it.
        await one.run(sled).catch(() => {});
        sled.model.faults.clear();
        sled.nics.failNext = 0;
        const now = await listed(sled);
        replay.take(follower.take());
        expect(replay.state, `after ${one.text} ${JSON.stringify(fault)}`).toEqual(now);
      }
      await sled.agent.repair();
      replay.take(follower.take());
      expect(replay.state).toEqual(await listed(sled));
      await sled.close();
    }),
    { seed, numRuns: runs },
  );
});
