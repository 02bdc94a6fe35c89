/** kill -9 of a real process that holds a state directory and writes its ledger, at random moments. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { FileLedger } from "../../src/intent/ledger/file-ledger.ts";
import { lockStateDir } from "../../src/intent/state-dir.ts";
import { NO_LOG, stateOf } from "./ledger-kit.ts";
import { stateAfter } from "./ledger-steps.ts";

const WRITER = fileURLToPath(new URL("./ledger-writer.fixture.ts", import.meta.url));
const ROUNDS = Number(process.env.SLEDCAST_LEDGER_KILLS ?? 2);

/** Lets a process write from record `from` on, and kills it some time after its first records. Answers the last it said was done. */
async function killed(dir: string, from: number): Promise<number> {
  const child = spawn(process.execPath, ["--import", "tsx", WRITER, dir, String(from)], {
    cwd: path.dirname(WRITER),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let acknowledged = from - 1;
  let death: Promise<void> | undefined;
  for await (const line of createInterface(child.stdout)) {
    acknowledged = Number(line);
    death ??= (async () => {
      await expect(lockStateDir(dir, NO_LOG)).rejects.toMatchObject({
        kind: "conflict",
        message: expect.stringContaining(`in use by another process (pid ${child.pid}, serving [::1]:1, since `),
      });
      await sleep(Math.random() * 150);
      child.kill("SIGKILL");
    })();
  }
  await death;
  const [, signal] = await ended;
  expect(signal).toBe("SIGKILL");
  return acknowledged;
}

describe("a process killed while it writes its ledger", () => {
  it("leaves what it acknowledged, at most one record more, and the directory free", async () => {
    const dir = mkdtempSync(path.join(tmpdir(), "ledger-kill-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    let next = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await killed(dir, next);
      expect(acknowledged).toBeGreaterThanOrEqual(next);
      const lock = await lockStateDir(dir, NO_LOG);
      const ledger = await FileLedger.open(dir, { log: NO_LOG });
      const last = Number(ledger.get("last"));
      expect([acknowledged, acknowledged + 1]).toContain(last);
      expect(stateOf(ledger)).toEqual(stateAfter(last));
      await ledger.close();
      lock.release();
      next = last + 1;
    }
  });
});
