/**
 * The model-based test with its full count: `node bench/long-model-based.mjs [RUNS]`, 5000 unless
 * told. Not a measurement, so not one of `npm run bench`; the same seed repeats a run.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const runs = process.argv[2] ?? "5000";
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "test/model-based.test.ts", "--testTimeout", "3600000"],
  {
    cwd: root,
    env: { ...process.env, SLEDCAST_RUNS: runs },
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
