/** Commands that cannot be run here, for illumos or by hand: they are what a shell and our programs take. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { parseCommand } from "../../scripts/lab/command-line.ts";
import { readConfigText } from "./config-text.ts";
import { DOCUMENTS, type Fence, fencesOf, placeOf, ROOT, read, useOf } from "./documents.ts";
import { refusalOfDaemon, refusalOfTool } from "./programs.ts";
import { commandsIn } from "./shell.ts";

/** What else is typed: the system's, and what a reader has anyway. */
const KNOWN = new Set(
  `cat cd chmod chown cp curl dladm dtrace echo fuser git grep groupadd gtar head id ip ipadm jq kill kstat logadm ls mandoc
   mdb mkdir modinfo mv netstat npm npx openssl opteadm pfexec pgrep pkg pkgrepo ppriv prctl ps rm rmdir svcadm svccfg svcprop svcs
   looker tail tar test tee useradd zfs zpool`.split(/\s+/),
);

const scripts: Readonly<Record<string, string>> = JSON.parse(read("package.json")).scripts;
const GIVEN_BY_NPM = new Set(["ci", "test", "start", "install"]);

function wrongWithNpm([command = "", ...args]: readonly string[]): string | undefined {
  if (GIVEN_BY_NPM.has(command)) return undefined;
  const name = args.find((word) => !word.startsWith("-")) ?? "";
  if (command !== "run" || scripts[name] === undefined) return `npm ${command} ${name} does not exist`;
  const end = args.indexOf("--");
  if (name !== "lab" || end < 0) return undefined;
  try {
    parseCommand(args.slice(end + 1));
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const isFile = (name: string) => existsSync(`${ROOT}/${name}`);

/** A checkout's ways to our programs, as the installed ones. */
const OURS: Readonly<Record<string, (args: readonly string[]) => string | undefined>> = {
  sledcast: refusalOfTool,
  sledcastd: refusalOfDaemon,
  "dist/cli.js": refusalOfTool,
  "dist/daemon.js": refusalOfDaemon,
};

/** What takes the flags of a script that only begins another. */
const BEHIND: Readonly<Record<string, string>> = { "scripts/package": "scripts/packaging/main.ts" };

function wrongWithScript(file: string, args: readonly string[]): string | undefined {
  if (!isFile(file)) return `${file} is no file here`;
  const text = read(BEHIND[file] ?? file);
  const flag = args.find((word) => word.startsWith("--") && !text.includes(word.split("=", 1)[0] as string));
  return flag === undefined ? undefined : `${file} has no ${flag}`;
}

/** A variable's value is not known: `$FMRI` stands for a word. */
function wrongWith([program = "", ...args]: readonly string[]): string | undefined {
  const name = program.replace(/^\/(?:opt\/oxide\/sledcast\/bin|usr\/sbin)\//, "");
  if (name === "pfexec" || name === "node") {
    const [next = "", ...rest] = args;
    if (name === "node" && OURS[next] === undefined) return isFile(next) ? undefined : `${next} is no file here`;
    return wrongWith([next, ...rest]);
  }
  if (name === "scripts/with-fake-xde") return wrongWith(args.slice(1));
  if (name === "npm") return wrongWithNpm(args);
  if (name === "npx") return wrongWithNpx(args);
  const ours = OURS[name];
  if (ours !== undefined) return ours(args);
  const script = /^(?:\.|\/opt\/oxide\/sledcast\.versions\/\w+)\/((?:un)?install)$/.exec(name)?.[1];
  if (script !== undefined || name.startsWith("scripts/"))
    return wrongWithScript(script ? `scripts/${script}` : name, args);
  return KNOWN.has(name) ? undefined : `${name} is not known`;
}

const wrongWithNpx = ([tool = "", ...args]: readonly string[]): string | undefined => {
  const file = args.find((word) => /^(?:bench|scripts|test)\//.test(word));
  if (!["tsx", "vitest", "biome"].includes(tool)) return `npx ${tool} is not known`;
  return file === undefined || isFile(file) ? undefined : `${file} is no file here`;
};

const typed: readonly Fence[] = DOCUMENTS.flatMap(fencesOf).filter(
  (fence) => fence.language === "sh" && useOf(fence) !== "run",
);

test("every block is one that a shell can read", () => {
  // A block ends with its line, and each begins where nothing is open: one shell reads them all.
  const text = typed.map((fence) => `: ${placeOf(fence)}\n${fence.text}`).join("\n");
  const { status, stderr } = spawnSync("bash", ["-n"], { input: text, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("every program that is named exists, and ours take what they are told", () => {
  const wrong = typed.flatMap((fence) =>
    commandsIn(fence.text).flatMap((words) => {
      const why = wrongWith(words);
      return why === undefined ? [] : [`${placeOf(fence)}: ${words.join(" ")}: ${why}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test("every file of settings that is shown is one that the daemon takes", async () => {
  const shown = DOCUMENTS.flatMap(fencesOf).filter(({ language }) => language === "toml");
  expect(shown.length).toBeGreaterThan(0);
  for (const fence of shown) expect(await readConfigText(fence.text), placeOf(fence)).toBe("taken");
});
