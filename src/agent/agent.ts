/**
 * SledAgent: the one facade over everything this sled does about multicast. Its callers hand in
 * parsed values and get an answer that is true when it is given; every change runs in the lane.
 */
import type { AuditMode } from "../config.ts";
import { messageOf } from "../error.ts";
import type { EventLog } from "../events.ts";
import type { ConfigOutcome } from "../multicast/config-in-force.ts";
import type { DeclaredConfig } from "../multicast/declared.ts";
import type { FilterEntry } from "../multicast/filter-map.ts";
import type { MulticastAddr, UnderlayGroup } from "../net/group.ts";
import { familiesOf } from "../opte/kstat-families.ts";
import type { XdeCounters } from "../opte/kstats.ts";
import type { ForwardingEntry, M2pMapping, SubscriptionEntry } from "../opte/types.ts";
import type { Uuid } from "../uuid.ts";
import type { Membership, Registration, Vmm, VmmState } from "../vmm/vmm.ts";
import type { MembershipStatus } from "../vmm/vmms.ts";
import { Audit } from "./audit.ts";
import { Audits } from "./audits.ts";
import type { AuditReport } from "./finding.ts";
import { bytesOfConfig, bytesOfEntry, bytesOfNames, bytesOfRegistration } from "./held-bytes.ts";
import { type Listed, Lists } from "./lists.ts";
import { Network } from "./network.ts";
import { Operations } from "./operations.ts";
import { assemble, type Parts, repairAll, type Surroundings } from "./parts.ts";
import type { PortSummary } from "./port-list.ts";
import { Readiness } from "./readiness.ts";
import { Repairs } from "./repairs.ts";
import { StartUp } from "./start-up.ts";
import {
  type AgentStatus,
  brokenCount,
  degradedThings,
  LOAD_HELP,
  load,
  SIZE_HELP,
  sizes,
  statusOf,
} from "./status.ts";

export interface AgentOptions extends Surroundings {
  /** Seconds between audits; 0: only on request. */
  readonly auditInterval?: number;
  readonly auditMode?: AuditMode;
}

export class SledAgent {
  /** What concerns ports' networks beside multicast. */
  readonly network: Network;
  readonly #parts: Parts;
  readonly #operations: Operations;
  readonly #lists: Lists;
  readonly #audits: Audits;
  readonly #repairs: Repairs;
  readonly #readiness = new Readiness();
  readonly #startUp: StartUp;
  #everySecond: NodeJS.Timeout | undefined;
  /** NICs changed while the start was not through, which may have looked at them before. */
  #nicsUnseen = false;
  #closing = false;

  constructor(options: AgentOptions) {
    const { log, metrics, auditMode: mode = "repair", auditInterval: interval = 0 } = options;
    const parts = assemble(options);
    const change = <T>(name: string, operation: () => Promise<T>) => this.#operations.asked(name, operation);
    this.#parts = parts;
    this.#operations = new Operations(parts, metrics, {
      before: () => this.#bringUp(),
      after: () => this.#repairs.wake(),
    });
    this.#startUp = new StartUp(parts, this.#readiness);
    this.#lists = new Lists(parts, change);
    this.network = new Network(parts, this.#operations, this.#lists);
    const audit = new Audit(parts);
    this.#audits = new Audits({
      audit,
      mode,
      interval,
      change: (name, operation) => this.#operations.own(name, operation),
      repair: () => repairAll(parts),
      metrics,
      log,
      tell: parts.events.tell,
    });
    this.#repairs = new Repairs(
      () => parts.lane.runOwn("repair", () => repairAll(parts)),
      () => brokenCount(parts),
    );
    metrics.watch(SIZE_HELP, () => sizes(parts));
    metrics.watch(LOAD_HELP, () => load(parts));
    metrics.watchFamilies(async () => familiesOf(await parts.kstats.read()));
    options.transport.onReturn?.(() => void this.#driverReturned());
    parts.joins.watch(() => this.#nicsChanged());
  }

  /** Brings the sled from what the driver holds to what follows from it. Resolves when each step has been tried. */
  async start(): Promise<void> {
    const { lane, log, slowCommands, datalinks } = this.#parts;
    this.#everySecond = setInterval(() => {
      for (const slow of [slowCommands, datalinks]) slow.look();
      this.#operations.giveUpLate();
    }, 1000).unref();
    for (let pause = 250; !this.#closing; pause = Math.min(2 * pause, 10_000)) {
      try {
        await lane.runOwn("start", () => this.#bringUp());
        break;
      } catch (error) {
        this.#readiness.waiting(this.#startUp.step, messageOf(error));
        const what = this.#startUp.step === "driver" ? "the driver does not answer" : "the NICs cannot be looked at";
        log.warn({ error: messageOf(error) }, `${what}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, pause).unref());
      }
    }
    this.#repairs.wake();
    this.#audits.schedule();
    if (this.#nicsUnseen) void this.#nicsChanged();
  }

  /** From now on audits run like this. */
  followAudits(mode: AuditMode, interval: number): void {
    this.#audits.follow(mode, interval);
  }

  /** Its tables can be empty now, or others': all of them are held against what should be. */
  async #driverReturned(): Promise<void> {
    if (!this.#startUp.done || this.#closing) return;
    try {
      await this.#audits.run();
    } catch (error) {
      this.#parts.log.warn({ error: messageOf(error) }, "the driver came back and went away again");
    }
  }

  /** A NIC came, went, or may have lost its memberships. */
  async #nicsChanged(): Promise<void> {
    this.#nicsUnseen = !this.#startUp.done;
    if (this.#nicsUnseen || this.#closing) return;
    try {
      await this.#audits.runNics();
    } catch (error) {
      this.#parts.log.warn({ error: messageOf(error) }, "a change of the host's NICs could not be looked into yet");
      setTimeout(() => this.#parts.joins.lookAgain(), 1000).unref();
    }
  }

  /** No operation could tell what it changes without knowing what the driver holds, so each waits for this. */
  async #bringUp(): Promise<void> {
    if (this.#startUp.done) return;
    await this.#startUp.run();
    this.#parts.events.begin();
    await this.#lists.begin();
  }

  setMapping(mapping: M2pMapping): Promise<void> {
    return this.#changeSingle("set_m2p", () => this.#parts.mappings.set(mapping));
  }

  clearMapping(mapping: M2pMapping): Promise<void> {
    return this.#changeSingle("clear_m2p", () => this.#parts.mappings.clear(mapping));
  }

  listMappings(): Promise<Listed<M2pMapping>> {
    return this.#lists.mappings();
  }

  setForwarding(entry: ForwardingEntry): Promise<void> {
    return this.#changeSingle("set_fwd", () => this.#parts.forwarding.set(entry), bytesOfEntry(entry));
  }

  clearForwarding(underlay: UnderlayGroup): Promise<void> {
    return this.#changeSingle("clear_fwd", () => this.#parts.forwarding.clear(underlay));
  }

  listForwarding(): Promise<Listed<ForwardingEntry>> {
    return this.#lists.forwarding();
  }

  /** The configuration in force; throws where there is none. */
  get config(): DeclaredConfig {
    return this.#parts.config.require();
  }

  putConfig(config: DeclaredConfig): Promise<ConfigOutcome> {
    return this.#operations.asked("put_config", () => this.#parts.config.put(config), bytesOfConfig(config));
  }

  releaseConfig(): Promise<void> {
    return this.#operations.asked("release_config", () => this.#parts.config.release());
  }

  listSubscriptions(): Promise<Listed<SubscriptionEntry>> {
    return this.#lists.subscriptions();
  }

  listFilters(): FilterEntry[] {
    return this.#parts.filters.list();
  }

  listPorts(): Promise<Listed<PortSummary>> {
    return this.#lists.ports();
  }

  /** The driver's counters now; undefined where this host has none. */
  counters(): Promise<XdeCounters | undefined> {
    return this.#parts.kstats.read();
  }

  join(id: Uuid, membership: Membership): Promise<void> {
    return this.#operations.asked("join", () => this.#parts.vmms.join(id, membership));
  }

  leave(id: Uuid, group: MulticastAddr): Promise<void> {
    return this.#operations.asked("leave", () => this.#parts.vmms.leave(id, group));
  }

  register(id: Uuid, registration: Registration): Promise<Vmm> {
    const register = () => this.#parts.vmms.register(id, registration);
    return this.#operations.asked("register", register, bytesOfRegistration(registration));
  }

  unregister(id: Uuid): Promise<Vmm | undefined> {
    return this.#operations.asked("unregister", () => this.#parts.vmms.unregister(id));
  }

  putVmmState(id: Uuid, state: VmmState): Promise<Vmm> {
    return this.#operations.asked("put_state", () => this.#parts.vmms.putState(id, state));
  }

  adopt(id: Uuid, ports: readonly string[], primary: string): Promise<void> {
    return this.#operations.asked("adopt", () => this.#parts.vmms.adopt(id, ports, primary), bytesOfNames(ports));
  }

  vmm(id: Uuid): Vmm {
    return this.#parts.vmms.require(id);
  }

  /** What a VMM was registered with, as it was sent. */
  registrationOf(id: Uuid): string {
    return this.#parts.vmms.registrationOf(id);
  }

  listVmms(): Vmm[] {
    return this.#parts.vmms.list();
  }

  memberships(id: Uuid): MembershipStatus[] {
    return this.#parts.vmms.memberships(this.#parts.vmms.require(id));
  }

  audit(): Promise<AuditReport> {
    return this.#audits.run((name, operation) => this.#operations.asked(name, operation));
  }

  /** Tries again everything that failed, now. */
  repair(): Promise<void> {
    return this.#operations.asked("repair", () => repairAll(this.#parts));
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
    clearInterval(this.#everySecond);
    this.#audits.close();
    this.#repairs.close();
    await this.#parts.lane.idle();
    await this.#parts.joins.close();
    await this.#parts.driver.close();
    await this.#parts.ledger.close();
  }

  /** A mapping or a forwarding entry by itself, which is not to be changed while a configuration is in force. */
  #changeSingle(name: string, operation: () => Promise<void>, bytes?: number): Promise<void> {
    const change = () => {
      this.#parts.config.refuseSingleChange();
      return operation();
    };
    return this.#operations.asked(name, change, bytes);
  }
}
