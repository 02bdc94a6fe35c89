/**
 * SledAgent: the one facade over everything this sled does about multicast. Its callers hand in
 * parsed values and get an answer that is true when it is given; every change runs in the lane.
 */
import type { AuditMode } from "../config.ts";
import { messageOf, SledcastError } from "../error.ts";
import type { Datalinks } from "../host/datalinks.ts";
import type { UnderlayJoins } from "../host/joins.ts";
import { Lane } from "../intent/lane.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { type FilterEntry, MulticastFilterMap } from "../multicast/filter-map.ts";
import { Flows } from "../multicast/flows.ts";
import { Forwarding } from "../multicast/forwarding.ts";
import { Mappings } from "../multicast/mappings.ts";
import { Members } from "../multicast/members.ts";
import { SelfMaps } from "../multicast/self-maps.ts";
import { Subscriptions } from "../multicast/subscriptions.ts";
import { MappingView } from "../multicast/view.ts";
import type { MulticastAddr, UnderlayGroup } from "../net/group.ts";
import type { Ipv6 } from "../net/ip.ts";
import { Driver, type Transport } from "../opte/driver.ts";
import type { ForwardingEntry, M2pMapping, SubscriptionEntry } from "../opte/types.ts";
import { PortManager } from "../ports/manager.ts";
import type { Uuid } from "../uuid.ts";
import type { Membership, Registration, Vmm, VmmState } from "../vmm/vmm.ts";
import { type MembershipStatus, Vmms } from "../vmm/vmms.ts";
import { Audit, type AuditReport, type Finding } from "./audit.ts";
import { type PortSummary, summarizePorts } from "./port-list.ts";
import { Readiness } from "./readiness.ts";
import { Repairs } from "./repairs.ts";
import {
  type AgentStatus,
  brokenCount,
  degradedThings,
  SIZE_HELP,
  type StatusParts,
  sizes,
  statusOf,
} from "./status.ts";

export interface AgentOptions {
  readonly transport: Transport;
  readonly joins: UnderlayJoins;
  readonly datalinks: Datalinks;
  /** This sled's underlay address. */
  readonly underlayIp: Ipv6;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Seconds between audits; 0: only on request. */
  readonly auditInterval?: number;
  readonly auditMode?: AuditMode;
  readonly laneCapacity?: number;
}

/** A list, and how old it is where the driver did not answer in time. */
export interface Listed<T> {
  readonly entries: readonly T[];
  /** Seconds; undefined: fresh. */
  readonly age?: number;
}

/** A list request waits this long for the driver before it answers from what was seen last. */
const FRESH_WITHIN_MS = 1000;
const REPORTS_KEPT = 5;
/** A client is not kept longer than this by a driver that does not answer; its operation stays in line. */
const ANSWER_WITHIN_S = 60;

type Table = "m2p" | "forwarding" | "subscriptions";

export class SledAgent {
  readonly #driver: Driver;
  readonly #joins: UnderlayJoins;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #lane: Lane;
  readonly #view = new MappingView();
  readonly #filters: MulticastFilterMap;
  readonly #flows: Flows;
  readonly #selfMaps: SelfMaps;
  readonly #subscriptions: Subscriptions;
  readonly #mappings: Mappings;
  readonly #forwarding: Forwarding;
  readonly #ports: PortManager;
  readonly #vmms: Vmms;
  readonly #audit: Audit;
  readonly #auditMode: AuditMode;
  readonly #auditInterval: number;
  #reports: readonly AuditReport[] = [];
  readonly #repairs: Repairs;
  readonly #readiness = new Readiness();
  /** When each table was read last; one that never was cannot be shown. */
  #seen: { [T in Table]?: number } = {};
  readonly #queuedLists = new Map<Table, Promise<unknown>>();
  #lastSubscriptions: readonly SubscriptionEntry[] = [];
  #auditTimer: NodeJS.Timeout | undefined;
  #giveUpTimer: NodeJS.Timeout | undefined;
  #stockTaken = false;
  #closing = false;

  constructor(options: AgentOptions) {
    const { log, metrics } = options;
    this.#log = log;
    this.#metrics = metrics;
    this.#joins = options.joins;
    this.#driver = new Driver(options.transport, (command, seconds, ok) => metrics.command(command, seconds, ok));
    this.#lane = new Lane(options.laneCapacity === undefined ? {} : { capacity: options.laneCapacity });
    this.#filters = new MulticastFilterMap(options.joins, log);
    this.#flows = new Flows(this.#driver, log);
    this.#selfMaps = new SelfMaps(this.#driver, log);
    this.#subscriptions = new Subscriptions(this.#driver, this.#view, new Members(), this.#selfMaps, log);
    this.#mappings = new Mappings(
      this.#driver,
      this.#view,
      this.#filters,
      this.#subscriptions,
      this.#flows,
      this.#selfMaps,
      log,
    );
    this.#forwarding = new Forwarding(this.#driver, log);
    this.#ports = new PortManager(this.#driver, options.datalinks, options.underlayIp, log);
    this.#vmms = new Vmms(this.#driver, this.#ports, this.#subscriptions, this.#flows, log);
    this.#auditMode = options.auditMode ?? "repair";
    this.#auditInterval = options.auditInterval ?? 0;
    this.#audit = new Audit({
      driver: this.#driver,
      view: this.#view,
      mappings: this.#mappings,
      forwarding: this.#forwarding,
      subscriptions: this.#subscriptions,
      log,
      isOurs: (port) => this.#vmms.ownerOf(port) !== undefined,
    });
    this.#repairs = new Repairs(
      () => this.#lane.run("repair", () => this.#repairAll()),
      () => brokenCount(this.#parts),
    );
    metrics.watch(SIZE_HELP, () => sizes(this.#parts));
  }

  /** Brings the sled from what the driver holds to what follows from it. Resolves when each step has been tried. */
  async start(): Promise<void> {
    this.#giveUpTimer = setInterval(() => this.#giveUpLate(), 1000).unref();
    for (let pause = 250; !this.#closing; pause = Math.min(2 * pause, 10_000)) {
      try {
        await this.#lane.run("start", async () => {
          if (!this.#stockTaken) await this.#takeStock();
        });
        break;
      } catch (error) {
        this.#readiness.waiting("driver", messageOf(error));
        this.#log.warn({ error: messageOf(error) }, "the driver does not answer; trying again");
        await new Promise((resolve) => setTimeout(resolve, pause).unref());
      }
    }
    this.#repairs.wake();
    if (this.#auditInterval > 0 && !this.#closing) this.#scheduleAudit();
  }

  async #takeStock(): Promise<void> {
    const found = await this.#mappings.takeStock();
    this.#readiness.done("driver", `${this.#driver.info.kind}, API version ${this.#driver.info.apiVersion}`);
    this.#readiness.done("mappings", `${found} found in the driver`);
    const failed = this.#filters.degraded.length;
    this.#readiness.done("joins", failed === 0 ? "all joined" : `${failed} underlay groups not joined`);
    const entries = await this.#forwarding.refresh();
    this.#readiness.done("forwarding", `${entries.length} found in the driver`);
    this.#stockTaken = true;
    const now = performance.now();
    this.#seen = { m2p: now, forwarding: now };
  }

  setMapping(mapping: M2pMapping): Promise<void> {
    return this.#change("set_m2p", () => this.#mappings.set(mapping));
  }

  clearMapping(mapping: M2pMapping): Promise<void> {
    return this.#change("clear_m2p", () => this.#mappings.clear(mapping));
  }

  listMappings(): Promise<Listed<M2pMapping>> {
    return this.#list(
      "list_m2p",
      "m2p",
      () => this.#mappings.refresh(),
      () => this.#view.list(),
    );
  }

  setForwarding(entry: ForwardingEntry): Promise<void> {
    return this.#change("set_fwd", () => this.#forwarding.set(entry));
  }

  clearForwarding(underlay: UnderlayGroup): Promise<void> {
    return this.#change("clear_fwd", () => this.#forwarding.clear(underlay));
  }

  listForwarding(): Promise<Listed<ForwardingEntry>> {
    return this.#list(
      "list_fwd",
      "forwarding",
      () => this.#forwarding.refresh(),
      () => this.#forwarding.view.list(),
    );
  }

  listSubscriptions(): Promise<Listed<SubscriptionEntry>> {
    const fresh = async () => {
      this.#lastSubscriptions = await this.#driver.dumpMcastSubscriptions();
      return this.#lastSubscriptions;
    };
    return this.#list("list_subs", "subscriptions", fresh, () => this.#lastSubscriptions);
  }

  listFilters(): FilterEntry[] {
    return this.#filters.list();
  }

  listPorts(): Promise<PortSummary[]> {
    return this.#change("list_ports", () => summarizePorts(this.#driver, this.#ports, this.#vmms));
  }

  join(id: Uuid, membership: Membership): Promise<void> {
    return this.#change("join", () => this.#vmms.join(id, membership));
  }

  leave(id: Uuid, group: MulticastAddr): Promise<void> {
    return this.#change("leave", () => this.#vmms.leave(id, group));
  }

  register(id: Uuid, registration: Registration): Promise<Vmm> {
    return this.#change("register", () => this.#vmms.register(id, registration));
  }

  unregister(id: Uuid): Promise<Vmm | undefined> {
    return this.#change("unregister", () => this.#vmms.unregister(id));
  }

  putVmmState(id: Uuid, state: VmmState): Promise<Vmm> {
    return this.#change("put_state", async () => this.#vmms.putState(id, state));
  }

  adopt(id: Uuid, ports: readonly string[], primary: string): Promise<void> {
    return this.#change("adopt", () => this.#vmms.adopt(id, ports, primary));
  }

  vmm(id: Uuid): Vmm {
    return this.#vmms.require(id);
  }

  listVmms(): Vmm[] {
    return this.#vmms.list();
  }

  memberships(id: Uuid): MembershipStatus[] {
    return this.#vmms.memberships(this.#vmms.require(id));
  }

  /** One table after another, each a step of the lane of its own. */
  async audit(): Promise<AuditReport> {
    const since = performance.now();
    const mode = this.#auditMode;
    // What is known to be broken is tried first, so that the report is about what was not known.
    if (mode === "repair") await this.repair();
    const findings: Finding[] = [];
    for (const part of this.#audit.parts) findings.push(...(await this.#change("audit", () => part(mode))));
    for (const { what, repaired } of findings) this.#metrics.finding(what, repaired);
    const seconds = (performance.now() - since) / 1000;
    const report: AuditReport = { time: new Date().toISOString(), mode, seconds, findings };
    // One that found something is not to be pushed out by those that did not.
    const kept = this.#reports.filter((one, i) => i > 0 || one.findings.length > 0);
    this.#reports = [report, ...kept].slice(0, REPORTS_KEPT);
    return report;
  }

  /** Tries again everything that failed, now. */
  repair(): Promise<void> {
    return this.#change("repair", () => this.#repairAll());
  }

  get readiness() {
    const degraded = degradedThings(this.#parts);
    return { ready: this.#readiness.ready, steps: this.#readiness.steps, degraded, running: this.#lane.running };
  }

  status(): AgentStatus {
    return statusOf(this.#parts, this.#reports);
  }

  /** Lets what is under way end, and ends. The driver's state stays. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#auditTimer);
    clearInterval(this.#giveUpTimer);
    this.#repairs.close();
    await this.#lane.idle();
    await this.#joins.close();
    await this.#driver.close();
  }

  get #parts(): StatusParts {
    return {
      driver: this.#driver,
      joins: this.#joins,
      lane: this.#lane,
      view: this.#view,
      filters: this.#filters,
      flows: this.#flows,
      subscriptions: this.#subscriptions,
      mappings: this.#mappings,
      selfMaps: this.#selfMaps,
      forwarding: this.#forwarding,
      ports: this.#ports,
      vmms: this.#vmms,
    };
  }

  async #change<T>(name: string, operation: () => Promise<T>): Promise<T> {
    const timed = async () => {
      const since = performance.now();
      let outcome = "ok";
      try {
        // Without knowing what the driver holds, no operation could tell what it changes.
        if (!this.#stockTaken) await this.#takeStock();
        return await operation();
      } catch (error) {
        outcome = error instanceof SledcastError ? error.kind : "internal";
        throw error;
      } finally {
        this.#metrics.operation(name, outcome, (performance.now() - since) / 1000);
      }
    };
    try {
      return await this.#lane.run(name, timed);
    } finally {
      this.#repairs.wake();
    }
  }

  /** Answers those whom a driver that does not answer has kept for too long. */
  #giveUpLate(): void {
    this.#lane.giveUpAfter(ANSWER_WITHIN_S, (name) => {
      const busy = this.#driver.busyWith;
      const what = busy === undefined ? "other operations" : `${busy.command}, for ${busy.seconds.toFixed(0)} s now`;
      const message = `${name} has no answer in ${ANSWER_WITHIN_S} s: the driver is busy with ${what}; the operation stays in line and may still take effect`;
      return new SledcastError("driver-unavailable", message);
    });
  }

  /**
   * From a fresh dump; from what was seen last, with its age, where the driver does not answer in
   * time or the lane is full. A table that was never read is waited for.
   */
  async #list<T>(
    name: string,
    table: Table,
    fresh: () => Promise<readonly T[]>,
    last: () => readonly T[],
  ): Promise<Listed<T>> {
    const stale = (): Listed<T> | undefined => {
      const seen = this.#seen[table];
      return seen === undefined ? undefined : { entries: last(), age: Math.ceil((performance.now() - seen) / 1000) };
    };
    const dump = this.#dumpOnce(name, table, fresh).catch((error: unknown) => {
      const known = error instanceof SledcastError && error.kind === "lane-full" ? stale() : undefined;
      if (known === undefined) throw error;
      return known;
    });
    if (this.#seen[table] === undefined) return dump;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Listed<T>>((resolve) => {
      timer = setTimeout(() => resolve(stale() as Listed<T>), FRESH_WITHIN_MS);
    });
    // A dump that fails after its time is nobody's error any more.
    dump.catch(() => {});
    return Promise.race([dump, late]).finally(() => clearTimeout(timer));
  }

  /** Requests that come while a dump still waits for its turn share it. */
  #dumpOnce<T>(name: string, table: Table, fresh: () => Promise<readonly T[]>): Promise<Listed<T>> {
    const queued = this.#queuedLists.get(table);
    if (queued !== undefined) return queued as Promise<Listed<T>>;
    let begun = false;
    const dump = this.#change(name, async () => {
      begun = true;
      this.#queuedLists.delete(table);
      const entries = await fresh();
      this.#seen[table] = performance.now();
      return { entries };
    });
    if (begun) return dump;
    this.#queuedLists.set(table, dump);
    dump.catch(() => this.#queuedLists.delete(table));
    return dump;
  }

  async #repairAll(): Promise<void> {
    await this.#mappings.repair();
    await this.#subscriptions.repair();
    await this.#flows.repair();
    await this.#ports.repair();
  }

  #scheduleAudit(): void {
    this.#auditTimer = setTimeout(async () => {
      try {
        await this.audit();
      } catch (error) {
        this.#log.warn({ error: messageOf(error) }, "the audit did not run to its end");
      }
      if (!this.#closing) this.#scheduleAudit();
    }, this.#auditInterval * 1000);
    this.#auditTimer.unref();
  }
}
