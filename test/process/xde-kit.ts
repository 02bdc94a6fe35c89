/** The pair of processes that stands for a sled on Linux: the driver model, and a daemon with a fake /dev/xde in front of it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, TestRunner } from "vitest";
import type { Snapshot } from "../../src/opte/model/tables.ts";
import { controlFrame, parseControlReply } from "../../src/xde-model/frames.ts";
import { CLI, DAEMON, type LogRecord, withStateDir } from "./daemon.ts";

export const MODEL = fileURLToPath(new URL("../../dist/xde-model.js", import.meta.url));
const WITH_FAKE_XDE = fileURLToPath(new URL("../../scripts/with-fake-xde", import.meta.url));
const LIBRARY = fileURLToPath(new URL("../../build/Release/libfake-xde.so", import.meta.url));

/** Why there is no fake device here, if so. In CI that is a failure: tests would be green for not being run. */
function obstacle(): string | undefined {
  if (process.platform !== "linux") return "the fake /dev/xde is for Linux";
  if (existsSync(LIBRARY)) return undefined;
  if (process.env.CI) throw new Error("libfake-xde.so is not built");
  return "libfake-xde.so is not built (npm run build)";
}
export const OBSTACLE = obstacle();
if (OBSTACLE !== undefined) console.log(`the daemon is not tried over xde: ${OBSTACLE}`);

/** How long a condition may take that follows from what was done: never reached where all is well. */
export const SOON = { timeout: 30_000, interval: 50 };

/** A process whose output is kept; killed with the test at the latest. One that a hook made for many tests is the hook's to stop. */
class Running {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  stdout = "";
  stderr = "";
  readonly exited: Promise<number | string>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.exited = once(this.#child, "close").then(([code, signal]) => code ?? signal);
    if (TestRunner.getCurrentTest() !== undefined) onTestFinished(async () => void (await this.stop("SIGKILL")));
  }

  /** Waits until its output is as wanted; a process that ends before is an error. */
  protected async until<T>(wanted: () => T | undefined): Promise<T> {
    for (;;) {
      const found = wanted();
      if (found !== undefined) return found;
      const ended = await Promise.race([this.exited, once(this.#child.stdout, "data")]);
      if (!Array.isArray(ended)) throw new Error(`it ended with ${ended}: ${this.stderr}`);
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    this.#child.kill(signal);
    return this.exited;
  }
}

/** A folder for sockets and state, gone with the test. */
export function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "sled-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Tells a running model what to do. */
export async function order(socket: string, what: object): Promise<unknown> {
  const connection = connect(socket);
  connection.write(controlFrame(what));
  let answer = Buffer.alloc(0);
  for await (const chunk of connection) {
    answer = Buffer.concat([answer, chunk]);
    if (answer.length >= 4 && answer.length >= 4 + answer.readUInt32LE(0)) break;
  }
  const { ok, error } = parseControlReply(answer) as { ok?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return ok;
}

export class Model extends Running {
  readonly socket: string;

  private constructor(socket: string, args: readonly string[]) {
    super(process.execPath, [MODEL, "--socket", socket, ...args]);
    this.socket = socket;
  }

  /** Resolves when it listens. */
  static async start(socket: string, ...args: readonly string[]): Promise<Model> {
    const model = new Model(socket, args);
    await model.until(() => model.stdout.includes("listening") || undefined);
    return model;
  }

  order(what: object): Promise<unknown> {
    return order(this.socket, what);
  }

  async tables(): Promise<Snapshot> {
    return (await this.order({ order: "tables" })) as Snapshot;
  }
}

export interface Answered {
  readonly status: number;
  readonly age: string | null;
  readonly body: unknown;
}

export class XdeDaemon extends Running {
  /** Does not wait for anything. */
  constructor(socket: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const settings = [
      "--driver",
      "xde",
      "--underlay-ip",
      "fd00::1",
      "--listen",
      "127.0.0.1:0",
      "--log-format",
      "bunyan",
    ];
    super(WITH_FAKE_XDE, [socket, process.execPath, DAEMON, ...withStateDir([...settings, ...args])], env);
  }

  /** Resolves when HTTP is served, which is before the driver has to be there. */
  static async listening(
    socket: string,
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<XdeDaemon> {
    const daemon = new XdeDaemon(socket, args, env);
    await daemon.logged(({ address }) => address !== undefined);
    return daemon;
  }

  static async ready(socket: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<XdeDaemon> {
    const daemon = await XdeDaemon.listening(socket, args, env);
    await daemon.logged(({ msg }) => msg === "ready");
    return daemon;
  }

  get records(): LogRecord[] {
    const lines = this.stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogRecord);
  }

  logged(wanted: (record: LogRecord) => boolean): Promise<LogRecord> {
    return this.until(() => this.records.find(wanted));
  }

  async call(method: string, where: string, body?: object): Promise<Answered> {
    const address = this.records.find((record) => record.address !== undefined)?.address;
    const payload =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(`http://${address}${where}`, { method, ...payload });
    const text = await response.text();
    const { status, headers } = response;
    const isJson = headers.get("content-type")?.startsWith("application/json") === true;
    return { status, age: headers.get("age"), body: isJson ? JSON.parse(text, withoutNics) : text };
  }

  get = (where: string): Promise<Answered> => this.call("GET", where);
  put = (where: string, body: object): Promise<Answered> => this.call("PUT", where, body);
  map = (n: number): Promise<Answered> => this.put("/networking/mcast-m2p", mappingOf(n));

  /** Waits until requests are answered so. */
  async becomes(where: string, expected: object): Promise<void> {
    await expect.poll(() => this.get(where), SOON).toMatchObject(expected);
  }
}

/** The links that a fake driver knows by name are not this host's: that NICs of those names are missing is right, and not what is asked here. */
function withoutNics(key: string, value: unknown): unknown {
  if (key !== "degraded" || !Array.isArray(value)) return value;
  return value.filter(({ thing }: { thing: string }) => thing !== "nic");
}

/** The nth of the mappings that tests set. */
export const mappingOf = (n: number) => ({
  group: `239.7.${n >> 8}.${n & 255}`,
  underlay: `ff04::7:${(n + 1).toString(16)}`,
});

/** Gives the driver its underlay as an operator would: ports need it, and a daemon without NICs leaves it alone. */
export async function giveUnderlay(socket: string): Promise<void> {
  const child = spawn(WITH_FAKE_XDE, [socket, process.execPath, CLI, "--direct", "set-xde-underlay", "net0", "net1"], {
    stdio: "inherit",
  });
  expect(await once(child, "close")).toEqual([0, null]);
}

/** Interfaces of this host to join on: two, or the loopback alone where there is no other. */
export function hostNics(): readonly string[] {
  // Of the network namespace we are in, which the names under /sys need not be.
  const table = "/proc/net/dev";
  if (!existsSync(table)) return [];
  const names = [...readFileSync(table, "utf8").matchAll(/^\s*([^\s:]+):/gm)].map(([, name]) => name as string);
  return names.sort().slice(0, 2);
}
