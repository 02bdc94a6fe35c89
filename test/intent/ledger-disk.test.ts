/** The ledger on a real file system, and on one that is really full. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { FileLedger } from "../../src/intent/ledger/file-ledger.ts";
import { NO_LOG, stateOf } from "./ledger-kit.ts";

const run = promisify(execFile);
const FIXTURE = fileURLToPath(new URL("./ledger-full.fixture.ts", import.meta.url));
const IN_CI = process.env.CI === "true" || process.env.CI === "1";
const noMount = await run("unshare", ["-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmpdir()]).then(
  () => undefined,
  (error: Error) => error.message.trim().split("\n").join(" "),
);
if (noMount !== undefined) console.log(`the ledger is not tested on a full file system: ${noMount}`);

function ownFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "ledger-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe("a ledger on a real disk", () => {
  it("makes its directory for its user alone, and is found again with each generation", async () => {
    const dir = path.join(ownFolder(), "var", "state");
    let ledger = await FileLedger.open(dir, { log: NO_LOG, leastLog: 500 });
    for (let n = 0; n < 60; n++) await ledger.record([{ key: `k${n % 5}`, value: "x".repeat(n) }]);
    await ledger.close();
    const state = stateOf(ledger);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    const names = readdirSync(dir);
    expect(names).toHaveLength(2);
    for (const name of names) expect(statSync(path.join(dir, name)).mode & 0o777).toBe(0o600);
    ledger = await FileLedger.open(dir, { log: NO_LOG });
    expect(ledger.broken).toBeUndefined();
    expect(stateOf(ledger)).toEqual(state);
    await ledger.close();
  });

  const title = "refuses records while the file system is full, keeps the others, and goes on when there is room";
  test.skipIf(noMount !== undefined && !IN_CI)(noMount === undefined ? title : `${title} (${noMount})`, async () => {
    const root = ownFolder();
    const script = 'mount -t tmpfs -o size=256k tmpfs "$1" && exec "$2" --import tsx "$3" "$1"';
    const { stdout } = await run("unshare", ["-m", "sh", "-c", script, "sh", root, process.execPath, FIXTURE], {
      cwd: path.dirname(FIXTURE),
    });
    const { written, refusal, acknowledged, ...rest } = JSON.parse(stdout);
    expect(refusal).toMatch(
      /^the ledger cannot be written: .*ENOSPC: .*; make room on that file system, then try again$/,
    );
    expect(written).toBeGreaterThan(2);
    expect(rest).toEqual({
      broken: expect.stringContaining("ENOSPC"),
      isSame: true,
      brokenAfter: null,
      before: 1,
      after: 2,
      keys: acknowledged + 1,
    });
  });
});
