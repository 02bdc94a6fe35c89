/** Packages of a small program with the real scripts and the real addon, made in a moment; and what installs them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildPackages, type Packages } from "../../scripts/packaging/build.ts";
import type { Finished } from "../process/daemon.ts";

export const SOURCE = fileURLToPath(new URL("../..", import.meta.url));
export const IN_CI = process.env.CI === "true" || process.env.CI === "1";
/** An install is a hundred processes. Outside CI one of each kind is run, all of them on request. */
export const FULL = IN_CI || process.env.SLEDCAST_PACKAGE === "1";

/** Why no package can be built here. */
export const noAddon = existsSync(path.join(SOURCE, "build/Release/sledcast.node"))
  ? undefined
  : "the addon is not built (`npm run build` says why)";

const folder = mkdtempSync(path.join(tmpdir(), "packages-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
let made = 0;

export function newFolder(): string {
  const full = path.join(folder, String(made++));
  mkdirSync(full);
  return full;
}

const METHOD = "/opt/oxide/sledcast/lib/method/sledcast";

/** Sources with all that a package needs; the programs print which they are, and the version of their own tree. */
export function smallSource(version: string, more: Readonly<Record<string, string>> = {}): string {
  const source = newFolder();
  const program = (name: string) =>
    `import { readFileSync } from "node:fs";
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
console.log("${name}", version, ...process.argv.slice(2));
`;
  const { engines } = JSON.parse(readFileSync(path.join(SOURCE, "package.json"), "utf8")) as { engines: object };
  const files: Readonly<Record<string, string>> = {
    "package.json": JSON.stringify({ version, description: "A small one", type: "module", engines }),
    LICENSE: "MPL-2.0\n",
    "README.md": "# A small one\n",
    "CHANGELOG.md": `## ${version}\n`,
    "dist/daemon.js": program("daemon"),
    "dist/daemon.js.map": "{}",
    "dist/cli.js": program("cli"),
    "docs/guide.md": "# Guide\n",
    "docs/man/sledcast.8": ".Dd\n",
    "docs/man/sledcastd.8": ".Dd\n",
    "scripts/dtrace/one.d": "BEGIN {}\n",
    "smf/sledcast": "#!/bin/sh\n",
    "smf/sledcast.xml": `<exec_method name='start' exec='${METHOD} start'/><exec_method name='stop' exec=':kill'/> ${version}\n`,
    "smf/sledcast.auth_attr": "solaris.smf.manage.sledcast:::Manage::\n",
    "smf/sledcast.logadm": "sledcast /var/svc/log/oxide-sledcast:default.log\n",
    ...more,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(source, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(source, name), text);
  }
  for (const name of [
    "scripts/install",
    "scripts/uninstall",
    "scripts/packaging/checks",
    "scripts/packaging/find-node",
    "scripts/packaging/launch",
    "build/Release/sledcast.node",
  ]) {
    mkdirSync(path.join(source, path.dirname(name)), { recursive: true });
    cpSync(path.join(SOURCE, name), path.join(source, name));
  }
  return source;
}

/** Packages with names that need care. */
export function smallModules(_source: string, into: string): string {
  const modules = path.join(into, "node_modules");
  for (const [name, text] of [
    ["one/package.json", "{}"],
    ["one/index.js", "export {};\n"],
    ["@scope/two/with space.js", "export {};\n"],
    ["@scope/two/a=b.js", "export {};\n"],
  ] as const) {
    mkdirSync(path.join(modules, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(modules, name), text);
  }
  return modules;
}

export function smallPackages(source: string, out = newFolder()): Packages {
  return buildPackages({ source, out, publisher: "example.com", release: 151054, modules: smallModules });
}

export async function execute(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = folder,
): Promise<Finished> {
  // Nothing here opens a device, and the loader needs not look for a fake one in every tool of a script.
  const { LD_PRELOAD: _preload, LD_LIBRARY_PATH: _libraries, ...inherited } = process.env;
  // A group of its own: a stand-in can end a script and all it has started.
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...inherited, ...env },
    cwd,
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = await once(child, "close");
  return { code: code ?? signal, stdout, stderr };
}

/** Where `install` and `uninstall` of a tarball are. */
export async function unpacked(packages: Packages): Promise<string> {
  const into = newFolder();
  const { code, stderr } = await execute("tar", ["-xzf", packages.tarball, "-C", into]);
  if (code !== 0) throw new Error(stderr);
  return path.join(into, `sledcast-${packages.version}`);
}
