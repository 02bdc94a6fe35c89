/**
 * Underlay groups joined on the sled's NICs, over membership sockets: which socket a group is in,
 * under which index it was joined, and what a failure leaves behind. Its methods are called in the
 * lane, one at a time.
 */
import { constants } from "node:os";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { ReturningMap } from "../returning-map.ts";
import { JoinAttempts } from "./join-attempts.ts";
import { joinReason, NO_SUCH_NIC } from "./join-reason.ts";
import { failedNic, freshGroup, type JoinedGroup, type JoinFailure, whyNotJoined } from "./joined-group.ts";
import {
  type BrokenJoin,
  JoinError,
  type NicDrift,
  type NicFailures,
  type NicState,
  notJoined,
  type UnderlayJoins,
} from "./joins.ts";
import { readMemberships } from "./membership-table.ts";
import { MembershipScript, type Memberships, type NetworkBinding } from "./memberships.ts";
import { NicSurvey, type ReadTable } from "./nic-survey.ts";
import { Nics } from "./nics.ts";
import { SocketPacking } from "./socket-packing.ts";
import { SystemError } from "./system-error.ts";
import { inTurns } from "./turns.ts";

/** Groups that go to native code at once. Each way there and back waits for the event loop, which the kernel's work for the joins holds up. */
const SLICE = 2048;

export interface NicJoinsOptions {
  readonly binding: NetworkBinding & { readonly name: string };
  readonly nics: readonly string[];
  readonly log: Log;
  /** Where the kernel's table is read; left out: the host's. */
  readonly table?: ReadTable;
}

export class NicJoins implements UnderlayJoins {
  readonly binding: string;
  readonly nics: readonly string[];
  readonly #nics: Nics;
  readonly #memberships: Memberships;
  readonly #packing: SocketPacking;
  readonly #attempts: JoinAttempts;
  readonly #survey: NicSurvey;
  readonly #groups = new ReturningMap<UnderlayGroup, JoinedGroup>();
  readonly #broken = new Set<JoinedGroup>();
  /** Of the others, what the last survey found other than it was left, until it is mended: for good, where nobody is to mend. */
  readonly #adrift = new Set<JoinedGroup>();
  #joins = 0;

  constructor({ binding, nics, log, table = readMemberships }: NicJoinsOptions) {
    this.binding = binding.name;
    this.nics = nics;
    this.#nics = new Nics(binding, nics, log);
    this.#memberships = binding.openMemberships();
    this.#packing = new SocketPacking(nics.length);
    this.#attempts = new JoinAttempts(this.#memberships, this.#packing, this.#nics);
    this.#survey = new NicSurvey(this.#nics, table);
  }

  get missing(): readonly string[] {
    return this.nics.filter((_, nic) => this.#nics.indexes[nic] === 0);
  }

  get unseen(): string | undefined {
    return this.#survey.failure;
  }

  get brokenCount(): number {
    return this.#broken.size + this.#adrift.size;
  }

  broken(most: number): readonly BrokenJoin[] {
    const found: BrokenJoin[] = [];
    for (const groups of [this.#broken, this.#adrift]) {
      for (const group of groups) {
        if (found.length === most) return found;
        const reason = this.#failureOf(group)?.message ?? "not joined on every NIC";
        found.push({ underlay: group.underlay, reason });
      }
    }
    return found;
  }

  async join(underlay: UnderlayGroup): Promise<void> {
    const [failed] = await this.#spoken(this.#join([underlay], true), underlay);
    const failure = failed === undefined ? undefined : this.#failureOf(failed);
    if (failure !== undefined) throw new JoinError(failure.kind, failure.nic, failure.message);
  }

  async joinWhereCan(underlays: readonly UnderlayGroup[]): Promise<readonly NicFailures[]> {
    return this.#byNic(await this.#spoken(this.#join(underlays, false)));
  }

  async leave(underlays: readonly UnderlayGroup[]): Promise<void> {
    const groups = this.#known(underlays);
    for (const group of groups) this.#forget(group);
    await this.#leaveOn(newestFirst(groups), () => true);
  }

  async retry(): Promise<ReadonlyMap<string, number>> {
    const before = [...this.#broken].map((group) => ({ group, nic: this.nics[failedNic(group)] as string }));
    const mended = new Map<string, number>();
    if (before.length === 0 && this.unseen === undefined) return mended;
    await this.#nics.current();
    // A NIC that came is for a survey to find, so that it is told once and as what it is.
    if (this.unseen !== undefined || !this.#survey.isSettled) {
      if (this.unseen !== undefined || !this.#survey.isSeen) this.lookAgain();
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
    const drifts = await this.#spoken(this.#survey.run(Array.from(this.#groups, ([, group]) => group)));
    this.#adrift.clear();
    for (const { underlays } of drifts) {
      for (const group of this.#known(underlays)) if (!this.#broken.has(group)) this.#adrift.add(group);
    }
    return drifts;
  }

  async mend(drift: NicDrift): Promise<string | undefined> {
    try {
      return await this.#spoken(this.#mend(drift));
    } catch (error) {
      this.#survey.forget();
      throw error;
    }
  }

  async #mend(drift: NicDrift): Promise<string | undefined> {
    const nic = this.nics.indexOf(drift.nic);
    const groups = this.#known(drift.underlays);
    // From here on nobody is told that it is joined. A detached membership is left by its old index;
    // joining without that would be EADDRINUSE where the kernel forgot it and the socket did not.
    for (const group of groups) this.#setBroken(group, nic);
    await this.#leaveOn(newestFirst(groups), (other) => other === nic);
    const failures = this.#byNic(
      await this.#join(
        groups.map(({ underlay }) => underlay),
        false,
      ),
    );
    this.#survey.settle(nic, drift.index ?? 0);
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

  lookAgain(): void {
    this.#nics.changed();
  }

  watch(changed: () => Promise<void>): void {
    this.#nics.watch(changed);
  }

  async close(): Promise<void> {
    this.#nics.close();
    await this.#memberships.close();
  }

  /** What the system refuses as a whole (no descriptor to ask through, no memory for the answer) is said in the words that a refused join has. */
  async #spoken<T>(work: Promise<T>, underlay?: UnderlayGroup): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { kind, text } = joinReason(error.errno);
      const nic = this.nics.includes(error.path) ? error.path : this.nics.join(", ");
      const message =
        underlay === undefined ? `NIC ${nic} cannot be looked at: ${text}` : notJoined(underlay, nic, 0, text);
      throw new JoinError(kind, nic, message, { cause: error });
    }
  }

  /** Answers those that failed. */
  async #join(underlays: readonly UnderlayGroup[], allOrNone: boolean): Promise<JoinedGroup[]> {
    await this.#nics.current();
    const failed: JoinedGroup[] = [];
    for (let from = 0; from < underlays.length; from += SLICE) {
      const groups: JoinedGroup[] = [];
      await inTurns(underlays.slice(from, from + SLICE), (underlay) => groups.push(this.#take(underlay)));
      try {
        failed.push(...(await this.#attempts.run(groups, allOrNone)));
      } catch (error) {
        await this.#abandon(groups, error);
        throw error;
      }
      await inTurns(groups, (group) => this.#settle(group, allOrNone));
    }
    return failed;
  }

  /** The try itself broke: what was wanted is broken wherever it is not joined, the rest is joined nowhere. */
  async #abandon(groups: readonly JoinedGroup[], cause: unknown): Promise<void> {
    const errno = cause instanceof SystemError ? cause.errno : constants.errno.EIO;
    const unwanted = groups.filter(({ wanted }) => !wanted);
    for (const group of unwanted) this.#forget(group);
    for (const group of groups) {
      if (!group.wanted) continue;
      for (const [nic, index] of this.#nics.indexes.entries()) {
        if (group.at[nic] === 0 || group.at[nic] !== index) this.#setBroken(group, nic, errno);
      }
    }
    await this.#leaveOn(newestFirst(unwanted), () => true);
  }

  #take(underlay: UnderlayGroup): JoinedGroup {
    const known = this.#groups.get(underlay);
    if (known !== undefined) return known;
    const group = freshGroup(underlay, this.#joins++, this.nics.length);
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
    this.#adrift.delete(group);
    if (inOrder) this.#broken.delete(group);
    else this.#broken.add(group);
  }

  /** Until a try says otherwise. */
  #setBroken(group: JoinedGroup, nic: number, errno: number = NO_SUCH_NIC): void {
    group.failed[nic] = errno;
    this.#adrift.delete(group);
    this.#broken.add(group);
  }

  #forget(group: JoinedGroup): void {
    this.#groups.delete(group.underlay);
    this.#broken.delete(group);
    this.#adrift.delete(group);
  }

  /** Leaves the groups on those NICs, in this order, and closes the sockets that have nothing left. */
  async #leaveOn(groups: readonly JoinedGroup[], isOn: (nic: number) => boolean): Promise<void> {
    for (let from = 0; from < groups.length; from += SLICE) {
      const script = new MembershipScript();
      await inTurns(groups.slice(from, from + SLICE), (group) => this.#attempts.leave(group, isOn, script));
      // What cannot be left is not there: there is nothing to be done about any errno.
      if (script.length > 0) await this.#memberships.run(script);
    }
  }

  #known(underlays: readonly UnderlayGroup[]): JoinedGroup[] {
    return underlays.flatMap((underlay) => this.#groups.get(underlay) ?? []);
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

  /** Of the first NIC that it is not joined on. */
  #failureOf(group: JoinedGroup): JoinFailure | undefined {
    for (const nic of this.nics.keys()) {
      const failure = this.#whyNot(group, nic);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** Why the group is not joined on the NIC; undefined: it is. */
  #whyNot(group: JoinedGroup, nic: number): JoinFailure | undefined {
    return whyNotJoined(group, nic, this.nics[nic] as string, this.#nics.indexes[nic] as number);
  }
}

function newestFirst(groups: readonly JoinedGroup[]): JoinedGroup[] {
  return [...groups].sort((a, b) => b.order - a.order);
}
