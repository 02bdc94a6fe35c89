/**
 * kill -9 at every step of every operation. The next start finds the driver as it was and the ledger
 * as it was on disk; what it makes of them is the old state or the new one, whole, and nothing else.
 */
import { describe, expect, test } from "vitest";
import type { JoinPolicy } from "../src/multicast/filter-holding.ts";
import { CHANGES, type Change, GUESTS } from "./harness/changes.ts";
import { Course } from "./harness/course.ts";
import { overDevice } from "./harness/driver.ts";
import { Sled } from "./harness/sled.ts";
import { differences, worldOf } from "./harness/world.ts";

/** A sled at the point where the change is to be made. */
async function begin({ before }: Change, joinPolicy: JoinPolicy): Promise<{ sled: Sled; course: Course }> {
  const course = new Course();
  const model = { ports: GUESTS.map((name) => ({ name })), portsStart: "running" as const };
  const sled = await Sled.start({ model, joinPolicy, course, http: false });
  for (const act of before) await act(sled);
  course.begin();
  return { sled, course };
}

/** The states between which there is none, and the steps from the one to the other. */
async function wholeStates(change: Change, joinPolicy: JoinPolicy) {
  const { sled, course } = await begin(change, joinPolicy);
  const before = worldOf(sled);
  await change.run(sled);
  const { steps } = course;
  const after = worldOf(sled);
  await change.run(sled);
  const again = worldOf(sled);
  await sled.close();
  return { before, after, again, steps: [...steps] };
}

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
