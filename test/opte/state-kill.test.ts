/** kill -9 of a real process at random moments while it writes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DriverModel } from "../../src/opte/model/model.ts";
import { ownFolder } from "./kit.ts";
import { step, tablesIn, tablesOf } from "./steps.ts";

const WRITER = fileURLToPath(new URL("./writer.fixture.ts", import.meta.url));
/** Sources in a filter: enough for a compaction every few hundred steps. */
const BULK = 400;
const ROUNDS = 3;

interface Killed {
  /** Number of the last step that the process said was done. */
  readonly acknowledged: number;
  readonly after: string;
}

/** Lets a process write from step `from` on, and kills it some time after its first steps. */
async function killed(state: string, from: number): Promise<Killed> {
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", WRITER, state, String(from), String(BULK)], {
    cwd: dirname(WRITER),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error("the writer has no output");
  const ended = once(child, "close");
  const delay = Math.random() * 100;
  let acknowledged = from - 1;
  let death: Promise<void> | undefined;
  for await (const line of createInterface(stdout)) {
    acknowledged = Number(line);
    death ??= sleep(delay).then(() => void child.kill("SIGKILL"));
  }
  const [, signal] = await ended;
  await death;
  expect(signal).toBe("SIGKILL");
  return { acknowledged, after: `killed ${delay.toFixed(1)} ms after step ${from}, at step ${acknowledged}` };
}

describe("a process killed while it writes", () => {
  it("leaves the steps it said were done, and at most the one under way", async () => {
    const folder = ownFolder();
    const state = join(folder, "state");
    const reference = new DriverModel();
    let done = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { acknowledged, after } = await killed(state, done);
      expect(acknowledged, after).toBeGreaterThanOrEqual(done);
      while (done <= acknowledged) await step(reference, done++, BULK);
      const acknowledgedTables = tablesOf(reference);
      const found = await tablesIn(() => new DriverModel({ state }));
      expect(readdirSync(folder)).toEqual(["state"]);
      if (JSON.stringify(found) === JSON.stringify(acknowledgedTables)) continue;
      await step(reference, done++, BULK);
      expect([acknowledgedTables, tablesOf(reference)], after).toContainEqual(found);
    }
    expect(done).toBeGreaterThan(ROUNDS);
  });
});
