/** The daemon as a process, as a person starts it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export const DAEMON = fileURLToPath(new URL("../../dist/daemon.js", import.meta.url));
export const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

if (!existsSync(DAEMON)) throw new Error("dist is missing: `npm test` builds it, or run `npm run build`");

/** Ledgers of the daemons that are told of no other place, gone with this process. */
const ledgers = mkdtempSync(path.join(tmpdir(), "ledgers-"));
process.once("exit", () => rmSync(ledgers, { recursive: true, force: true }));
let made = 0;

/** Each daemon is to have a state directory of its own: the default is one for all that are started here. */
export function withStateDir(args: readonly string[]): readonly string[] {
  return args.includes("--state-dir") ? args : ["--state-dir", path.join(ledgers, String(made++)), ...args];
}

export type LogRecord = Readonly<Record<string, unknown>>;

export class Daemon {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, [DAEMON, ...withStateDir(args)], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.exited = once(this.#child, "close").then(([code, signal]) => code ?? signal);
  }

  /** Starts on a port of the system's choice and waits until it is ready. */
  static async ready(...args: string[]): Promise<Daemon> {
    const daemon = new Daemon("--listen", "127.0.0.1:0", ...args);
    await daemon.logged(({ msg }) => msg === "ready");
    return daemon;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Whole lines of the log so far. */
  get records(): LogRecord[] {
    return this.#stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** Waits for a record; a daemon that ends before is an error. */
  async logged(wanted: (record: LogRecord) => boolean): Promise<LogRecord> {
    for (;;) {
      const found = this.records.find(wanted);
      if (found !== undefined) return found;
      const ended = await Promise.race([this.exited, once(this.#child.stdout, "data")]);
      if (!Array.isArray(ended)) throw new Error(`the daemon ended with ${ended}: ${this.#stderr}`);
    }
  }

  get url(): string {
    return `http://${this.records.find(({ address }) => address !== undefined)?.address}`;
  }

  async call(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const payload =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(this.url + path, { method, ...payload });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    this.#child.kill(signal);
    return this.exited;
  }
}

export interface Finished {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of ours to its end; `input` is what it can read. */
export async function run(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = "",
): Promise<Finished> {
  const all = script === DAEMON ? withStateDir(args) : args;
  const child = spawn(process.execPath, [script, ...all], { stdio: "pipe", env: { ...process.env, ...env } });
  child.stdin.end(input);
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
