/**
 * The audit: the driver's tables and the NICs' memberships held against what should be. Mappings and
 * forwarding are the driver's to say and are taken up; memberships are ours and are repaired; what
 * is foreign is left. In observe mode it only reports.
 */
import type { AuditMode } from "../config.ts";
import { messageOf } from "../error.ts";
import type { NicDrift } from "../host/joins.ts";
import type { Log } from "../log.ts";
import type { FilterHolding } from "../multicast/filter-holding.ts";
import type { MulticastFilterMap } from "../multicast/filter-map.ts";
import type { Forwarding } from "../multicast/forwarding.ts";
import type { Mappings } from "../multicast/mappings.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { MappingView } from "../multicast/view.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Driver } from "../opte/driver.ts";
import { type SourceFilter, sameFilter } from "../opte/filter.ts";
import type { Underlay } from "./underlay.ts";

export interface Finding {
  readonly what:
    | NicDrift["what"]
    | "underlay-unset"
    | "mapping-taken-up"
    | "subscription-missing"
    | "subscription-differs"
    | "subscription-unexplained"
    | "foreign-subscriptions-changed"
    | "port-appeared";
  readonly subject: Readonly<Record<string, string | undefined>>;
  /** Whether it is in order now; in observe mode nothing is. */
  readonly repaired: boolean;
  readonly error?: string;
}

export interface AuditReport {
  readonly time: string;
  readonly mode: AuditMode;
  readonly seconds: number;
  readonly findings: readonly Finding[];
}

export interface AuditParts {
  readonly driver: Driver;
  readonly underlay: Underlay;
  readonly view: MappingView;
  readonly filters: MulticastFilterMap;
  readonly holding: FilterHolding;
  readonly mappings: Mappings;
  readonly forwarding: Forwarding;
  readonly subscriptions: Subscriptions;
  readonly log: Log;
  /** Whether a port is of a VMM here. */
  readonly isOurs: (port: string) => boolean;
}

type Subject = Finding["subject"];

/** What is not found by audits alone has words of its own. */
const SAID: Partial<Record<Finding["what"], string>> = {
  "nic-returned": "NIC is there; its groups are joined on it",
  "filter-lost": "memberships that the kernel had lost are joined again",
};

/** A part of the audit, to be run in the lane. */
export type AuditPart = (mode: AuditMode) => Promise<Finding[]>;

export class Audit {
  readonly #parts: AuditParts;
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
      const note: Note = async (what, subject, repair) => {
        findings.push(await this.#settle(mode, what, subject, repair));
      };
      await part.call(this, note, mode);
      return findings;
    };
  }

  async #settle(
    mode: AuditMode,
    what: Finding["what"],
    subject: Subject,
    repair: () => Promise<void>,
  ): Promise<Finding> {
    const { log } = this.#parts;
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

  async #mappings(note: Note): Promise<void> {
    const { view, mappings, filters } = this.#parts;
    for (const change of view.differences(await mappings.dump())) {
      const { group, before, after } = change;
      await note("mapping-taken-up", { group, before, underlay: after }, () => mappings.takeUp([change]));
    }
    filters.sayWhatFailed();
  }

  /** Nothing hangs on the forwarding table here; it is only looked at, so that what is shown is what is there. */
  async #forwarding(): Promise<void> {
    await this.#parts.forwarding.refresh();
  }

  /** Ports that memberships wait for can come at any time: their owner makes them without telling us. */
  async #ports(note: Note): Promise<void> {
    const { driver, subscriptions, view } = this.#parts;
    const waiting = new Set<string>();
    for (const { port, group, status } of subscriptions.members.all()) {
      if (status.state === "pending" && view.underlayOf(group) !== undefined) waiting.add(port);
    }
    if (waiting.size === 0) return;
    for (const { name } of await driver.listPorts()) {
      if (waiting.has(name)) await note("port-appeared", { port: name }, () => subscriptions.wakePending(name));
    }
  }

  async #subscriptions(note: Note): Promise<void> {
    const { driver, subscriptions, holding, isOurs } = this.#parts;
    const expected = this.#expected();
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
        } else if (want === undefined && isOurs(port)) {
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
  #expected(): Map<UnderlayGroup, Map<string, SourceFilter>> {
    const { subscriptions, view } = this.#parts;
    const expected = new Map<UnderlayGroup, Map<string, SourceFilter>>();
    for (const { port, group, status } of subscriptions.members.all()) {
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
