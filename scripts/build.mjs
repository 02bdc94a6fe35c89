// Compiles src into dist. The old dist is removed first, so that a renamed file does not live on
// in the output, and the commands are made executable (npm does that only on installation).
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

rmSync(path.join(root, "dist"), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "-p", path.join(root, "tsconfig.build.json")], { stdio: "inherit" });
for (const command of ["daemon.js", "cli.js", "xde-model.js"]) chmodSync(path.join(root, "dist", command), 0o755);
// It has said itself what went wrong.
const { status } = spawnSync(process.execPath, [path.join(root, "scripts", "build-addon.mjs")], { stdio: "inherit" });
process.exit(status ?? 1);
