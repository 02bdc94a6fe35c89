/**
 * kill -9 at every step of every operation. The next start finds the driver as it was and the ledger
 * as it was on disk; what it makes of them is the old state or the new one, whole, and nothing else.
 */
import { describe, expect, test } from "vitest";
import type { JoinPolicy } from "../src/multicast/filter-holding.ts";
import { begin, CHANGES, type Change, wholeStates } from "./harness/changes.ts";
import { overDevice } from "./harness/driver.ts";
import type { Sled } from "./harness/sled.ts";
import { differences, worldOf } from "./harness/world.ts";

async function killAfter(steps: number, change: Change, joinPolicy: JoinPolicy): Promise<Sled> {
  const { sled, course } = await begin(change, joinPolicy);
  course.endAfter(steps);
  await Promise.race([change.run(sled), course.ended]);
  course.endAfter(0);
  return sled.afterCrash();
}

const policies: readonly JoinPolicy[] = ["mapped", "subscribed"];
const cases = policies.flatMap((joinPolicy) => CHANGES.map((change) => ({ text: change.text, change, joinPolicy })));

describe("killed at any step", () => {
  test.each(overDevice ? cases.filter((_, i) => i % 6 === 0) : cases)(
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
