/** The daemon on a host with NICs, over a driver in a process of its own: to be killed, started again and watched. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { NicHost } from "../nics/host.ts";
import { DAEMON, type LogRecord } from "../process/daemon.ts";

const WITH_FAKE_XDE = fileURLToPath(new URL("../../scripts/with-fake-xde", import.meta.url));
const READY_WITHIN_MS = 60_000;
/** bunyan's number for an error. */
const ERROR = 50;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface AgentOptions {
  readonly host: NicHost;
  readonly nics: readonly string[];
  /** For its socket, its settings and its ledger. */
  readonly folder: string;
  /** The driver's. */
  readonly driver: string;
}

export interface Reading {
  /** Since this life of the agent began. */
  readonly seconds: number;
  readonly rssMb: number;
  readonly descriptors: number;
}

/** That the agent is gone, and not something amiss. */
const GONE = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT"]);

export function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && GONE.has(String(error.code));
}

export class SoakAgent {
  readonly #options: AgentOptions;
  #child: ChildProcess | undefined;
  #connections = new Agent({ keepAlive: true });
  #begun = 0;
  #said = "";
  /** Records of errors: there is to be none. */
  readonly errors: string[] = [];
  /** Milliseconds of every answer. */
  readonly latencies: number[] = [];
  starts = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.writeSettings(30, "error");
  }

  /** What a hangup makes it read again. */
  writeSettings(auditInterval: number, logLevel: string): void {
    writeFileSync(this.#file("toml"), `[audit]\ninterval = ${auditInterval}\n[log]\nlevel = "${logLevel}"\n`);
  }

  #file(name: string): string {
    return path.join(this.#options.folder, name);
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const { host, nics, driver } = this.#options;
    const [command = "", ...args] = [...host.prefix, WITH_FAKE_XDE, driver, process.execPath, DAEMON];
    args.push("--config", this.#file("toml"), "--driver", "xde", "--underlay-ip", "fd00::1");
    for (const nic of nics) args.push("--underlay-nic", nic);
    args.push("--listen", `unix:${this.#file("http")}`, "--state-dir", this.#file("state"), "--log-format", "bunyan");
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#begun = performance.now();
    this.starts++;
    this.#follow(child);
    const until = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const answer = await this.call("GET", "/readyz").catch(() => undefined);
      if (answer?.status === 200) return;
      if (!this.isAlive) throw new Error(`the agent did not start: ${this.#said}`);
      if (performance.now() > until) throw new Error(`the agent is not ready: ${answer?.text}`);
      await pause(5);
    }
  }

  #follow(child: ChildProcess): void {
    let rest = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (Number((JSON.parse(line) as LogRecord).level) >= ERROR) this.errors.push(line);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
  }

  get isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote where nothing should be. */
  get stderr(): string {
    return this.#said;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isAlive) throw new Error(`the agent has ended by itself: ${this.#said}`);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    this.#connections.destroy();
    this.#connections = new Agent({ keepAlive: true });
  }

  async stop(): Promise<number | string> {
    const child = this.#child;
    if (child === undefined || !this.isAlive) throw new Error(`the agent has ended by itself: ${this.#said}`);
    this.#connections.destroy();
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    const [code, signal] = await gone;
    return code ?? signal;
  }

  /** Whatever became of it. */
  end(): void {
    this.#connections.destroy();
    this.#child?.kill("SIGKILL");
  }

  hangUp(): void {
    if (this.isAlive) this.#child?.kill("SIGHUP");
  }

  read(): Reading {
    const proc = `/proc/${this.#child?.pid}`;
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`${proc}/status`, "utf8"))?.[1];
    return {
      seconds: (performance.now() - this.#begun) / 1000,
      rssMb: Number(kilobytes) / 1024,
      descriptors: readdirSync(`${proc}/fd`).length,
    };
  }

  /** The answer's head, with its body still to be read. */
  open(method: string, where: string, payload: string, headers: Record<string, string>): Promise<IncomingMessage> {
    const type = payload === "" ? {} : { "content-type": "application/json" };
    const target = { socketPath: this.#file("http"), agent: this.#connections };
    return new Promise((resolve, reject) => {
      const length = { "content-length": Buffer.byteLength(payload) };
      request({ ...target, method, path: where, headers: { ...type, ...length, ...headers } }, resolve)
        .on("error", reject)
        .end(payload);
    });
  }

  async call(method: string, where: string, body?: object): Promise<Answer> {
    const since = performance.now();
    const response = await this.open(method, where, body === undefined ? "" : JSON.stringify(body), {});
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    this.latencies.push(performance.now() - since);
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
  }

  /** A list, or another answer that has to be 200. */
  async get<T>(where: string): Promise<T> {
    const { status, text } = await this.call("GET", where);
    if (status !== 200) throw new Error(`GET ${where}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }
}
