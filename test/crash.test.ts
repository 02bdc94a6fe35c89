/**
 * kill -9 at every step of every operation. The next start finds the driver as it was and the ledger
 * as it was on disk; what it makes of them is the old state or the new one, whole, and nothing else.
 */
import { describe, expect, test } from "vitest";
import type { JoinPolicy } from "../src/multicast/filter-holding.ts";
import { begin, CHANGES, type Change, wholeStates } from "./harness/changes.ts";
import { Course } from "./harness/course.ts";
import { overDevice } from "./harness/driver.ts";
import { NETWORK_CHANGES } from "./harness/network-changes.ts";
import type { Sled } from "./harness/sled.ts";
import { differences, worldOf } from "./harness/world.ts";

type NextOptions = Parameters<Sled["afterCrash"]>[0];

async function killAfter(
  steps: number,
  change: Change,
  joinPolicy: JoinPolicy,
  options: NextOptions = {},
): Promise<Sled> {
  const { sled, course } = await begin(change, joinPolicy);
  course.endAfter(steps);
  await Promise.race([change.run(sled), course.ended]);
  course.endAfter(0);
  return sled.afterCrash(options);
}

const policies: readonly JoinPolicy[] = ["mapped", "subscribed"];
/** What is set on ports has nothing to do with what holds a NIC filter. */
const isOfBoth = (change: Change, joinPolicy: JoinPolicy) =>
  joinPolicy === "mapped" || !NETWORK_CHANGES.includes(change);
const cases = policies.flatMap((joinPolicy) =>
  CHANGES.filter((change) => isOfBoth(change, joinPolicy)).map((change) => ({ text: change.text, change, joinPolicy })),
);

describe("killed at any step", () => {
  test.each(overDevice ? cases.filter((_, i) => i % 9 === 1) : cases)(
    "of: $text (join policy $joinPolicy), the next start has the old state or the new one, and the operation succeeds when it is repeated",
    async ({ change, joinPolicy }) => {
      const { before, after, again, steps } = await wholeStates(change, joinPolicy);
      for (let taken = 0; taken <= steps.length; taken++) {
        const where = `killed after ${steps.slice(0, taken).join(", ") || "nothing"}`;
        const sled = await killAfter(taken, change, joinPolicy);
        const found = worldOf(sled);
        const [fromOld, fromNew] = [differences(found, before), differences(found, after)];
        const isOld = fromOld.length === 0;
        if (taken === steps.length || !isOld) expect(fromNew, `${where}, and not as before: ${fromOld}`).toEqual([]);
        if (taken === 0 && change.isRepair !== true) expect(fromOld, where).toEqual([]);
        expect(sled.agent.status().degraded, where).toEqual([]);
        expect((await sled.agent.audit()).findings, where).toEqual([]);
        await change.run(sled);
        expect(differences(worldOf(sled), isOld ? after : again), `repeated after being ${where}`).toEqual([]);
        await sled.close();
      }
    },
  );
});

describe("killed halfway, and again at any step of the next start", () => {
  const halfway = CHANGES.filter(({ text }) => /two NICs|unregister|another port|newer|nothing explains/.test(text));
  test.each(overDevice ? halfway.slice(0, 1) : halfway)(
    "of: $text, the start after that has the old state or the new one",
    async (change) => {
      const { before, after, steps } = await wholeStates(change, "mapped");
      for (let taken = 0, through = false; !through; taken++) {
        const course = new Course();
        course.endAfter(taken);
        const second = await killAfter(Math.ceil(steps.length / 2), change, "mapped", { course, awaitStart: false });
        // In line behind the start.
        through = await Promise.race([second.agent.repair().then(() => true), course.ended.then(() => false)]);
        course.endAfter(0);
        const where = `killed after ${course.steps.join(", ") || "nothing"}`;
        const sled = await second.afterCrash();
        const found = worldOf(sled);
        const [fromOld, fromNew] = [differences(found, before), differences(found, after)];
        if (fromOld.length > 0) expect(fromNew, `${where}, and not as before: ${fromOld}`).toEqual([]);
        expect(sled.agent.status().degraded, where).toEqual([]);
        expect((await sled.agent.audit()).findings, where).toEqual([]);
        await sled.close();
      }
    },
  );
});
