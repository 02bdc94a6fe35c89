/** The daemon on a host with real NICs, reached through a Unix socket, which crosses network namespaces. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import { DAEMON, type LogRecord } from "../process/daemon.ts";
import { type NicHost, SOON } from "./host.ts";

const ADDON = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));

function hasKoffi(): boolean {
  try {
    createRequire(import.meta.url)("koffi");
    return true;
  } catch {
    return false;
  }
}

/** What can make the joins here; that all of them can is seen to by `vitest.config.ts`. */
export const BINDINGS = (["addon", "koffi"] as const).filter((name) =>
  name === "addon" ? existsSync(ADDON) : hasKoffi(),
);
export type BindingName = (typeof BINDINGS)[number];

/** Through which of them the suites go: outside CI the first; that the other is its like is for the contract suites to show. */
export const TRIED = process.env.CI === "true" || process.env.CI === "1" ? BINDINGS : BINDINGS.slice(0, 1);

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

export interface Filter {
  readonly underlay: string;
  readonly holders: readonly string[];
  readonly nics: readonly { name: string; index: number | null; joined: boolean; error?: string }[];
}

export interface Degraded {
  readonly thing: string;
  readonly subject: string;
  readonly reason: string;
}

export interface Finding {
  readonly what: string;
  readonly subject: Readonly<Record<string, string>>;
  readonly repaired: boolean;
}

export interface StartOptions {
  readonly nics?: readonly string[];
  readonly binding?: BindingName;
  /** A file that keeps the driver model's tables. */
  readonly state?: string;
  readonly args?: readonly string[];
}

/** bunyan's numbers. */
const LEVEL = { info: 30, warn: 40 };

export class NicAgent {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #folder: string;
  readonly #connections = new Agent({ keepAlive: true, maxSockets: 8 });
  #stdout = "";
  #stderr = "";
  readonly exited: Promise<number | string>;

  private constructor(host: NicHost, { nics = ["u0", "u1"], binding, state, args = [] }: StartOptions) {
    this.#folder = mkdtempSync(path.join(tmpdir(), "sled-nics-"));
    const [command = "", ...prefix] = [...host.prefix, process.execPath, DAEMON];
    const settings = ["--driver", "model", "--listen", `unix:${this.#socket}`, "--log-format", "bunyan"];
    settings.push("--state-dir", path.join(this.#folder, "ledger"));
    if (state !== undefined) settings.push("--model-state", state);
    for (const nic of nics) settings.push("--underlay-nic", nic);
    const env = binding === undefined ? process.env : { ...process.env, SLEDCAST_BINDING: binding };
    this.#child = spawn(command, [...prefix, ...settings, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.exited = once(this.#child, "close").then(([code, signal]) => code ?? signal);
  }

  /** Resolves when HTTP is served, which is before the mappings that are there have been joined. */
  static async listening(host: NicHost, options: StartOptions = {}): Promise<NicAgent> {
    const agent = new NicAgent(host, options);
    while (!agent.records.some(({ address }) => address !== undefined)) {
      const ended = await Promise.race([agent.exited, once(agent.#child.stdout, "data")]);
      if (!Array.isArray(ended)) throw new Error(`the daemon ended with ${ended}: ${agent.#stderr}`);
    }
    return agent;
  }

  static async ready(host: NicHost, options: StartOptions = {}): Promise<NicAgent> {
    const agent = await NicAgent.listening(host, options);
    try {
      await agent.isReady();
    } catch (error) {
      await agent.stop("SIGKILL");
      throw error;
    }
    return agent;
  }

  async isReady(): Promise<void> {
    const ready = async () => expect((await this.get("/readyz")).status).toBe(200);
    await vi.waitFor(ready, { timeout: 60_000, interval: 5 });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get #socket(): string {
    return path.join(this.#folder, "http");
  }

  /** Numbers of its open descriptors. */
  get descriptors(): readonly number[] {
    return readdirSync(`/proc/${this.pid}/fd`).map(Number);
  }

  get records(): LogRecord[] {
    const lines = this.#stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogRecord);
  }

  /** What was logged that no request caused. */
  get unasked(): LogRecord[] {
    return this.records.filter(({ level, req_id }) => Number(level) >= LEVEL.info && req_id === undefined);
  }

  /** What was logged about a NIC. */
  said(nic: string): LogRecord[] {
    return this.unasked.filter((record) => record.nic === nic);
  }

  get warnings(): LogRecord[] {
    return this.records.filter(({ level }) => Number(level) >= LEVEL.warn);
  }

  call(method: string, where: string, body?: object): Promise<Answer> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const headers = { ...type, "content-length": Buffer.byteLength(payload) };
    const options = { agent: this.#connections, socketPath: this.#socket, method, path: where, headers };
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.once("error", reject).once("end", () => {
          const json = response.headers["content-type"]?.startsWith("application/json") === true;
          resolve({ status: response.statusCode ?? 0, text, body: json ? JSON.parse(text) : undefined });
        });
      });
      sent.once("error", reject).end(payload);
    });
  }

  get = (where: string): Promise<Answer> => this.call("GET", where);
  put = (where: string, body: object): Promise<Answer> => this.call("PUT", where, body);
  map = (group: string, underlay: string) => this.put("/networking/mcast-m2p", { group, underlay });
  unmap = (group: string, underlay: string) => this.call("DELETE", "/networking/mcast-m2p", { group, underlay });
  adopt = (id: string, port: string) => this.put(`/vmms/${id}/ports`, { ports: [port], primary: port });
  join = (id: string, group: string) => this.put(`/vmms/${id}/multicast-group`, { group_ip: group, sources: [] });
  leave = (id: string, group: string) =>
    this.call("DELETE", `/vmms/${id}/multicast-group`, { group_ip: group, sources: [] });

  /** The driver's mappings as `group → underlay`. */
  async mappings(): Promise<Record<string, string>> {
    const list = (await this.get("/networking/mcast-m2p")).body as { group: string; underlay: string }[];
    return Object.fromEntries(list.map(({ group, underlay }) => [group, underlay]));
  }

  async filters(): Promise<readonly Filter[]> {
    return (await this.get("/networking/mcast-filters")).body as Filter[];
  }

  /** Whether each NIC has joined the group, as the agent says. */
  async joinedBy(underlay: string): Promise<Record<string, boolean>> {
    const nics = (await this.filters()).find((filter) => filter.underlay === underlay)?.nics ?? [];
    return Object.fromEntries(nics.map(({ name, joined }) => [name, joined]));
  }

  async degraded(): Promise<readonly Degraded[]> {
    return ((await this.get("/multicast/status")).body as { degraded: Degraded[] }).degraded;
  }

  /** What is degraded, as `thing subject`, sorted. */
  async troubles(): Promise<readonly string[]> {
    return (await this.degraded()).map(({ thing, subject }) => `${thing} ${subject}`).sort();
  }

  /** State of a VMM's memberships as `group → state`. */
  async memberships(id: string): Promise<Record<string, string>> {
    const list = (await this.get(`/vmms/${id}/multicast-group`)).body as { group_ip: string; state: string }[];
    return Object.fromEntries(list.map(({ group_ip: group, state }) => [group, state]));
  }

  async audit(): Promise<readonly Finding[]> {
    const answer = await this.call("POST", "/multicast/audit");
    expect(answer.status, answer.text).toBe(200);
    return (answer.body as { findings: Finding[] }).findings;
  }

  /** The sum of a metric's values, of those series whose labels are as given. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { text } = await this.get("/metrics");
    const lines = text.split("\n").filter((line) => new RegExp(`^${name}[ {]`).test(line));
    const asked = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const wanted = lines.filter((line) => asked.every((one) => line.includes(one)));
    return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }

  /** Clears every mapping. */
  async clear(): Promise<void> {
    for (const [group, underlay] of Object.entries(await this.mappings())) {
      expect((await this.unmap(group, underlay)).status).toBe(204);
    }
  }

  /** Waits until nothing is degraded. */
  async isWell(): Promise<void> {
    await expect.poll(() => this.degraded(), SOON).toEqual([]);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    this.#child.kill(signal);
    const status = await this.exited;
    this.#connections.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
    return status;
  }
}
