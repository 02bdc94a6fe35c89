/**
 * The fuzzing of the decoders with its full count: `node bench/fuzz-decode.mjs [CASES] [SEED]`, ten
 * million cases and a new seed unless told. Not a measurement, so not one of `npm run bench`; the same
 * seed repeats a run.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [cases = "10000000", seed = String(Date.now() & 0x7fff_ffff)] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", "test/opte/wire/fuzz.test.ts"], {
  cwd: root,
  env: { ...process.env, SLEDCAST_FUZZ_CASES: cases, SLEDCAST_FUZZ_SEED: seed },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
