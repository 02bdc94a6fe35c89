/**
 * The soak with its full time: `node bench/long-soak.mjs [SECONDS]`, 600 unless told. A sled with two
 * NICs in use by clients of all kinds, while its agent is killed with -9, its NICs come and go and its
 * settings are read again; the last part is one life without kills, in which nothing may grow. Not a
 * measurement, so not one of `npm run bench`. Linux and root only; `npm run build` first. The seed
 * that it prints repeats its choices, if not their moments.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [seconds = "600"] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "--project", "model", "test/soak/soak.test.ts"], {
  cwd: root,
  // A run that cannot be made here is a failure, not a skipped one.
  env: { ...process.env, CI: "true", SLEDCAST_SOAK_SECONDS: seconds },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
console.log(process.exitCode === 0 ? "soak: nothing lost, nothing grew" : "soak: FAILED, see above");
