/**
 * The ledger cut and damaged at every byte, 500 processes killed while they write it, and its random
 * tests with 20,000 runs each: `node bench/long-ledger.mjs [KILLS] [RUNS]`. Not a measurement, so not
 * one of `npm run bench`. Linux and root only.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [kills = "500", runs = "20000"] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--project", "model", "test/intent/ledger", "--testTimeout", "36000000"],
  {
    cwd: root,
    // A run that cannot be made here is a failure, not a skipped one.
    env: {
      ...process.env,
      CI: "true",
      SLEDCAST_LEDGER_BYTES: "all",
      SLEDCAST_LEDGER_KILLS: kills,
      SLEDCAST_RUNS: runs,
    },
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
