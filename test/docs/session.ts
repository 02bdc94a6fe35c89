/** A document's commands, typed in its order into one shell, at a daemon of its own. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CLI, DAEMON, Daemon } from "../process/daemon.ts";
import { isAnswered } from "./answers.ts";
import { type Fence, fencesOf, placeOf, ROOT, useOf } from "./documents.ts";
import { commandsIn } from "./shell.ts";

interface Step {
  readonly commands: Fence;
  /** The blocks that follow it. */
  readonly answers: readonly Fence[];
}

const OURS = new Set(["sledcast", "sledcastd"]);
const ANSWERS = new Set(["json", "text"]);

/** Blocks of commands that are run, each with the answers shown for it. */
function stepsOf(document: string): Step[] {
  const steps: { commands: Fence; answers: Fence[] }[] = [];
  let last: { answers: Fence[] } | undefined;
  for (const fence of fencesOf(document)) {
    if (fence.language === "sh") {
      const step = { commands: fence, answers: [] };
      last = useOf(fence) === "run" ? step : undefined;
      if (last !== undefined) steps.push(step);
    } else if (ANSWERS.has(fence.language)) last?.answers.push(fence);
    else last = undefined;
  }
  return steps;
}

/** A checkout to type in: what is written there is gone afterwards. The installed programs are found by their names. */
function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "docs-"));
  for (const name of readdirSync(ROOT))
    if (!name.startsWith(".")) symlinkSync(path.join(ROOT, name), `${folder}/${name}`);
  mkdirSync(`${folder}/bin`);
  for (const [name, script] of [
    ["sledcast", CLI],
    ["sledcastd", DAEMON],
  ] as const) {
    writeFileSync(`${folder}/bin/${name}`, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
    chmodSync(`${folder}/bin/${name}`, 0o755);
  }
  return folder;
}

const WITH_FAKE_XDE = "scripts/with-fake-xde";
const FAKE_XDE = "build/Release/libfake-xde.so";

/** Programs that a page's commands need and that are not here. */
export function missingFor(document: string): string[] {
  const words = stepsOf(document).flatMap(({ commands }) => commandsIn(commands.text));
  const programs = new Set(words.map(([program = ""]) => program).filter((program) => /^[a-z]+$/.test(program)));
  const isThere = (program: string) => spawnSync("bash", ["-c", `type -t ${program}`]).status === 0;
  const missing = [...programs].filter((program) => !OURS.has(program) && !isThere(program));
  const needsFake = words.some(([program]) => program === WITH_FAKE_XDE);
  return needsFake && !existsSync(path.join(ROOT, FAKE_XDE)) ? [...missing, FAKE_XDE] : missing;
}

const OVER = "\u001e";
/** A page that waits for what does not come is not waited for, and leaves no program behind. */
const PATIENCE_MS = 45_000;
const CLEAN = "trap 'kill $(jobs -p) 2> /dev/null' EXIT";

async function type(script: string, cwd: string, daemon: Daemon): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, SLEDCAST_AGENT: daemon.url, PATH: `${cwd}/bin:${process.env.PATH}` };
  const shell = spawn("bash", ["-s"], { cwd, env, stdio: "pipe", timeout: PATIENCE_MS });
  shell.stdin.end(script);
  let [stdout, stderr] = ["", ""];
  shell.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  shell.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await once(shell, "close");
  return { stdout, stderr };
}

/** What was not as the document says; nothing, if all was. */
export async function runDocument(document: string): Promise<string[]> {
  const steps = stepsOf(document);
  if (steps.length === 0) return [];
  const cwd = scratch();
  const daemon = await Daemon.ready("--model-port", "guest0");
  try {
    const typed = steps.map(({ commands }) => `{\n${commands.text}\n} < /dev/null\nprintf '${OVER}'\n`);
    const script = `set -e\n${CLEAN}\n${typed.join("")}`.replaceAll("http://[::1]:12345", daemon.url);
    const { stdout, stderr } = await type(script, cwd, daemon);
    await daemon.stop();
    const outputs = stdout.split(OVER);
    const failed = steps[outputs.length - 1];
    if (failed !== undefined) return [`${placeOf(failed.commands)} failed:\n${outputs.at(-1)}${stderr}`];
    const wrong = steps.flatMap(({ answers }, i) =>
      answers
        .filter(({ language, text }) => !isAnswered(language, text, outputs[i] as string))
        .map((answer) => `${placeOf(answer)}: the answer was\n${outputs[i]}`),
    );
    return [...wrong, ...(stderr === "" ? [] : [`${document} says on stderr:\n${stderr}`]), ...unsaid(steps, daemon)];
  } finally {
    await daemon.stop("SIGKILL");
    rmSync(cwd, { recursive: true });
  }
}

/** Requests that were refused without the document's showing it: `curl` alone does not fail then. */
function unsaid(steps: readonly Step[], daemon: Daemon): string[] {
  const refused = daemon.records.filter(({ response_code: code }) => Number(code) >= 400);
  const shown = steps.flatMap(({ answers }) => answers.filter(({ text }) => /"request_id"|\bHTTP [45]/.test(text)));
  if (refused.length === shown.length) return [];
  const list = refused.map(
    (record) =>
      `${record.method} ${record.uri} ${record.response_code} ${record.error_message_external ?? record.error ?? ""}`,
  );
  return [`${shown.length} refusals are shown, and there were ${refused.length}:\n${list.join("\n")}`];
}
