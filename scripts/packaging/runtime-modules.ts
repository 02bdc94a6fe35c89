/** The packages that the daemon needs while it runs, as the lock file has them. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** They build the addon, and nothing imports them at run time. */
const FOR_THE_BUILD: ReadonlySet<string> = new Set(["cmake-js", "node-addon-api"]);

interface Dependencies {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** What is asked for at run time. koffi is left out with the optional ones: the addon is there, and koffi has no illumos. */
function onlyRuntime(asked: Dependencies): void {
  delete asked.devDependencies;
  delete asked.optionalDependencies;
  const runtime = Object.entries(asked.dependencies ?? {}).filter(([name]) => !FOR_THE_BUILD.has(name));
  asked.dependencies = Object.fromEntries(runtime);
}

/** Copies package.json and the lock file into `folder`, without what is not for run time. */
export function writeRuntimeLock(source: string, folder: string): void {
  const manifest = JSON.parse(readFileSync(path.join(source, "package.json"), "utf8")) as Dependencies;
  const lock = JSON.parse(readFileSync(path.join(source, "package-lock.json"), "utf8")) as {
    packages: { "": Dependencies };
  };
  onlyRuntime(manifest);
  onlyRuntime(lock.packages[""]);
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lock));
  const settings = path.join(source, ".npmrc");
  if (existsSync(settings)) copyFileSync(settings, path.join(folder, ".npmrc"));
}

/** Types, source maps and the packages' own tests; npm's links and notes. */
const NOT_NEEDED = /\.map$|\.d\.[cm]?ts$|\.tsbuildinfo$/;
const FOLDERS_NOT_NEEDED: ReadonlySet<string> = new Set([
  ".bin",
  ".github",
  "benchmark",
  "benchmarks",
  "example",
  "examples",
  "test",
  "tests",
]);

/** `isPackage`: what is in there belongs to one package, so a folder of that name is not a part of its code. */
export function prune(folder: string): void {
  const entries = readdirSync(folder, { withFileTypes: true });
  const isPackage = entries.some((entry) => entry.name === "package.json");
  const isModules = path.basename(folder) === "node_modules";
  for (const entry of entries) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if ((isPackage || isModules) && FOLDERS_NOT_NEEDED.has(entry.name)) rmSync(full, { recursive: true });
      else prune(full);
    } else if (entry.isSymbolicLink() || NOT_NEEDED.test(entry.name) || entry.name === ".package-lock.json") {
      rmSync(full);
    }
  }
}

/** Installs them into `folder`, of which `node_modules` is what is wanted. npm checks each against the lock's checksum. */
export function installRuntimeModules(source: string, folder: string): string {
  writeRuntimeLock(source, folder);
  const args = ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--silent"];
  const { status, error, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) {
    const why = error?.message ?? (stderr.trim() || `npm ended with ${status}`);
    throw new Error(`the packages of package-lock.json cannot be installed: ${why}`);
  }
  const modules = path.join(folder, "node_modules");
  prune(modules);
  return modules;
}
