/**
 * The agent killed with -9 under load, with its full count: `node bench/long-crash.mjs [KILLS]`, 2000
 * unless told. Not a measurement, so not one of `npm run bench`. The seed that it prints repeats the load,
 * if not its moments.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [kills = "2000"] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--project", "model", "test/crash/kill.test.ts"], {
  cwd: root,
  // A run that cannot be made here is a failure, not a skipped one.
  env: { ...process.env, CI: "true", SLEDCAST_KILLS: kills },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
