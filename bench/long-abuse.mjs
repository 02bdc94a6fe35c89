/**
 * Abuse from the network with its full counts: `node bench/long-abuse.mjs [P99_MS]`. Malformed requests,
 * slow clients and crowds, while a well-behaved client may wait no longer than this, 250 ms unless told,
 * in 99 cases of a hundred and with each kind of abuse. That is bounded only here, where nothing else
 * runs. Not a measurement, so not one of `npm run bench`; `npm run build` first.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [limit = "250"] = process.argv.slice(2);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--project", "model", "--no-file-parallelism", "test/abuse"],
  {
    cwd: root,
    // A run that cannot be made here is a failure, not a skipped one.
    env: { ...process.env, CI: "true", SLEDCAST_ABUSE_P99_MS: limit },
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
