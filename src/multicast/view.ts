/**
 * The driver's M2P and forwarding tables as this program last knew them. Only the lane changes
 * it; a dump replaces it. It exists so that no single operation has to read a whole table.
 */

import type { UnderlayGroup } from "../net/group.ts";
import { compareIp, type Ip } from "../net/ip.ts";
import type { ForwardingEntry, M2pMapping, NextHop } from "../opte/types.ts";
import { ReturningMap } from "../returning-map.ts";
import { sameHop, sameHops } from "./hops.ts";

/** What a fresh dump says that the view did not. */
export interface MappingChange {
  readonly group: Ip;
  readonly before: UnderlayGroup | undefined;
  readonly after: UnderlayGroup | undefined;
}

/** Likewise of an entry: its hops, or that it is gone. */
export interface ForwardingChange {
  readonly underlay: UnderlayGroup;
  readonly nextHops: readonly NextHop[] | undefined;
}

/** Mappings, as far as one asks for them group by group. */
export type SeenMappings = Pick<MappingView, "underlayOf" | "entries">;

const NO_GROUPS: ReadonlySet<Ip> = new Set();

export class MappingView {
  readonly #underlays = new ReturningMap<Ip, UnderlayGroup>();
  readonly #groups = new ReturningMap<UnderlayGroup, Set<Ip>>();
  /** Goes up with every change. */
  #generation = 0;
  #agreed: { readonly dump: readonly M2pMapping[]; readonly generation: number } | undefined;

  get size(): number {
    return this.#underlays.size;
  }

  /** Another number after every change. */
  get version(): number {
    return this.#generation;
  }

  underlayOf(group: Ip): UnderlayGroup | undefined {
    return this.#underlays.get(group);
  }

  groupsOn(underlay: UnderlayGroup): ReadonlySet<Ip> {
    return this.#groups.get(underlay) ?? NO_GROUPS;
  }

  entries(): Iterable<[Ip, UnderlayGroup]> {
    return this.#underlays;
  }

  list(): M2pMapping[] {
    return [...this.#underlays]
      .map(([group, underlay]) => ({ group, underlay }))
      .sort((a, b) => compareIp(a.group, b.group));
  }

  map(group: Ip, underlay: UnderlayGroup): void {
    if (this.#underlays.get(group) === underlay) return;
    this.unmap(group);
    this.#generation++;
    this.#underlays.set(group, underlay);
    const groups = this.#groups.get(underlay);
    if (groups === undefined) this.#groups.set(underlay, new Set([group]));
    else groups.add(group);
  }

  unmap(group: Ip): void {
    const underlay = this.#underlays.get(group);
    if (underlay === undefined) return;
    this.#generation++;
    this.#underlays.delete(group);
    const groups = this.#groups.get(underlay);
    groups?.delete(group);
    if (groups?.size === 0) this.#groups.delete(underlay);
  }

  /** The view was brought to say what the dump says. */
  agreed(dump: readonly M2pMapping[]): void {
    this.#agreed = { dump, generation: this.#generation };
  }

  /** Whether the dump equals the one last agreed with, and the view is as it was then: a look at each entry, not a look-up. */
  agreesWith(dump: readonly M2pMapping[]): boolean {
    const last = this.#agreed;
    if (last === undefined || last.generation !== this.#generation || last.dump.length !== dump.length) return false;
    return dump.every((mapping, i) => {
      const other = last.dump[i];
      return mapping === other || (mapping.group === other?.group && mapping.underlay === other.underlay);
    });
  }

  /** Where the dump and the view differ. */
  differences(dump: readonly M2pMapping[]): MappingChange[] {
    // At the start nothing is known, and looking ten thousand groups up to find that would take its time.
    if (this.#underlays.size === 0)
      return dump.map(({ group, underlay: after }) => ({ group, before: undefined, after }));
    const changes: MappingChange[] = [];
    for (const { group, underlay } of dump) {
      const before = this.#underlays.get(group);
      if (before !== underlay) changes.push({ group, before, after: underlay });
    }
    const added = changes.filter((change) => change.before === undefined).length;
    if (this.#underlays.size + added === dump.length) return changes;
    const dumped = new Set(dump.map(({ group }) => group));
    const gone: MappingChange[] = [];
    for (const [group, before] of this.#underlays) {
      if (!dumped.has(group)) gone.push({ group, before, after: undefined });
    }
    // Newest first: in that order their filters are left in a fiftieth of the time (host/socket-packing.ts).
    return [...changes, ...gone.reverse()];
  }
}

/** What a configuration is compared with, what is shown while the driver does not answer, and what tells what others changed. */
export class ForwardingView {
  #entries = new Map<UnderlayGroup, readonly NextHop[]>();
  #version = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Another number after every change. */
  get version(): number {
    return this.#version;
  }

  /** Answers what changed by that. */
  replace(dump: readonly ForwardingEntry[]): ForwardingChange[] {
    const before = this.#entries;
    const changes: ForwardingChange[] = [];
    let known = 0;
    for (const { underlay, nextHops } of dump) {
      const hops = before.get(underlay);
      if (hops !== undefined) known++;
      if (hops === undefined || !sameHops(hops, nextHops)) changes.push({ underlay, nextHops });
    }
    if (changes.length === 0 && known === before.size) return changes;
    this.#version++;
    this.#entries = new Map(dump.map(({ underlay, nextHops }) => [underlay, nextHops]));
    if (known === before.size) return changes;
    const gone = [...before.keys()].filter((underlay) => !this.#entries.has(underlay));
    return [...changes, ...gone.map((underlay) => ({ underlay, nextHops: undefined }))];
  }

  /** Hops named are added or replaced, as the driver does it. Answers all of them if that changed anything. */
  add({ underlay, nextHops }: ForwardingEntry): readonly NextHop[] | undefined {
    const before = this.#entries.get(underlay);
    const hops = new Map(before?.map((hop) => [hop.addr, hop]));
    let changed = before === undefined;
    for (const hop of nextHops) {
      const old = hops.get(hop.addr);
      changed ||= !sameHop(old, hop);
      hops.set(hop.addr, hop);
    }
    if (!changed) return undefined;
    this.#version++;
    const all = [...hops.values()];
    this.#entries.set(underlay, all);
    return all;
  }

  delete(underlay: UnderlayGroup): boolean {
    this.#version++;
    return this.#entries.delete(underlay);
  }

  /** Undefined: there is no entry. */
  hopsOf(underlay: UnderlayGroup): readonly NextHop[] | undefined {
    return this.#entries.get(underlay);
  }

  *entries(): Iterable<ForwardingEntry> {
    for (const [underlay, nextHops] of this.#entries) yield { underlay, nextHops };
  }

  list(): ForwardingEntry[] {
    const byAddress = (hops: readonly NextHop[]) => [...hops].sort((a, b) => compareIp(a.addr, b.addr));
    return [...this.#entries]
      .map(([underlay, hops]) => ({ underlay, nextHops: byAddress(hops) }))
      .sort((a, b) => compareIp(a.underlay, b.underlay));
  }
}
