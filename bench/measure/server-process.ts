/**
 * A server in a process of its own, with its log going to the null device. Because its output goes
 * nowhere, it cannot say where it listens: it is told a port, and asked until it answers.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Below the range that Linux gives to outgoing connections, which a load makes many of. */
const PORTS = { from: 20_000, count: 10_000 } as const;
const POLL_MS = 2;
const START_WITHIN_MS = 30_000;

export type ServerKind = "daemon" | "put" | "list" | "start" | "config";

const SCRIPTS: Readonly<Record<ServerKind, string>> = {
  daemon: "../../dist/daemon.js",
  put: "../bare/put.mjs",
  list: "../bare/list.mjs",
  start: "../bare/start.mjs",
  config: "../bare/config.mjs",
};

export interface StartOptions {
  readonly args?: readonly string[];
  /** What it reads from its standard input. */
  readonly input?: string;
  /** Options of Node's own. */
  readonly node?: readonly string[];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
      .on("error", () => resolve(false))
      .listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    if (await isFree(port)) return port;
  }
}

/** The status of an answer; undefined where nobody listens. */
function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", () => resolve(undefined));
  });
}

export class ServerProcess {
  readonly url: string;
  /** From just before the process was spawned until `/readyz` answered 200. Milliseconds. */
  readonly startedIn: number;
  /** Where a daemon keeps its ledger. Gone once it ended. */
  readonly stateDir: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { url, startedIn, stateDir }: Omit<ServerProcess, "pid" | "ask" | "stop">) {
    this.#child = child;
    this.url = url;
    this.startedIn = startedIn;
    this.stateDir = stateDir;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  static async start(kind: ServerKind, { args = [], input, node = [] }: StartOptions = {}): Promise<ServerProcess> {
    const port = await freePort();
    const state = mkdtempSync(path.join(tmpdir(), "bench-"));
    const listen =
      kind === "daemon" ? ["--listen", `127.0.0.1:${port}`, "--state-dir", state, ...args] : [String(port), ...args];
    const script = fileURLToPath(new URL(SCRIPTS[kind], import.meta.url));
    const url = `http://127.0.0.1:${port}`;
    const since = performance.now();
    const stdin = input === undefined ? "ignore" : "pipe";
    const stdio: StdioOptions = [stdin, "ignore", "inherit", ...(node.length > 0 ? (["ipc"] as const) : [])];
    const child = spawn(process.execPath, [...node, script, ...listen], { stdio });
    // A run that fails must leave no server behind.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => {
      process.off("exit", kill);
      rmSync(state, { recursive: true, force: true });
    });
    // One that ended before it had read everything is noticed below.
    child.stdin?.on("error", () => {}).end(input);
    try {
      while ((await statusOf(`${url}/readyz`)) !== 200) {
        if (child.exitCode !== null) throw new Error(`${kind} ended with status ${child.exitCode}`);
        if (performance.now() - since > START_WITHIN_MS) throw new Error(`${kind} is not ready in time`);
        await pause(POLL_MS);
      }
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    return new ServerProcess(child, { url, startedIn: performance.now() - since, stateDir: state });
  }

  /** Asks what was loaded into it with `--import`, and answers with a number. */
  async ask(question: string): Promise<number> {
    const answer = once(this.#child, "message");
    this.#child.send(question);
    return Number((await answer)[0]);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
