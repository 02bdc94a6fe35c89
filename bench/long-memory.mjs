/**
 * The memory benchmark with its full count: `node bench/long-memory.mjs [OPERATIONS]`, 1,000,000
 * unless told, of which `npm run bench` makes 100,000. `npm run build` first. Linux only.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [operations = "1000000"] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { status } = spawnSync(process.execPath, ["--import", "tsx", "bench/run.ts", "memory"], {
  cwd: root,
  env: { ...process.env, SLEDCAST_BENCH_OPERATIONS: operations },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
