/**
 * What is set on ports against a simple reference, over random sequences of all that sets it, with
 * failures of the driver at random places, restarts and crashes. A failed operation leaves the state
 * before it or after it, at once or when the repair has had its turn.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Course } from "./harness/course.ts";
import { overDevice } from "./harness/driver.ts";
import { EMPTY, expectedNetwork, networkOperation, observedNetwork } from "./harness/network-world.ts";
import { Sled } from "./harness/sled.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const runs = Math.ceil(Number(process.env.SLEDCAST_RUNS ?? 60) / (overDevice ? 4 : 1));
console.log(`networks of ports at random: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);

test("after every operation and every restart, ports have what was said last", async () => {
  const sequence = fc.array(fc.tuple(networkOperation, fc.nat(9)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(sequence, async (operations) => {
      let sled = await Sled.start({ http: false });
      let world = EMPTY;
      for (const [one, chance] of operations) {
        await one.run(sled);
        world = one.apply(world);
        expect(observedNetwork(sled), `after ${one.text}`).toEqual(expectedNetwork(world));
        if (chance > 0) continue;
        sled = await sled.restart();
        expect(observedNetwork(sled), `after ${one.text} and a restart`).toEqual(expectedNetwork(world));
      }
      expect(sled.agent.status().degraded).toEqual([]);
      await sled.close();
    }),
    { seed, numRuns: runs },
  );
});

const trouble = fc.record({
  skip: fc.nat(6),
  times: fc.constantFrom(1, 1, 2, 4),
  when: fc.constantFrom<"before" | "after">("before", "after"),
  /** Killed after so many steps instead of failing. */
  kill: fc.option(fc.nat(8), { nil: undefined }),
});

test("an operation that fails or is killed half-way leaves the old state or the new one, once what is broken is repaired", async () => {
  const sequence = fc.array(fc.tuple(networkOperation, fc.option(trouble, { nil: undefined })), {
    minLength: 2,
    maxLength: 25,
  });
  await fc.assert(
    fc.asyncProperty(sequence, async (operations) => {
      let course = new Course();
      let sled = await Sled.start({ http: false, course });
      let world = EMPTY;
      for (const [one, bad] of operations) {
        const after = one.apply(world);
        let failed = false;
        if (bad?.kill === undefined) {
          if (bad !== undefined) sled.failAny(bad);
          await one.run(sled).catch(() => {
            failed = true;
          });
          sled.model.faults.clear();
        } else {
          course.begin();
          course.endAfter(bad.kill);
          failed = await Promise.race([one.run(sled).then(() => false), course.ended.then(() => true)]);
          course = new Course();
          sled = await sled.afterCrash({ course });
        }
        await sled.agent.repair();
        expect(sled.agent.status().degraded, `after ${one.text}`).toEqual([]);
        const seen = observedNetwork(sled);
        const isOld = failed && seen.join("\n") === expectedNetwork(world).join("\n");
        if (!isOld) expect(seen, `after ${one.text}, ${JSON.stringify(bad)}`).toEqual(expectedNetwork(after));
        world = isOld ? world : after;
      }
      await sled.close();
    }),
    { seed, numRuns: runs },
  );
});
