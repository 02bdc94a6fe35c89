/** A sled in memory: an agent over the driver model and fake NICs, with its HTTP server to inject into. */
import type { FastifyInstance } from "fastify";
import { SledAgent } from "../../src/agent/agent.ts";
import type { NetworkOperations } from "../../src/agent/network.ts";
import { CountedDatalinks } from "../../src/host/datalinks.ts";
import type { Doors } from "../../src/http/doors/doors.ts";
import { buildServer } from "../../src/http/server.ts";
import { MemoryLedger } from "../../src/intent/ledger.ts";
import type { Log } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";
import type { JoinPolicy } from "../../src/multicast/filter-holding.ts";
import type { Ipv6 } from "../../src/net/ip.ts";
import { DriverError, ILLUMOS_ERRNO, type OpteError } from "../../src/opte/error.ts";
import type { OpenKstats } from "../../src/opte/kstats.ts";
import type { Fault } from "../../src/opte/model/faults.ts";
import { DriverModel, type ModelOptions } from "../../src/opte/model/model.ts";
import type { CommandName } from "../../src/opte/types.ts";
import type { Course } from "./course.ts";
import { type Reached, reach } from "./driver.ts";
import { FakeNics } from "./nics.ts";

export interface LogRecord {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export class RecordingLog implements Log {
  readonly records: LogRecord[] = [];
  #add = (level: LogRecord["level"]) => (fields: object, message: string) => {
    this.records.push({ level, fields: fields as LogRecord["fields"], message });
  };
  debug = this.#add("debug");
  info = this.#add("info");
  warn = this.#add("warn");
  error = this.#add("error");
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The body as JSON; undefined where there is none. */
  readonly body: never;
}

export interface SledOptions {
  readonly model?: ModelOptions;
  readonly nics?: FakeNics;
  readonly laneCapacity?: number;
  /** Seconds after which a driver command is slow. */
  readonly slowAfter?: number;
  readonly auditMode?: "repair" | "observe";
  readonly joinPolicy?: JoinPolicy;
  /** Another sled's, as after a restart of the agent. */
  readonly ledger?: MemoryLedger;
  readonly datalinks?: CountedDatalinks;
  /** The driver's counters, which the model does not have. */
  readonly openKstats?: OpenKstats;
  /** What the agent meets on its way to driver and ledger. */
  readonly course?: Course;
  /** What HTTP hands network operations to, where that is not the agent. */
  readonly network?: NetworkOperations;
  /** Who comes in, and how much of it; left out: everybody. */
  readonly doors?: Doors;
  /** False: without an HTTP server, for those who ask the agent itself, a thousand times. */
  readonly http?: boolean;
  /** False: hands the sled out while it is still starting. */
  readonly awaitStart?: boolean;
}

export class Sled {
  readonly model: DriverModel;
  readonly nics: FakeNics;
  readonly joinPolicy: JoinPolicy;
  readonly ledger: MemoryLedger;
  readonly datalinks: CountedDatalinks;
  readonly log: RecordingLog;
  readonly metrics = new Metrics();
  readonly agent: SledAgent;
  readonly #reached: Reached;
  readonly #held: (() => void)[] = [];
  #app: FastifyInstance | undefined;

  private constructor(
    model: DriverModel,
    log: RecordingLog,
    reached: Reached,
    { nics, auditMode, joinPolicy, laneCapacity, ledger, datalinks, openKstats, slowAfter, course }: SledOptions,
  ) {
    this.model = model;
    this.log = log;
    this.#reached = reached;
    this.nics = nics ?? new FakeNics();
    this.joinPolicy = joinPolicy ?? "mapped";
    this.ledger = ledger ?? new MemoryLedger();
    this.datalinks = datalinks ?? new CountedDatalinks();
    this.agent = new SledAgent({
      transport: course?.toDriver(reached.transport) ?? reached.transport,
      joins: this.nics.joins(this.log),
      joinPolicy: this.joinPolicy,
      datalinks: course?.toDatalinks(this.datalinks) ?? this.datalinks,
      ...(openKstats === undefined ? {} : { openKstats }),
      ledger: course?.toLedger(this.ledger) ?? this.ledger,
      underlayIp: "fd00::1" as Ipv6,
      log: this.log,
      metrics: this.metrics,
      auditMode: auditMode ?? "repair",
      ...(laneCapacity === undefined ? {} : { laneCapacity }),
      ...(slowAfter === undefined ? {} : { slowAfter }),
    });
  }

  static start(options: SledOptions = {}): Promise<Sled> {
    return Sled.over(new DriverModel(options.model), options);
  }

  /** A sled over a driver that exists already, as after a restart of the agent. */
  static async over(model: DriverModel, options: Omit<SledOptions, "model"> = {}): Promise<Sled> {
    const log = new RecordingLog();
    const sled = new Sled(model, log, await reach(model, log), options);
    if (options.http !== false) {
      const { network, doors } = options;
      const served = { agent: sled.agent, ...(network && { network }), ...(doors && { doors }) };
      sled.#app = await buildServer({ ...served, metrics: sled.metrics, log: sled.log });
    }
    const started = sled.agent.start();
    if (options.awaitStart !== false) await started;
    return sled;
  }

  /** The agent of the next run, over the same driver and ledger, or another driver: a reboot. */
  async restart({ model, ...options }: { model?: DriverModel } & Omit<SledOptions, "model"> = {}): Promise<Sled> {
    await this.close();
    const ids = model === undefined ? { datalinks: this.datalinks } : {};
    return Sled.over(model ?? this.model, { ledger: this.ledger, ...ids, ...this.#same, ...options });
  }

  /** The agent of the next run after kill -9. This one is not waited for; its course must have ended, or it does nothing. */
  async afterCrash(options: Omit<SledOptions, "model"> = {}): Promise<Sled> {
    void this.agent.close();
    await this.#app?.close();
    await this.#reached.transport.close();
    await this.#reached.close();
    const { ledger, datalinks } = this;
    return Sled.over(this.model, { ledger: ledger.afterCrash(), datalinks, ...this.#same, ...options });
  }

  get #same() {
    return { joinPolicy: this.joinPolicy, http: this.#app !== undefined };
  }

  get app(): FastifyInstance {
    return this.#app as FastifyInstance;
  }

  async request(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const payload = body === undefined ? {} : { payload: typeof body === "string" ? body : JSON.stringify(body) };
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const response = await this.app.inject({
      method: method as "GET",
      url,
      ...payload,
      headers: { ...type, ...headers },
    });
    const json = String(response.headers["content-type"] ?? "").startsWith("application/json");
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      body: (json ? JSON.parse(response.body) : undefined) as never,
    };
  }

  put = (url: string, body?: unknown, headers?: Record<string, string>) => this.request("PUT", url, body, headers);
  delete = (url: string, body?: unknown, headers?: Record<string, string>) =>
    this.request("DELETE", url, body, headers);
  get = (url: string, headers?: Record<string, string>) => this.request("GET", url, undefined, headers);

  setMapping = (group: string, underlay: string) => this.put("/networking/mcast-m2p", { group, underlay });
  clearMapping = (group: string, underlay: string) => this.delete("/networking/mcast-m2p", { group, underlay });
  join = (id: string, group: string, ...sources: string[]) =>
    this.put(`/vmms/${id}/multicast-group`, { group_ip: group, sources });
  leave = (id: string, group: string) => this.delete(`/vmms/${id}/multicast-group`, { group_ip: group, sources: [] });
  adopt = (id: string, ...ports: string[]) => this.put(`/vmms/${id}/ports`, { ports, primary: ports[0] });

  /** The driver's mappings as `group → underlay`. */
  get mappings(): Record<string, string> {
    return Object.fromEntries(this.model.tables.m2p.map(({ group, underlay }) => [group, underlay]));
  }

  /** The driver's subscriptions as `underlay → port → filter`, the filter as `exclude()` or `include(a,b)`. */
  get subscriptions(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      this.model.tables.subscriptions.map(([underlay, subscribers]) => [
        underlay,
        Object.fromEntries(subscribers.map(([port, { mode, sources }]) => [port, `${mode}(${sources.join(",")})`])),
      ]),
    );
  }

  get ports(): string[] {
    return this.model.tables.ports.map(({ create }) => create.name);
  }

  /** State of a VMM's memberships as `group → state`. */
  async memberships(id: string): Promise<Record<string, string>> {
    const list = (await this.get(`/vmms/${id}/multicast-group`)).body as { group_ip: string; state: string }[];
    return Object.fromEntries(list.map(({ group_ip: group, state }) => [group, state]));
  }

  /** Makes the driver fail: with an I/O error unless told how. */
  fail(command: CommandName, fault: Partial<Fault> & { opte?: OpteError } = {}): void {
    const opte: OpteError = fault.opte ?? { variant: "System", errno: ILLUMOS_ERRNO.EIO, msg: "injected" };
    this.model.faults.inject({ when: "before", ...fault, command, error: (name) => new DriverError(name, opte) });
  }

  /** Makes the driver keep its next call of the command until it is let go. @returns what lets it go. */
  hold(command: CommandName): () => void {
    let letGo = () => {};
    const until = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    this.#held.push(letGo);
    this.model.faults.inject({ when: "before", command, until });
    return letGo;
  }

  /** Makes the next call of the command fail on this side of the driver. */
  breakNext(command: CommandName, error: Error): void {
    this.#reached.transport.breakNext(command, error);
  }

  /** Makes whatever command comes fail. */
  failAny(fault: Omit<Fault, "command" | "error">): void {
    const opte: OpteError = { variant: "System", errno: ILLUMOS_ERRNO.EIO, msg: "injected" };
    this.model.faults.inject({ ...fault, error: (name) => new DriverError(name, opte) });
  }

  async close(): Promise<void> {
    for (const letGo of this.#held) letGo();
    await this.#app?.close();
    await this.agent.close();
    await this.#reached.close();
  }
}
