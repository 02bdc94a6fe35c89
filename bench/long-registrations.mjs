/**
 * Registrations at random with their full count: `node bench/long-registrations.mjs [RUNS]`, 20,000
 * unless told, and as many sequences of what is set on ports as a tenth of that. Not a measurement, so
 * not one of `npm run bench`; the same seed repeats a run.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const runs = Number(process.argv[2] ?? 20_000);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const suites = ["test/registration", "test/port-network-model-based.test.ts"];
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--project", "model", ...suites, "--testTimeout", "3600000"],
  {
    cwd: root,
    env: { ...process.env, SLEDCAST_REGISTRATIONS: String(runs), SLEDCAST_RUNS: String(Math.ceil(runs / 10)) },
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
