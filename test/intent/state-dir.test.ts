/** Who may use a state directory. That the kernel releases it when its holder is killed, `ledger-kill.test.ts` shows. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type LoadLock, lockStateDir } from "../../src/intent/state-dir.ts";
import { NO_LOG, Said } from "./ledger-kit.ts";

const noBinding: LoadLock = () => Promise.reject(new Error("no binding loads"));

function ownDir(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "state-dir-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return path.join(folder, "state");
}

describe.each(["flock", "pid"] as const)("a state directory locked by %s", (how) => {
  const lockDir = (dir: string) => lockStateDir(dir, NO_LOG, how === "pid" ? noBinding : undefined);

  it("is made for its user alone, and says who has it and where that one serves", async () => {
    const dir = ownDir();
    const lock = await lockDir(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    const file = path.join(dir, "lock");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ pid: process.pid });
    lock.setAddress("[::1]:12345");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ pid: process.pid, address: "[::1]:12345" });
    lock.setAddress("[::1]:1");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ address: "[::1]:1" });
    lock.release();
    lock.release();
    (await lockDir(dir)).release();
  });
});

describe("a state directory", () => {
  it("is refused to the second, which is told of the first", async () => {
    const dir = ownDir();
    const lock = await lockStateDir(dir, NO_LOG);
    lock.setAddress("unix:/run/sledcast.sock");
    await expect(lockStateDir(dir, NO_LOG)).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringMatching(
        `^state_dir ${dir} is in use by another process \\(pid ${process.pid}, serving unix:/run/sledcast.sock, since .+Z\\): stop that one first, or name another with --state-dir$`,
      ),
    });
    lock.release();
  });

  it("is refused although nobody knows by whom", async () => {
    const dir = ownDir();
    const lock = await lockStateDir(dir, NO_LOG);
    writeFileSync(path.join(dir, "lock"), "");
    await expect(lockStateDir(dir, NO_LOG)).rejects.toThrow(`state_dir ${dir} is in use by another process: stop`);
    lock.release();
  });

  it("without a binding is its holder's for as long as that lives, whoever that is", async () => {
    const dir = ownDir();
    (await lockStateDir(dir, NO_LOG)).release();
    const holder = (pid: number) =>
      writeFileSync(path.join(dir, "lock"), JSON.stringify({ pid, since: "2026-01-01T00:00:00Z" }));
    // The parent lives; the number behind the last that a system gives does not.
    holder(process.ppid);
    await expect(lockStateDir(dir, NO_LOG, noBinding)).rejects.toThrow(
      `in use by another process (pid ${process.ppid}, since`,
    );
    holder(2 ** 22 + 1);
    (await lockStateDir(dir, NO_LOG, noBinding)).release();
  });

  it("that cannot be one is refused as a mistake of the configuration", async () => {
    const dir = ownDir();
    writeFileSync(dir, "");
    await expect(lockStateDir(dir, NO_LOG)).rejects.toMatchObject({
      kind: "bad-request",
      message: expect.stringContaining(`state_dir ${dir} cannot be used: ${dir}/lock: `),
    });
  });

  it("says in one line that no binding guards it", async () => {
    const said = new Said();
    (await lockStateDir(ownDir(), said, noBinding)).release();
    expect(said.lines).toMatchObject([{ level: "warn", fields: { reason: "no binding loads" } }]);
  });
});
