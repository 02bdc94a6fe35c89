/**
 * The random sequences over real NICs with their full count: `node bench/long-nics.mjs [RUNS]
 * [BINDING]`, 1000 through the addon unless told. Not a measurement, so not one of `npm run bench`.
 * Linux and root only; the seed that it prints repeats a run.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [runs = "1000", binding = "addon"] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--project", "model", "test/nics/random.test.ts"], {
  cwd: root,
  // A run that cannot be made here is a failure, not a skipped one.
  env: {
    ...process.env,
    CI: "true",
    SLEDCAST_NIC_RUNS: runs,
    SLEDCAST_NIC_SECONDS: "36000",
    SLEDCAST_BINDING: binding,
  },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
