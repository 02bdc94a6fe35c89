/** The agent as a process over a driver that outlives it, to be killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DriverModel } from "../../src/opte/model/model.ts";
import { DAEMON } from "../process/daemon.ts";
import { GUESTS } from "./load.ts";

const MODEL = fileURLToPath(new URL("../../dist/xde-model.js", import.meta.url));
const WITH_FAKE_XDE = fileURLToPath(new URL("../../scripts/with-fake-xde", import.meta.url));
const READY_WITHIN_MS = 60_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export class CrashingAgent {
  readonly #folder: string;
  readonly #command: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #model: ChildProcess | undefined;
  #connections = new Agent({ keepAlive: true });
  /** What it said on standard error, for a failure's message. */
  #said = "";

  private constructor(folder: string, command: string, args: readonly string[]) {
    this.#folder = folder;
    this.#command = command;
    this.#args = [
      ...args,
      ...["--listen", `unix:${path.join(folder, "http")}`, "--state-dir", path.join(folder, "state")],
      ...["--audit-interval", "0", "--log-level", "error", "--log-format", "bunyan"],
    ];
  }

  /** The driver's tables are in a file, as a kernel would keep them. */
  static overModel(folder: string): CrashingAgent {
    const ports = GUESTS.flatMap((name) => ["--model-port", name]);
    return new CrashingAgent(folder, process.execPath, [DAEMON, "--model-state", path.join(folder, "xde"), ...ports]);
  }

  /** The driver is a process of its own behind a fake `/dev/xde`. */
  static async overXde(folder: string): Promise<CrashingAgent> {
    const socket = path.join(folder, "xde");
    const state = path.join(folder, "tables");
    await new DriverModel({ state, ports: GUESTS.map((name) => ({ name })) }).close();
    const args = [MODEL, "--socket", socket, "--state", state];
    const model = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(model.stdout, "data");
    const settings = ["--driver", "xde", "--underlay-ip", "fd00::1"];
    const agent = new CrashingAgent(folder, WITH_FAKE_XDE, [socket, process.execPath, DAEMON, ...settings]);
    agent.#model = model;
    return agent;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const child = spawn(this.#command, this.#args, { stdio: ["ignore", "inherit", "pipe"] });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
    const until = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const answer = await this.get("/readyz").catch(() => undefined);
      if (answer?.status === 200) return;
      if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}: ${this.#said}`);
      if (performance.now() > until) throw new Error(`the agent is not ready: ${JSON.stringify(answer)}`);
      await pause(5);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    this.#connections.destroy();
    this.#connections = new Agent({ keepAlive: true });
  }

  async end(): Promise<void> {
    await this.kill();
    this.#model?.kill("SIGKILL");
  }

  call(method: string, where: string, body?: object): Promise<Answer> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    const headers =
      payload === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
    const target = { socketPath: path.join(this.#folder, "http"), agent: this.#connections };
    return new Promise((resolve, reject) => {
      request({ ...target, method, path: where, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode ?? 0, body: text === "" ? undefined : JSON.parse(text) });
        });
      })
        .on("error", reject)
        .end(payload);
    });
  }

  get = (where: string): Promise<Answer> => this.call("GET", where);
}
