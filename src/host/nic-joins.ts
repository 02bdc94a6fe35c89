/**
 * Underlay groups joined on the sled's NICs, over membership sockets: which socket a group is in,
 * under which index it was joined, and what a failure leaves behind. Its methods are called in the
 * lane, one at a time.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { ReturningMap } from "../returning-map.ts";
import { JoinAttempts } from "./join-attempts.ts";
import { joinReason } from "./join-reason.ts";
import { digitsOf, failedNic, type JoinedGroup, type JoinFailure, LOST, whyNotJoined } from "./joined-group.ts";
import {
  type BrokenJoin,
  JoinError,
  type NicDrift,
  type NicFailures,
  type NicState,
  notJoined,
  type UnderlayJoins,
} from "./joins.ts";
import { type MembershipTable, readMemberships } from "./membership-table.ts";
import { MembershipScript, type Memberships, type NetworkBinding } from "./memberships.ts";
import { Nics } from "./nics.ts";
import { SocketPacking } from "./socket-packing.ts";
import { SystemError } from "./system-error.ts";

/** Groups that go to native code at once: what is prepared for them holds the event loop up for a millisecond or two. */
const SLICE = 512;

export interface NicJoinsOptions {
  readonly binding: NetworkBinding & { readonly name: string };
  readonly nics: readonly string[];
  readonly log: Log;
  /** Where the kernel's table is read; left out: the host's. */
  readonly table?: (indexes: readonly number[]) => Promise<MembershipTable | undefined>;
}

export class NicJoins implements UnderlayJoins {
  readonly binding: string;
  readonly nics: readonly string[];
  readonly #nics: Nics;
  readonly #memberships: Memberships;
  readonly #packing: SocketPacking;
  readonly #attempts: JoinAttempts;
  readonly #readTable: (indexes: readonly number[]) => Promise<MembershipTable | undefined>;
  readonly #groups = new ReturningMap<UnderlayGroup, JoinedGroup>();
  readonly #broken = new Set<JoinedGroup>();
  /** The index of each NIC that the memberships were last brought in line with. */
  readonly #settled: number[];
  #joins = 0;

  constructor({ binding, nics, log, table = readMemberships }: NicJoinsOptions) {
    this.binding = binding.name;
    this.nics = nics;
    this.#nics = new Nics(binding, nics, log);
    this.#memberships = binding.openMemberships();
    this.#packing = new SocketPacking(nics.length);
    this.#attempts = new JoinAttempts(this.#memberships, this.#packing, this.#nics);
    this.#readTable = table;
    this.#settled = nics.map(() => 0);
  }

  get missing(): readonly string[] {
    return this.nics.filter((_, nic) => this.#nics.indexes[nic] === 0);
  }

  get brokenCount(): number {
    return this.#broken.size;
  }

  broken(most: number): readonly BrokenJoin[] {
    const found: BrokenJoin[] = [];
    for (const group of this.#broken) {
      if (found.length === most) break;
      const failure = this.#failureOf(group);
      if (failure !== undefined) found.push({ underlay: group.underlay, reason: failure.message });
    }
    return found;
  }

  async join(underlay: UnderlayGroup): Promise<void> {
    const [failed] = await this.#join([underlay], true).catch((error: unknown) => {
      throw notAsked(error, underlay, this.nics);
    });
    const failure = failed === undefined ? undefined : this.#failureOf(failed);
    if (failure !== undefined) throw new JoinError(failure.kind, failure.nic, failure.message);
  }

  async joinWhereCan(underlays: readonly UnderlayGroup[]): Promise<readonly NicFailures[]> {
    return this.#byNic(await this.#join(underlays, false));
  }

  async leave(underlays: readonly UnderlayGroup[]): Promise<void> {
    const groups = this.#newestFirst(underlays.flatMap((underlay) => this.#groups.get(underlay) ?? []));
    for (const group of groups) this.#forget(group);
    await this.#leaveOn(groups, () => true);
  }

  async retry(): Promise<ReadonlyMap<string, number>> {
    const before = [...this.#broken].map((group) => ({ group, nic: this.nics[failedNic(group)] as string }));
    const mended = new Map<string, number>();
    if (before.length === 0) return mended;
    await this.#nics.current();
    // A NIC that came is for the survey to find, so that it is told once and as what it is.
    if (this.#nics.indexes.some((index, nic) => index !== this.#settled[nic])) {
      this.#nics.changed();
      return mended;
    }
    await this.#join(
      before.map(({ group }) => group.underlay),
      false,
    );
    for (const { group, nic } of before) if (!this.#broken.has(group)) mended.set(nic, (mended.get(nic) ?? 0) + 1);
    return mended;
  }

  async survey(): Promise<readonly NicDrift[]> {
    await this.#nics.refresh();
    const drifts: NicDrift[] = [];
    const steady: number[] = [];
    for (const [nic, index] of this.#nics.indexes.entries()) {
      const before = this.#settled[nic] as number;
      if (index === before && index !== 0) steady.push(nic);
      if (index === before) continue;
      const about = this.#all((group) => index !== 0 || group.at[nic] !== 0);
      const what = index === 0 ? "nic-gone" : "nic-returned";
      drifts.push(this.#drift(what, nic, before, index, about));
    }
    return [...drifts, ...(await this.#lost(steady))];
  }

  async mend(drift: NicDrift): Promise<string | undefined> {
    const nic = this.nics.indexOf(drift.nic);
    const groups = this.#newestFirst(drift.underlays.flatMap((underlay) => this.#groups.get(underlay) ?? []));
    // A detached membership is left by its old index. Joining without that would be EADDRINUSE
    // where the kernel forgot the membership and the socket did not.
    await this.#leaveOn(groups, (other) => other === nic);
    this.#settled[nic] = drift.index ?? 0;
    const failures = await this.joinWhereCan(groups.reverse().map(({ underlay }) => underlay));
    if (drift.what === "nic-gone") return undefined;
    return failures.find((failure) => failure.nic === drift.nic)?.first;
  }

  states(underlay: UnderlayGroup): readonly NicState[] {
    const group = this.#groups.get(underlay);
    return this.nics.map((name, nic) => {
      const index = this.#nics.indexes[nic] as number;
      const at = group?.at[nic] ?? 0;
      const joined = at !== 0 && at === index && group?.failed[nic] === 0;
      const state = { name, index: index === 0 ? undefined : index, joined };
      const error = group === undefined ? undefined : this.#whyNot(group, nic);
      return error === undefined ? state : { ...state, error: error.message };
    });
  }

  watch(changed: () => void): void {
    this.#nics.watch(changed);
  }

  async close(): Promise<void> {
    this.#nics.close();
    this.#groups.clear();
    this.#broken.clear();
    await this.#memberships.close();
  }

  /** Answers those that failed. */
  async #join(underlays: readonly UnderlayGroup[], allOrNone: boolean): Promise<JoinedGroup[]> {
    await this.#nics.current();
    const failed: JoinedGroup[] = [];
    for (let from = 0; from < underlays.length; from += SLICE) {
      // Where there is nothing to ask the kernel (the NIC is missing) nothing else gives way to others.
      if (from > 0) await nextTurn();
      const groups = underlays.slice(from, from + SLICE).map((underlay) => this.#take(underlay));
      try {
        failed.push(...(await this.#attempts.run(groups, allOrNone)));
      } catch (error) {
        for (const group of groups) if (!group.wanted) this.#forget(group);
        throw error;
      }
      for (const group of groups) this.#settle(group, allOrNone);
    }
    return failed;
  }

  #take(underlay: UnderlayGroup): JoinedGroup {
    const known = this.#groups.get(underlay);
    if (known !== undefined) return known;
    const none = () => this.nics.map(() => 0);
    const order = this.#joins++;
    const group = { underlay, order, wanted: false, socket: undefined, at: none(), failed: none(), digits: undefined };
    this.#groups.set(underlay, group);
    return group;
  }

  /** After an attempt: what is wanted and not in order is broken; what was not wanted and failed is nothing. */
  #settle(group: JoinedGroup, allOrNone: boolean): void {
    const inOrder = group.failed.every((errno) => errno === 0);
    if (!group.wanted && !inOrder && allOrNone) {
      this.#forget(group);
      return;
    }
    group.wanted = true;
    if (inOrder) this.#broken.delete(group);
    else this.#broken.add(group);
  }

  #forget(group: JoinedGroup): void {
    this.#groups.delete(group.underlay);
    this.#broken.delete(group);
  }

  /** Leaves the groups on those NICs, in this order, and closes the sockets that have nothing left. */
  async #leaveOn(groups: readonly JoinedGroup[], isOn: (nic: number) => boolean): Promise<void> {
    for (let from = 0; from < groups.length; from += SLICE) {
      const script = new MembershipScript();
      for (const group of groups.slice(from, from + SLICE)) this.#attempts.leave(group, isOn, script);
      // What cannot be left is not there: there is nothing to be done about any errno.
      if (script.length > 0) await this.#memberships.run(script);
    }
  }

  /** Memberships on these NICs that the kernel has no more. Those it seems to lack are looked for again: the table comes in pieces, and what others leave meanwhile makes a line be passed over. */
  async #lost(nics: readonly number[]): Promise<NicDrift[]> {
    for (const nic of nics) for (const group of this.#all(({ failed }) => failed[nic] === LOST)) group.failed[nic] = 0;
    if (nics.length === 0 || this.#groups.size === 0) return [];
    let suspects = new Map(nics.map((nic) => [nic, this.#all(({ at }) => at[nic] === this.#nics.indexes[nic])]));
    for (let look = 0; look < 3; look++) {
      const table = await this.#readTable(nics.map((nic) => this.#nics.indexes[nic] as number));
      if (table === undefined) return [];
      suspects = new Map([...suspects].map(([nic, groups]) => [nic, this.#notIn(table, nic, groups)]));
      if ([...suspects.values()].every((groups) => groups.length === 0)) return [];
    }
    return [...suspects]
      .filter(([, groups]) => groups.length > 0)
      .map(([nic, groups]) => {
        const index = this.#nics.indexes[nic] as number;
        for (const { failed } of groups) failed[nic] = LOST;
        return this.#drift("filter-lost", nic, index, index, groups);
      });
  }

  #notIn(table: MembershipTable, nic: number, groups: readonly JoinedGroup[]): JoinedGroup[] {
    const joined = table.get(this.#nics.indexes[nic] as number);
    return groups.filter((group) => !joined?.has(digitsOf(group)));
  }

  #drift(what: NicDrift["what"], nic: number, before: number, index: number, groups: readonly JoinedGroup[]): NicDrift {
    return {
      what,
      nic: this.nics[nic] as string,
      before: before === 0 ? undefined : before,
      index: index === 0 ? undefined : index,
      underlays: groups.map(({ underlay }) => underlay),
    };
  }

  #all(which: (group: JoinedGroup) => boolean): JoinedGroup[] {
    const found: JoinedGroup[] = [];
    for (const [, group] of this.#groups) if (which(group)) found.push(group);
    return found;
  }

  #newestFirst(groups: readonly JoinedGroup[]): JoinedGroup[] {
    return [...groups].sort((a, b) => b.order - a.order);
  }

  #byNic(failed: readonly JoinedGroup[]): NicFailures[] {
    const counts = new Map<number, { groups: number; readonly of: JoinedGroup }>();
    for (const group of failed) {
      const nic = failedNic(group);
      const count = counts.get(nic);
      if (count === undefined) counts.set(nic, { groups: 1, of: group });
      else count.groups++;
    }
    return [...counts].map(([nic, { groups, of }]) => ({
      nic: this.nics[nic] as string,
      groups,
      first: this.#whyNot(of, nic)?.message ?? "",
    }));
  }

  #failureOf(group: JoinedGroup): JoinFailure | undefined {
    const nic = failedNic(group);
    return nic < 0 ? undefined : this.#whyNot(group, nic);
  }

  /** Why the group is not joined on the NIC; undefined: it is. */
  #whyNot(group: JoinedGroup, nic: number): JoinFailure | undefined {
    return whyNotJoined(group, nic, this.nics[nic] as string, this.#nics.indexes[nic] as number);
  }
}

/** The system did not even tell which NICs there are, mostly for want of a descriptor. */
function notAsked(error: unknown, underlay: UnderlayGroup, nics: readonly string[]): unknown {
  if (!(error instanceof SystemError)) return error;
  const { kind, text } = joinReason(error.errno);
  const nic = nics.includes(error.path) ? error.path : nics.join(", ");
  return new JoinError(kind, nic, notJoined(underlay, nic, 0, text));
}
