/**
 * SledAgent: the one facade over everything this sled does about multicast. Its callers hand in
 * parsed values and get an answer that is true when it is given; every change runs in the lane.
 */
import type { AuditMode } from "../config.ts";
import { messageOf, SledcastError } from "../error.ts";
import type { EventLog } from "../events.ts";
import type { Metrics } from "../metrics.ts";
import type { FilterEntry } from "../multicast/filter-map.ts";
import type { MulticastAddr, UnderlayGroup } from "../net/group.ts";
import type { ForwardingEntry, M2pMapping, SubscriptionEntry } from "../opte/types.ts";
import type { Uuid } from "../uuid.ts";
import type { Membership, Registration, Vmm, VmmState } from "../vmm/vmm.ts";
import type { MembershipStatus } from "../vmm/vmms.ts";
import { Audit, type AuditReport } from "./audit.ts";
import { Audits } from "./audits.ts";
import { type Listed, Lists } from "./lists.ts";
import { assemble, type Parts, repairAll, type Surroundings } from "./parts.ts";
import { type PortSummary, summarizePorts } from "./port-list.ts";
import { Readiness } from "./readiness.ts";
import { Repairs } from "./repairs.ts";
import { type AgentStatus, brokenCount, degradedThings, SIZE_HELP, sizes, statusOf } from "./status.ts";

export interface AgentOptions extends Surroundings {
  /** Seconds between audits; 0: only on request. */
  readonly auditInterval?: number;
  readonly auditMode?: AuditMode;
}

/** A client is not kept longer than this by a driver that does not answer; its operation stays in line. */
const ANSWER_WITHIN_S = 60;

export class SledAgent {
  readonly #parts: Parts;
  readonly #metrics: Metrics;
  readonly #lists: Lists;
  readonly #audits: Audits;
  readonly #repairs: Repairs;
  readonly #readiness = new Readiness();
  #giveUpTimer: NodeJS.Timeout | undefined;
  #stockTaken = false;
  /** NICs changed while the start was not through, which may have looked at them before. */
  #nicsUnseen = false;
  /** What the start is at. */
  #step: "driver" | "joins" = "joins";
  #closing = false;

  constructor(options: AgentOptions) {
    const { log, metrics, auditMode: mode = "repair", auditInterval: interval = 0 } = options;
    const parts = assemble(options);
    const change = <T>(name: string, operation: () => Promise<T>) => this.#change(name, operation);
    this.#parts = parts;
    this.#metrics = metrics;
    this.#lists = new Lists(parts, change);
    const audit = new Audit({ ...parts, isOurs: (port) => parts.vmms.ownerOf(port) !== undefined });
    this.#audits = new Audits({
      audit,
      mode,
      interval,
      change,
      repair: () => this.repair(),
      metrics,
      log,
      tell: parts.events.tell,
    });
    this.#repairs = new Repairs(
      () => parts.lane.run("repair", () => repairAll(parts)),
      () => brokenCount(parts),
    );
    metrics.watch(SIZE_HELP, () => sizes(parts));
    options.transport.onReturn?.(() => void this.#driverReturned());
    parts.joins.watch(() => this.#nicsChanged());
  }

  /** Brings the sled from what the driver holds to what follows from it. Resolves when each step has been tried. */
  async start(): Promise<void> {
    const { lane, log } = this.#parts;
    this.#giveUpTimer = setInterval(() => this.#giveUpLate(), 1000).unref();
    for (let pause = 250; !this.#closing; pause = Math.min(2 * pause, 10_000)) {
      try {
        await lane.run("start", async () => {
          if (!this.#stockTaken) await this.#takeStock();
        });
        break;
      } catch (error) {
        this.#readiness.waiting(this.#step, messageOf(error));
        const what = this.#step === "driver" ? "the driver does not answer" : "the NICs cannot be looked at";
        log.warn({ error: messageOf(error) }, `${what}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, pause).unref());
      }
    }
    this.#repairs.wake();
    this.#audits.schedule();
    if (this.#nicsUnseen) void this.#nicsChanged();
  }

  /** Its tables can be empty now, or others': all of them are held against what should be. */
  async #driverReturned(): Promise<void> {
    if (!this.#stockTaken || this.#closing) return;
    try {
      await this.#audits.run();
    } catch (error) {
      this.#parts.log.warn({ error: messageOf(error) }, "the driver came back and went away again");
    }
  }

  /** A NIC came, went, or may have lost its memberships. */
  async #nicsChanged(): Promise<void> {
    this.#nicsUnseen = !this.#stockTaken;
    if (this.#nicsUnseen || this.#closing) return;
    try {
      await this.#audits.runNics();
    } catch (error) {
      this.#parts.log.warn({ error: messageOf(error) }, "a change of the host's NICs could not be looked into yet");
      setTimeout(() => this.#parts.joins.lookAgain(), 1000).unref();
    }
  }

  async #takeStock(): Promise<void> {
    const { driver, underlay, mappings, filters, holding, forwarding, log } = this.#parts;
    this.#step = "joins";
    // The NICs as they are: nothing is joined yet, so there is nothing to say but what is missing.
    for (const drift of await filters.survey()) await filters.mend(drift);
    const missing = filters.missingNics;
    if (missing.length > 0)
      log.warn({ nics: missing }, "underlay NICs are missing; groups are joined on them when they come");
    this.#step = "driver";
    await underlay.set();
    if (holding.policy === "subscribed") await holding.follow(await driver.dumpMcastSubscriptions());
    const found = await mappings.takeStock();
    this.#readiness.done("driver", this.#driverText);
    this.#readiness.done("mappings", `${found} found in the driver`);
    const failed = filters.brokenCount;
    this.#readiness.done("joins", failed === 0 ? "all joined" : `${failed} underlay groups not joined on every NIC`);
    const entries = await forwarding.refresh();
    this.#readiness.done("forwarding", `${entries.length} found in the driver`);
    this.#stockTaken = true;
    this.#parts.events.begin();
    this.#lists.sawMappingsAndForwarding();
  }

  setMapping(mapping: M2pMapping): Promise<void> {
    return this.#change("set_m2p", () => this.#parts.mappings.set(mapping));
  }

  clearMapping(mapping: M2pMapping): Promise<void> {
    return this.#change("clear_m2p", () => this.#parts.mappings.clear(mapping));
  }

  listMappings(): Promise<Listed<M2pMapping>> {
    return this.#lists.mappings();
  }

  setForwarding(entry: ForwardingEntry): Promise<void> {
    return this.#change("set_fwd", () => this.#parts.forwarding.set(entry));
  }

  clearForwarding(underlay: UnderlayGroup): Promise<void> {
    return this.#change("clear_fwd", () => this.#parts.forwarding.clear(underlay));
  }

  listForwarding(): Promise<Listed<ForwardingEntry>> {
    return this.#lists.forwarding();
  }

  listSubscriptions(): Promise<Listed<SubscriptionEntry>> {
    return this.#lists.subscriptions();
  }

  listFilters(): FilterEntry[] {
    return this.#parts.filters.list();
  }

  listPorts(): Promise<PortSummary[]> {
    return this.#change("list_ports", () => summarizePorts(this.#parts));
  }

  join(id: Uuid, membership: Membership): Promise<void> {
    return this.#change("join", () => this.#parts.vmms.join(id, membership));
  }

  leave(id: Uuid, group: MulticastAddr): Promise<void> {
    return this.#change("leave", () => this.#parts.vmms.leave(id, group));
  }

  register(id: Uuid, registration: Registration): Promise<Vmm> {
    return this.#change("register", () => this.#parts.vmms.register(id, registration));
  }

  unregister(id: Uuid): Promise<Vmm | undefined> {
    return this.#change("unregister", () => this.#parts.vmms.unregister(id));
  }

  putVmmState(id: Uuid, state: VmmState): Promise<Vmm> {
    return this.#change("put_state", async () => this.#parts.vmms.putState(id, state));
  }

  adopt(id: Uuid, ports: readonly string[], primary: string): Promise<void> {
    return this.#change("adopt", () => this.#parts.vmms.adopt(id, ports, primary));
  }

  vmm(id: Uuid): Vmm {
    return this.#parts.vmms.require(id);
  }

  listVmms(): Vmm[] {
    return this.#parts.vmms.list();
  }

  memberships(id: Uuid): MembershipStatus[] {
    return this.#parts.vmms.memberships(this.#parts.vmms.require(id));
  }

  audit(): Promise<AuditReport> {
    return this.#audits.run();
  }

  /** Tries again everything that failed, now. */
  repair(): Promise<void> {
    return this.#change("repair", () => repairAll(this.#parts));
  }

  /** What changes from now on. */
  get events(): EventLog {
    return this.#parts.events;
  }

  get readiness() {
    const degraded = degradedThings(this.#parts);
    const { ready, steps } = this.#readiness;
    return { ready, steps: this.#withVersion(steps), degraded, running: this.#parts.lane.running };
  }

  /** The driver can be replaced by one of another version after the step was done. */
  #withVersion(steps: Readiness["steps"]): Readiness["steps"] {
    return steps.driver?.done ? { ...steps, driver: { done: true, detail: this.#driverText } } : steps;
  }

  get #driverText(): string {
    const { kind, apiVersion } = this.#parts.driver.info;
    return `${kind}, API version ${apiVersion}`;
  }

  status(): AgentStatus {
    return statusOf(this.#parts, this.#audits.reports);
  }

  /** Lets what is under way end, and ends. The driver's state stays. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#giveUpTimer);
    this.#audits.close();
    this.#repairs.close();
    await this.#parts.lane.idle();
    await this.#parts.joins.close();
    await this.#parts.driver.close();
  }

  #change<T>(name: string, operation: () => Promise<T>): Promise<T> {
    return this.#parts.lane.run(name, async () => {
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
        this.#repairs.wake();
      }
    });
  }

  /** Answers those whom a driver that does not answer has kept for too long. */
  #giveUpLate(): void {
    const { lane, driver } = this.#parts;
    lane.giveUpAfter(ANSWER_WITHIN_S, (name) => {
      const busy = driver.busyWith;
      const what = busy === undefined ? "other operations" : `${busy.command}, for ${busy.seconds.toFixed(0)} s now`;
      const message = `${name} has no answer in ${ANSWER_WITHIN_S} s: the driver is busy with ${what}; the operation stays in line and may still take effect`;
      return new SledcastError("driver-unavailable", message);
    });
  }
}
