/**
 * The audit: the driver's tables and the NICs' memberships held against what should be. Memberships
 * are ours and are repaired; mappings and forwarding are repaired where a configuration is in force,
 * else they are the driver's to say and are taken up; what is foreign is left. In observe mode it
 * only reports.
 */
import type { AuditMode } from "../config.ts";
import { isKind, messageOf } from "../error.ts";
import type { NicDrift } from "../host/joins.ts";
import { Share } from "../host/turns.ts";
import { type Log, NO_LOG } from "../log.ts";
import type { ConfigInForce } from "../multicast/config-in-force.ts";
import type { Step } from "../multicast/convergence.ts";
import type { FilterHolding } from "../multicast/filter-holding.ts";
import type { MulticastFilterMap } from "../multicast/filter-map.ts";
import type { Flows } from "../multicast/flows.ts";
import type { Forwarding } from "../multicast/forwarding.ts";
import type { Mappings } from "../multicast/mappings.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { MappingView } from "../multicast/view.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Driver } from "../opte/driver.ts";
import { type SourceFilter, sameFilter } from "../opte/filter.ts";
import type { PortManager } from "../ports/manager.ts";
import type { Vmms } from "../vmm/vmms.ts";
import type { Finding } from "./finding.ts";
import type { Underlay } from "./underlay.ts";

export interface AuditParts {
  readonly driver: Driver;
  readonly underlay: Underlay;
  readonly view: MappingView;
  readonly filters: MulticastFilterMap;
  readonly holding: FilterHolding;
  readonly mappings: Mappings;
  readonly forwarding: Forwarding;
  readonly flows: Flows;
  readonly config: ConfigInForce;
  readonly subscriptions: Subscriptions;
  readonly ports: PortManager;
  readonly vmms: Vmms;
  readonly log: Log;
}

type Subject = Finding["subject"];

/** What is not found by audits alone has words of its own. */
const SAID: Partial<Record<Finding["what"], string>> = {
  "nic-returned": "NIC is there; its groups are joined on it",
  "port-gone": "the driver has lost a port of ours; its memberships wait until there is one of that name",
  "filter-lost": "memberships that the kernel had lost are joined again",
};

/** A part of the audit, to be run in the lane. */
export type AuditPart = (mode: AuditMode) => Promise<Finding[]>;

/** What is found by the thousand (an emptied driver) is logged so often, by kind, and then counted. */
const LOGGED = 100;

export class Audit {
  readonly #parts: AuditParts;
  /** Ports of VMMs that the driver has not, and that was said. */
  #gone: ReadonlySet<string> = new Set();
  /** The NICs alone, which is all that a change of a NIC asks for. */
  readonly nics: AuditPart;
  /**
   * A part for each table, to be run one after another, so that others get their turn in the lane
   * between them. A driver that does not answer ends the audit with its error; the NICs do not wait for it.
   */
  readonly parts: readonly AuditPart[];

  constructor(parts: AuditParts) {
    this.#parts = parts;
    const [nics, ...tables] = [
      this.#nics,
      this.#underlay,
      this.#mappings,
      this.#forwarding,
      this.#ports,
      this.#subscriptions,
    ].map((part) => this.#noting(part)) as [AuditPart, ...AuditPart[]];
    this.nics = nics;
    this.parts = [nics, ...tables];
  }

  #noting(part: (note: Note, mode: AuditMode) => Promise<void>): AuditPart {
    return async (mode) => {
      const findings: Finding[] = [];
      const share = new Share();
      const counts = new Map<Finding["what"], number>();
      const note: Note = async (what, subject, repair) => {
        const count = (counts.get(what) ?? 0) + 1;
        counts.set(what, count);
        findings.push(await this.#settle(mode, what, subject, repair, count > LOGGED));
        await share.spent();
      };
      await this.#parts.flows.clearOnceAfter(() => part.call(this, note, mode));
      for (const [what, count] of counts) {
        if (count > LOGGED) this.#parts.log.info({ drift: what, more: count - LOGGED }, "audit found more of the same");
      }
      return findings;
    };
  }

  async #settle(
    mode: AuditMode,
    what: Finding["what"],
    subject: Subject,
    repair: () => Promise<void>,
    quiet: boolean,
  ): Promise<Finding> {
    const log = quiet ? NO_LOG : this.#parts.log;
    if (mode === "observe") {
      log.warn({ ...subject, drift: what }, "audit found drift; observe mode leaves it");
      return { what, subject, repaired: false };
    }
    try {
      await repair();
    } catch (error) {
      log.warn({ ...subject, drift: what, error: messageOf(error) }, "audit found drift and could not repair it");
      return { what, subject, repaired: false, error: messageOf(error) };
    }
    const fields = { ...subject, drift: what };
    if (what === "nic-gone") log.warn(fields, "NIC is gone; its groups are joined again when it returns");
    else log.info(fields, SAID[what] ?? "audit found drift and repaired it");
    return { what, subject, repaired: true };
  }

  async #nics(note: Note, mode: AuditMode): Promise<void> {
    const { filters, log } = this.#parts;
    let drifts: readonly NicDrift[];
    try {
      drifts = await filters.survey();
    } catch (error) {
      // Degraded from here on, and looked at again with growing pauses.
      log.warn({ error: messageOf(error) }, "the NICs could not be looked at; they are taken for what they were");
      return;
    }
    for (const drift of drifts) {
      const { what, nic, underlays } = drift;
      const [before, index] = [drift.before, drift.index].map((number) => number?.toString());
      await note(what, { nic, before, index, groups: `${underlays.length}` }, () => filters.mend(drift));
    }
    // What a NIC refused until now it may take after the change.
    if (mode === "repair") await filters.retry();
  }

  /** Looking is setting, so it is not for observers. */
  async #underlay(note: Note, mode: AuditMode): Promise<void> {
    const { underlay } = this.#parts;
    if (mode === "observe" || !(await underlay.set())) return;
    await note("underlay-unset", { devices: underlay.devices?.join(", ") }, async () => {});
  }

  /** Those of a configuration are held against it, not taken up. */
  async #mappings(note: Note): Promise<void> {
    const { view, mappings, filters, config } = this.#parts;
    if (config.current !== undefined) {
      await this.#config("mapping", note);
      return;
    }
    const dump = await mappings.dump();
    if (view.agreesWith(dump)) return;
    const changes = view.differences(dump);
    if (changes.length === 0) view.agreed(dump);
    for (const change of changes) {
      const { group, before, after } = change;
      await note("mapping-taken-up", { group, before, underlay: after }, () => mappings.takeUp([change]));
    }
    filters.sayWhatFailed();
  }

  /** Without a configuration it is only looked at, so that what is shown is what is there. */
  async #forwarding(note: Note): Promise<void> {
    const { config, forwarding } = this.#parts;
    if (config.current === undefined) await forwarding.refresh();
    else await this.#config("forwarding", note);
  }

  /** A driver that goes away meanwhile would be waited for once an entry: the rest is for the next audit. */
  async #config(thing: Step["thing"], note: Note): Promise<void> {
    const { config, flows } = this.#parts;
    let moved = false;
    let away = false;
    for (const step of await config.drift(thing)) {
      const { underlay } = step.entry;
      const subject = step.thing === "mapping" ? { group: step.entry.group, underlay } : { underlay };
      await note(`${step.thing}-${step.drift}`, subject, async () => {
        moved ||= step.thing === "mapping" && step.drift !== "missing";
        await config.take(step).catch((error: unknown) => {
          away = isKind(error, "driver-unavailable");
          throw error;
        });
      });
      if (away) break;
    }
    // The books never left the configuration, so nobody else has seen that packets went elsewhere for a while.
    if (moved) await flows.clear();
  }

  /** Ports of VMMs come and go without our doing: their owner makes them, a reboot takes them. */
  async #ports(note: Note): Promise<void> {
    const { driver, subscriptions, vmms, ports: manager } = this.#parts;
    for (const { ticket, reason } of manager.leftovers) {
      await note("port-left-over", { port: ticket.name, reason }, () => manager.finish(ticket));
    }
    if (vmms.size === 0) return;
    const ports = await driver.listPorts();
    for (const vmm of vmms.lost(ports)) {
      await note("vmm-lost", { propolis_id: vmm.id }, () => vmms.dropLost(vmm));
    }
    const there = new Set(ports.map(({ name }) => name));
    const ours = vmms.list().flatMap((vmm) => vmm.ports.map(({ name }) => ({ name, vmm })));
    const gone = ours.filter(({ name }) => !there.has(name));
    for (const { name, vmm } of gone) {
      if (this.#gone.has(name)) continue;
      await note("port-gone", { port: name, propolis_id: vmm.id }, () => subscriptions.awaitPort(name));
    }
    for (const { name } of ours) {
      if (this.#gone.has(name) && there.has(name) && manager.isOurs(name))
        await note("port-appeared", { port: name }, () => manager.setAgain(name));
    }
    this.#gone = new Set(gone.map(({ name }) => name));
    for (const name of this.#waiting()) {
      if (there.has(name)) await note("port-appeared", { port: name }, () => subscriptions.wakePending(name));
    }
  }

  /** Primary ports with memberships that wait although their mapping is there. */
  #waiting(): Set<string> {
    const { subscriptions, view } = this.#parts;
    const waiting = new Set<string>();
    for (const { port, group, status } of subscriptions.members.all()) {
      if (status.state === "pending" && view.underlayOf(group) !== undefined) waiting.add(port);
    }
    return waiting;
  }

  async #subscriptions(note: Note): Promise<void> {
    const { driver, subscriptions, holding, vmms } = this.#parts;
    const expected = await this.#expected();
    const dump = await driver.dumpMcastSubscriptions();
    const changed = holding.changesIn(dump).length;
    if (changed > 0) await note("foreign-subscriptions-changed", { groups: `${changed}` }, () => holding.follow(dump));
    for (const { underlay, subscribers } of dump) {
      for (const { port, filter } of subscribers) {
        const ports = expected.get(underlay);
        const want = ports?.get(port);
        ports?.delete(port);
        const repair = () => subscriptions.driver.settle(port, underlay);
        if (want !== undefined && !sameFilter(want, filter)) {
          await note("subscription-differs", { port, underlay }, repair);
        } else if (want === undefined && vmms.ownerOf(port) !== undefined) {
          await note("subscription-unexplained", { port, underlay }, repair);
        }
      }
    }
    for (const [underlay, ports] of expected) {
      for (const port of ports.keys()) {
        await note("subscription-missing", { port, underlay }, () => subscriptions.reapply(port, underlay));
      }
    }
  }

  /** What every port with an applied membership should have. Degraded and pending ones are not expected yet. */
  async #expected(): Promise<Map<UnderlayGroup, Map<string, SourceFilter>>> {
    const { subscriptions, view } = this.#parts;
    const expected = new Map<UnderlayGroup, Map<string, SourceFilter>>();
    const share = new Share();
    for (const { port, group, status } of subscriptions.members.all()) {
      await share.spent();
      const underlay = view.underlayOf(group);
      if (underlay === undefined || status.state !== "applied" || expected.get(underlay)?.has(port)) continue;
      const filter = subscriptions.driver.wanted(port, underlay);
      if (filter === undefined) continue;
      const ports = expected.get(underlay) ?? new Map<string, SourceFilter>();
      ports.set(port, filter);
      expected.set(underlay, ports);
    }
    return expected;
  }
}

type Note = (what: Finding["what"], subject: Subject, repair: () => Promise<void>) => Promise<void>;
