/** `sledcast ledger` as an operator uses it, on a ledger that a daemon refuses. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileLedger } from "../../src/intent/ledger/file-ledger.ts";
import { SALVAGED } from "../../src/intent/ledger.ts";
import { lockStateDir } from "../../src/intent/state-dir.ts";
import { NO_LOG, stateOf } from "../intent/ledger-kit.ts";
import { CLI, DAEMON, run } from "./daemon.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), "ledger-cli-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

const ledger = (...args: string[]) => run(CLI, ["ledger", ...args, "--state-dir", dir], {});

test("checks, is kept out while somebody has it, repairs, and finds nothing more to do", async () => {
  expect(await ledger("check")).toEqual({ code: 0, stdout: `no ledger in ${dir}\n`, stderr: "" });

  const written = await FileLedger.open(dir, { log: NO_LOG });
  for (const key of ["a", "b", "c"]) await written.record([{ key, value: key.toUpperCase() }]);
  await written.close();
  const file = path.join(dir, "ledger.1");
  writeFileSync(file, readFileSync(file, "utf8").replace('["b","B"]', '["b","X"]'));

  const checked = await ledger("check", "--json");
  expect(checked).toMatchObject({ code: 1, stderr: "" });
  expect(JSON.parse(checked.stdout)).toMatchObject({
    state_dir: dir,
    refused: expect.stringContaining(`${file} is damaged, line 4`),
    generations: [{ file, format: 1, entries: 1, records: 1, problems: [expect.stringContaining("line 4")] }],
  });

  const lock = await lockStateDir(dir, NO_LOG);
  expect(await ledger("repair")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining(`sledcast: state_dir ${dir} is in use by another process (pid ${process.pid}, `),
  });
  lock.release();

  const repaired = await ledger("repair");
  expect(repaired).toMatchObject({ code: 0, stderr: "" });
  expect(repaired.stdout).toContain("kept: 2 entries, with the changes of 2 records\nlost: 1 unreadable line (");
  expect(readdirSync(dir).sort()).toEqual(["ledger.1.damaged-1", "ledger.2", "lock"]);
  expect(await ledger("repair")).toMatchObject({ code: 0, stdout: "nothing to repair: a daemon starts on it\n" });
  const found = await FileLedger.open(dir, { log: NO_LOG });
  expect(stateOf(found)).toEqual({ a: "A", c: "C", [SALVAGED]: true });
  await found.close();
});

test("a daemon refuses a ledger of a later version with exit 95, and leaves it as it is", async () => {
  const later = path.join(dir, "later");
  const written = await FileLedger.open(later, { log: NO_LOG, format: { version: 2, upgrades: new Map() } });
  await written.record([{ key: "a", value: 1 }]);
  await written.close();
  const file = path.join(later, "ledger.1");
  const before = readFileSync(file);
  const { code, stderr } = await run(DAEMON, ["--listen", "127.0.0.1:0", "--state-dir", later]);
  expect([code, stderr]).toEqual([
    95,
    `sledcastd: the ledger ${file} was written by a later sledcast (format 2; this one reads up to 1): run that version, or give this one another state_dir\n`,
  ]);
  expect(readFileSync(file)).toEqual(before);
  expect(readdirSync(later).sort()).toEqual(["ledger.1", "lock"]);
});
