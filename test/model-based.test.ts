/**
 * The agent against a simple reference, over random sequences and interleavings of all operations,
 * with failures of the driver and the NICs at random places. After every step what can be seen of
 * driver, NICs and memberships must be what the reference says.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JoinPolicy } from "../src/multicast/filter-holding.ts";
import type { Fault } from "../src/opte/model/faults.ts";
import { Course } from "./harness/course.ts";
import { FOREIGN_PORTS, type Operation, operation, PROLOGUE } from "./harness/operations.ts";
import { expected, NOTHING, observe, type Reference } from "./harness/reference.ts";
import { Sled } from "./harness/sled.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const runs = Number(process.env.SLEDCAST_RUNS ?? 150);
console.log(`model-based test: SLEDCAST_SEED=${seed} SLEDCAST_RUNS=${runs}`);

interface Beginning {
  readonly used: boolean;
  readonly joinPolicy: JoinPolicy;
}

/** Half of the runs begin with an empty sled, half with one in use; half join the NICs for mappings, half for subscriptions. */
const beginning: fc.Arbitrary<Beginning> = fc.record({
  used: fc.boolean(),
  joinPolicy: fc.constantFrom("mapped", "subscribed"),
});

async function start({ used, joinPolicy }: Beginning): Promise<{ sled: Sled; course: Course; reference: Reference }> {
  const ports = FOREIGN_PORTS.map((name) => ({ name }));
  const course = new Course();
  const sled = await Sled.start({ joinPolicy, course, http: false, model: { ports, portsStart: "running" } });
  if (!used) return { sled, course, reference: NOTHING };
  for (const one of PROLOGUE) await one.run(sled);
  return { sled, course, reference: PROLOGUE.reduce((so, one) => one.apply(so), NOTHING) };
}

const matches = (sled: Sled, reference: Reference) =>
  JSON.stringify(observe(sled)) === JSON.stringify(expected(sled, reference, FOREIGN_PORTS));

function check(sled: Sled, reference: Reference, after: string): void {
  expect(observe(sled), `after ${after}`).toEqual(expected(sled, reference, FOREIGN_PORTS));
}

describe("without failures", () => {
  test("after every operation the sled is as the reference says", async () => {
    const sequence = fc.array(operation, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(beginning, sequence, async (begin, operations) => {
        let { sled, reference } = await start(begin);
        for (const one of operations) {
          await one.run(sled);
          reference = one.apply(reference);
          check(sled, reference, one.text);
        }
        await sled.close();
      }),
      { seed, numRuns: runs },
    );
  });

  test("operations sent at once take effect one after another, in the order they were sent", async () => {
    const batches = fc.array(fc.array(operation, { minLength: 2, maxLength: 8 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(beginning, batches, async (begin, all) => {
        let { sled, reference } = await start(begin);
        // A driver that is slower than its callers lets them pile up.
        sled.model.faults.inject({ when: "before", delay: 0, times: 1000 });
        for (const batch of all) {
          await Promise.all(batch.map((one) => one.run(sled)));
          reference = batch.reduce((so, one) => one.apply(so), reference);
          check(sled, reference, batch.map(({ text }) => text).join(", "));
        }
        await sled.close();
      }),
      { seed, numRuns: Math.ceil(runs / 3) },
    );
  });
});

/** A failure of any driver command, the nth that comes. */
const trouble: fc.Arbitrary<Omit<Fault, "error" | "delay">> = fc.record({
  when: fc.constantFrom("before", "after"),
  skip: fc.nat(4),
  times: fc.integer({ min: 1, max: 3 }),
});

const step = fc.record({
  one: operation,
  troubles: fc.array(trouble, { maxLength: 2 }),
  nicFailures: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
});

/** Runs an operation amid failures; answers whether it said that it was done. */
async function attempt(sled: Sled, one: Operation): Promise<boolean> {
  try {
    await one.run(sled);
    return true;
  } catch {
    return false;
  }
}

/** Ends the failures and lets the repair settle what is listed as failed; more, an audit, is not done. */
async function settle(sled: Sled, after: string): Promise<void> {
  const { degraded } = sled.agent.status();
  sled.model.faults.clear();
  sled.nics.failNext = 0;
  if (degraded.length > 0) await sled.agent.repair();
  expect(sled.agent.status().degraded, `after ${after}`).toEqual([]);
}

describe("with failures of the driver and the NICs", () => {
  test("what was acknowledged is so, what was refused left the old state or the new, and a retry converges", async () => {
    const sequence = fc.array(step, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(beginning, sequence, async (begin, steps) => {
        let { sled, reference } = await start(begin);
        for (const { one, troubles, nicFailures } of steps) {
          for (const fault of troubles) sled.failAny(fault);
          sled.nics.failNext = nicFailures;
          const done = await attempt(sled, one);
          await settle(sled, one.text);
          const after = one.apply(reference);
          if (done || matches(sled, after)) reference = after;
          check(sled, reference, `${done ? "" : "refused "}${one.text} ${JSON.stringify(troubles)}`);
          if (done) continue;
          await one.run(sled);
          reference = one.apply(reference);
          check(sled, reference, `retried ${one.text}`);
        }
        await sled.close();
      }),
      { seed, numRuns: runs },
    );
  });
});

type Fate =
  | { readonly kind: "lives" | "restarts" }
  | { readonly kind: "killed"; readonly after: number }
  | { readonly kind: "ledger fails"; readonly writes: number };

/** What becomes of the agent at an operation. */
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ kind: "lives" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restarts" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("killed" as const), after: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("ledger fails" as const), writes: fc.integer({ min: 1, max: 3 }) }),
  },
);

interface Run {
  readonly sled: Sled;
  readonly course: Course;
}

/** The agent of the next run, with a driver that does not fail any more. */
async function nextRun({ sled }: Run, how: "restart" | "afterCrash"): Promise<Run> {
  sled.model.faults.clear();
  const course = new Course();
  return { sled: await sled[how]({ course }), course };
}

/** Runs an operation to its end, or to the agent's; then there is the agent of the next run. */
async function attemptAs(fate: Fate, run: Run, one: Operation): Promise<{ readonly done: boolean; readonly run: Run }> {
  const { sled, course } = run;
  course.begin();
  if (fate.kind === "ledger fails") sled.ledger.failNext("ENOSPC", fate.writes);
  if (fate.kind !== "killed") {
    const done = await attempt(sled, one);
    sled.ledger.failNext("", 0);
    return { done, run };
  }
  course.endAfter(fate.after);
  const done = await Promise.race([attempt(sled, one), course.ended.then(() => false)]);
  course.endAfter(0);
  return { done, run: await nextRun(run, "afterCrash") };
}

const fatefulStep = fc.record({ one: operation, fate, troubles: fc.array(trouble, { maxLength: 1 }) });
type FatefulStep = typeof fatefulStep extends fc.Arbitrary<infer Step> ? Step : never;

type Begun = Run & { readonly reference: Reference };

/** One operation, whatever becomes of it; one that was not acknowledged is repeated. */
async function go(begun: Begun, { one, fate, troubles }: FatefulStep): Promise<Begun> {
  const said = `${one.text} (${JSON.stringify({ fate, troubles })})`;
  for (const fault of troubles) begun.sled.failAny(fault);
  const outcome = await attemptAs(fate, begun, one);
  await settle(outcome.run.sled, said);
  const run = fate.kind === "restarts" ? await nextRun(outcome.run, "restart") : outcome.run;
  const after = one.apply(begun.reference);
  const reference = outcome.done || matches(run.sled, after) ? after : begun.reference;
  check(run.sled, reference, `${outcome.done ? "" : "not acknowledged: "}${said}`);
  if (outcome.done) return { ...run, reference };
  await one.run(run.sled);
  check(run.sled, one.apply(reference), `repeated: ${said}`);
  return { ...run, reference: one.apply(reference) };
}

describe("with restarts, kills and failures of the ledger", () => {
  test("what was acknowledged outlasts them, of the rest there is all or nothing, and a retry converges", async () => {
    const sequence = fc.array(fatefulStep, { minLength: 1, maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(beginning, sequence, async (begin, steps) => {
        let begun: Begun = await start(begin);
        for (const step of steps) begun = await go(begun, step);
        await begun.sled.close();
      }),
      { seed, numRuns: runs },
    );
  });
});
