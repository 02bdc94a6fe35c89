/**
 * The fault matrix: every operation, with every driver command, every datalink request and every ledger write of it failing
 * in every way, before its effect and after, once and from then on. What is left is the old state or
 * the new one, or it is listed as degraded and becomes one of them when the fault ends.
 */
import { describe, expect, test } from "vitest";
import { type ErrorKind, SledcastError } from "../src/error.ts";
import { answerTo } from "../src/http/errors.ts";
import { UndoFailedError } from "../src/intent/undo.ts";
import { DriverError, DriverUnavailable, ILLUMOS_ERRNO, type OpteError } from "../src/opte/error.ts";
import type { CommandName } from "../src/opte/types.ts";
import { begin, CHANGES, type Change, wholeStates } from "./harness/changes.ts";
import { overDevice } from "./harness/driver.ts";
import { differences, worldOf } from "./harness/world.ts";

interface Kind {
  readonly text: string;
  /** They are handled alike, so the cases take turns with them. */
  readonly errors: readonly ((command: CommandName) => Error)[];
  /** Where the driver can have said it: its own checks come before any effect. */
  readonly when: readonly ("before" | "after")[];
  readonly status: number;
  readonly code: string;
}

const opte = (error: OpteError) => (command: CommandName) => new DriverError(command, error);
const system = (name: keyof typeof ILLUMOS_ERRNO) =>
  opte({ variant: "System", errno: ILLUMOS_ERRNO[name], msg: `${name} injected` });
const unavailable = (reached: boolean) => () => new DriverUnavailable("injected", { reached });
const EITHER = ["before", "after"] as const;

/** Left out is what says that there was nothing to do, or that the thing is another's: what is not so is not the driver's to say. */
const KINDS: readonly Kind[] = [
  {
    text: "a system error that may pass",
    errors: (["EIO", "EBUSY", "ENOMEM", "EAGAIN", "ENOSPC"] as const).map(system),
    when: EITHER,
    status: 503,
    code: "DRIVER_REFUSED",
  },
  {
    text: "a system error that stays",
    errors: (["EINVAL", "ENOENT", "EFAULT", "ENOTSUP", "ENFILE"] as const).map(system),
    when: EITHER,
    status: 409,
    code: "DRIVER_REFUSED",
  },
  {
    text: "a refusal by the driver's own checks",
    errors: [
      opte({ variant: "MaxCapacity", limit: 1n }),
      opte({ variant: "InvalidIpCfg" }),
      opte({ variant: "PortCreate", text: "injected" }),
      opte({ variant: "FlowExists", text: "injected" }),
      opte({ variant: "LayerNotFound", text: "injected" }),
      opte({ variant: "InvalidUnderlayMulticast", text: "injected" }),
      opte({ variant: "DeserCmdReq", text: "injected" }),
      opte({ variant: "RuleNotFound", id: 1n }),
    ],
    when: ["before"],
    status: 409,
    code: "DRIVER_REFUSED",
  },
  {
    text: "an answer that cannot be read",
    errors: [
      opte({ variant: "RespTooLarge", needed: 2n, given: 1n }),
      opte({ variant: "DeserCmdErr", text: "injected" }),
      opte({ variant: "SerCmdResp", text: "injected" }),
      opte({ variant: "CopyoutResp" }),
      opte({ variant: "SerCmdErr", text: "injected" }),
    ],
    when: EITHER,
    status: 409,
    code: "DRIVER_REFUSED",
  },
  {
    text: "another API version",
    errors: [opte({ variant: "BadApiVersion", user: 41n, kernel: 42n })],
    when: ["before"],
    status: 503,
    code: "DRIVER_UNAVAILABLE",
  },
  { text: "no driver", errors: [unavailable(false)], when: ["before"], status: 503, code: "DRIVER_UNAVAILABLE" },
  { text: "no answer", errors: [unavailable(true)], when: EITHER, status: 503, code: "DRIVER_UNAVAILABLE" },
];

const datalink = (kind: ErrorKind, text: string) => () => new SledcastError(kind, `libdladm: ${text}`);

/** As `src/host/libdladm.ts` says libdladm's statuses. */
const DATALINK_KINDS: readonly Kind[] = [
  {
    text: "a status that may pass",
    errors: [datalink("driver-busy", "link busy"), datalink("driver-busy", "try again")],
    when: EITHER,
    status: 503,
    code: "DRIVER_REFUSED",
  },
  {
    text: "a missing privilege",
    errors: [datalink("driver-refused", "permission denied")],
    when: EITHER,
    status: 409,
    code: "DRIVER_REFUSED",
  },
  {
    text: "no dlmgmtd",
    errors: [datalink("driver-unavailable", "I/O error")],
    when: EITHER,
    status: 503,
    code: "DRIVER_UNAVAILABLE",
  },
];

interface Case {
  readonly kind: Kind | "ledger";
  readonly at: number;
  readonly when: "before" | "after";
  readonly lasting: boolean;
  readonly error: (command: CommandName) => Error;
  /** How the fault ends: it is over and what failed is tried again, or the agent is killed in it and started without. */
  readonly end: "mended" | "killed";
}

const COURSES: readonly Pick<Case, "lasting" | "end">[] = [
  { lasting: false, end: "mended" },
  { lasting: true, end: "mended" },
  { lasting: true, end: "killed" },
];

function casesOf(steps: readonly string[]): Case[] {
  return steps.flatMap((name, at) => {
    const faults: Omit<Case, "lasting" | "end">[] =
      name === "ledger"
        ? [{ kind: "ledger", at, when: "before", error: () => new Error("the ledger has its own") }]
        : (name.startsWith("datalink ") ? DATALINK_KINDS : KINDS).flatMap((kind) =>
            kind.when.map((when) => {
              const error = kind.errors[at % kind.errors.length] as Case["error"];
              return { kind, at, when, error };
            }),
          );
    return faults.flatMap((fault) => COURSES.map((course) => ({ ...fault, ...course })));
  });
}

/** By the table of product.md. */
function expectAnswer({ kind }: Case, { isPartial }: Change, error: unknown, where: string): void {
  expect(error, where).toBeInstanceOf(SledcastError);
  const { status, body } = answerTo(error, "request");
  const found = `${status} ${JSON.parse(body).error_code}`;
  const own = kind === "ledger" ? "503 RESOURCE_LIMIT" : `${kind.status} ${kind.code}`;
  // Trying again can help where the fault was not the last word.
  const others = error instanceof UndoFailedError || isPartial ? ["503 DRIVER_REFUSED", "503 DRIVER_UNAVAILABLE"] : [];
  expect([own, ...others], `${where}: ${(error as Error).message}`).toContain(found);
}

async function attempt(run: () => Promise<unknown>): Promise<{ readonly error?: unknown }> {
  try {
    await run();
    return {};
  } catch (error) {
    return { error };
  }
}

async function walk(change: Change, one: Case, whole: Awaited<ReturnType<typeof wholeStates>>): Promise<void> {
  const { before, after, again, steps } = whole;
  const { kind, at, when, lasting, end } = one;
  const where = `${kind === "ledger" ? "ENOSPC" : kind.text} ${when} ${steps[at]} (step ${at})${lasting ? " and from then on" : ""}, ${end}`;
  const begun = await begin(change, "mapped");
  const { course } = begun;
  let { sled } = begun;
  course.fail(one);
  const outcome = await attempt(() => change.run(sled));
  if ("error" in outcome) expectAnswer(one, change, outcome.error, where);
  if (end === "mended") {
    course.mend();
    if (sled.agent.status().degraded.length > 0) await sled.agent.repair();
  } else {
    course.endAfter(0);
    sled = await sled.afterCrash();
  }
  expect(sled.agent.status().degraded, where).toEqual([]);
  // The view of a table that was not read since is not what is compared.
  await sled.agent.listForwarding();
  const found = worldOf(sled);
  const [fromOld, fromNew] = [differences(found, before), differences(found, after)];
  const isOld = fromOld.length === 0;
  if (!("error" in outcome) || !isOld) expect(fromNew, `${where}, and not as before: ${fromOld}`).toEqual([]);
  if (change.isRepair !== true) expect((await sled.agent.audit()).findings, where).toEqual([]);
  await change.run(sled);
  expect(differences(worldOf(sled), isOld ? after : again), `repeated after ${where}`).toEqual([]);
  await sled.close();
}

/** A share of them everywhere; in CI, once, all of what makes and deletes ports, and half of the rest. */
const all = (process.env.CI === "true" || process.env.CI === "1") && process.env.SLEDCAST_RUNS === undefined;
const everyOf = ({ text }: Change) => (overDevice || !all ? 12 : /register/.test(text) ? 1 : 2);
const changes = overDevice ? CHANGES.filter((_, i) => i % 5 === 1) : CHANGES;
/** Another share with each run. */
const seed = Number(process.env.SLEDCAST_SEED ?? Date.now());
console.log(`fault matrix: SLEDCAST_SEED=${seed}`);

describe("with a failing driver command or ledger write", () => {
  test.each(changes)(
    "$text leaves the old state or the new one, is answered as it should be, and succeeds when repeated",
    async (change) => {
      const whole = await wholeStates(change, "mapped");
      const cases = casesOf(whole.steps);
      expect(cases).not.toEqual([]);
      const every = everyOf(change);
      for (const [i, one] of cases.entries())
        if (i % every === seed % Math.min(every, cases.length)) await walk(change, one, whole);
    },
  );
});
