/**
 * Memberships made true in the driver.
 *
 * The driver keys a subscription by the underlay, so a port that is a member of two groups on one
 * underlay has ONE filter there. Everything therefore comes down to one move, `DriverSubscriptions.send`: work out
 * what a port should have under an underlay, from all its memberships mapped there, and send it.
 * Joining, leaving, taking a group off before its mapping goes, and undoing any of them are the
 * same move after a change of the books.
 */
import { messageOf, SledcastError } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import { JoinError } from "../host/joins.ts";
import { Share } from "../host/turns.ts";
import { UndoFailedError } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { MulticastAddr, UnderlayGroup } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte, mayHaveTakenEffect } from "../opte/error.ts";
import type { SourceFilter } from "../opte/filter.ts";
import { DriverSubscriptions, ignoringLostPort } from "./driver-subscriptions.ts";
import type { FilterHolding } from "./filter-holding.ts";
import { MemberNews } from "./member-news.ts";
import { APPLIED, type MemberState, NOT_TRIED, noMapping, noPort, whatItWaitsFor } from "./member-state.ts";
import type { Member, Members } from "./members.ts";
import type { SelfMaps } from "./self-maps.ts";
import { Settling } from "./settling.ts";
import type { MappingView } from "./view.ts";

export class Subscriptions {
  readonly members: Members;
  /** The one move that everything comes down to. */
  readonly driver: DriverSubscriptions;
  /** Where that failed, and may have had an effect. */
  readonly settling: Settling;
  readonly #view: MappingView;
  readonly #holding: FilterHolding;
  readonly #log: Log;
  readonly #news: MemberNews;
  /** Members that failed: few, and looked at often. */
  readonly #degraded = new Set<Member>();

  constructor(
    driver: Driver,
    view: MappingView,
    members: Members,
    holding: FilterHolding,
    selfMaps: SelfMaps,
    log: Log,
    tell: Tell = TELL_NOBODY,
  ) {
    this.driver = new DriverSubscriptions(driver, view, members, selfMaps);
    this.settling = new Settling(this.driver, members, holding, log);
    this.#view = view;
    this.#holding = holding;
    this.members = members;
    this.#log = log;
    this.#news = new MemberNews(view, log, tell);
  }

  /**
   * Records the membership and, if group and port are there, puts it into effect. A failure leaves
   * the membership as it was. It is sent to the driver even if the books say it is in effect: that
   * is how a control plane repairs what nobody here can see.
   */
  async join(port: string, group: MulticastAddr, filter: SourceFilter): Promise<void> {
    const before = this.members.get(port, group);
    const member: Member = { port, group, filter, status: noMapping(group) };
    this.members.put(member);
    try {
      await this.#apply(member);
    } catch (error) {
      await this.#takeBack(port, group, before, error);
      throw error;
    }
    if (before !== undefined) this.#degraded.delete(before);
    this.#news.joined(member, before);
  }

  /** Ends the membership, in the driver first. What other groups of the port need on that underlay stays. */
  async leave(port: string, group: MulticastAddr): Promise<void> {
    const before = this.members.get(port, group);
    this.members.remove(port, group);
    const underlay = this.#view.underlayOf(group);
    try {
      if (underlay !== undefined) await this.driver.send(port, underlay, group);
    } catch (error) {
      if (!isOpte(error, "PortNotFound")) {
        await this.#takeBack(port, group, before, error);
        throw error;
      }
    }
    if (underlay !== undefined) await this.#holding.afterMember(group, underlay);
    if (before === undefined) {
      this.#log.debug({ port, group, underlay }, "left a group it was not a member of");
    } else {
      this.#degraded.delete(before);
      this.#news.left(before);
    }
  }

  /** A membership of an earlier run, to be put into effect by `wakeAll`. */
  recall(port: string, group: MulticastAddr, filter: SourceFilter): void {
    this.members.put({ port, group, filter, status: NOT_TRIED });
  }

  /** Puts all of them into effect, as at the start. Never throws: what fails is degraded. */
  async wakeAll(): Promise<void> {
    const share = new Share();
    for (const member of [...this.members.all()]) {
      await this.#applyOrDegrade(member);
      this.#news.recalled(member);
      await share.spent();
    }
  }

  /** The undo of a leave: the membership is back whatever happens; not in effect, it is degraded, and that is thrown. */
  async reinstate(port: string, group: MulticastAddr, filter: SourceFilter): Promise<void> {
    const member: Member = { port, group, filter, status: noMapping(group) };
    this.members.put(member);
    const underlay = this.#view.underlayOf(group);
    await this.#applyOrDegrade(member, async () => {
      if (underlay !== undefined) await this.#holding.beforeReturn(group, underlay);
    });
    this.#news.returned(member);
    if (member.status.state === "degraded") throw new SledcastError("driver-busy", member.status.reason);
  }

  /** The undo of a join: the membership is gone whatever happens; what the driver keeps of it is unsettled, and thrown. */
  async withdraw(port: string, group: MulticastAddr): Promise<void> {
    const member = this.members.get(port, group);
    if (member !== undefined) {
      this.#degraded.delete(member);
      this.#news.ended(member);
    }
    this.members.remove(port, group);
    const underlay = this.#view.underlayOf(group);
    if (underlay === undefined) return;
    await this.settling.send(port, underlay, group);
    await this.#holding.afterMember(group, underlay);
  }

  /** The port is gone, and its subscriptions with it. */
  async forgetPort(port: string): Promise<void> {
    // Newest first, as filters are best left.
    for (const member of [...this.members.ofPort(port).values()].reverse()) {
      this.members.remove(port, member.group);
      this.#degraded.delete(member);
      this.#news.ended(member);
      const underlay = this.#view.underlayOf(member.group);
      if (underlay !== undefined) await this.#holding.afterMember(member.group, underlay);
    }
    this.#news.portForgotten(port);
    await this.settling.forgetPort(port);
  }

  /** Takes a group's ports off its underlay, as must be done before its mapping changes. */
  async takeOff(group: Ip, underlay: UnderlayGroup): Promise<void> {
    for (const { port } of this.members.ofGroup(group).values()) {
      await ignoringLostPort(() => this.driver.send(port, underlay, group, group));
    }
  }

  /** The undo of `takeOff`: every port is tried, and one that fails is left unsettled. */
  async putBack(group: Ip, underlay: UnderlayGroup): Promise<void> {
    let failure: unknown;
    for (const { port } of this.members.ofGroup(group).values()) {
      try {
        await this.settling.send(port, underlay, group);
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Puts the group's members into effect. One that fails is degraded and retried; the mapping stands all the same. */
  async wake(group: Ip): Promise<void> {
    for (const member of this.members.ofGroup(group).values()) await this.#tryAgain(member);
  }

  /** The group's mapping is gone: its members wait. */
  suspend(group: Ip): void {
    for (const member of this.members.ofGroup(group).values()) {
      const before = member.status;
      this.#setStatus(member, noMapping(group));
      this.#news.changed(member, before);
    }
  }

  /** Tries again what failed and what waits for its port. Never throws; what stays broken stays listed. */
  async repair(): Promise<void> {
    await this.settling.repair();
    const share = new Share();
    for (const member of [...this.#degraded]) {
      await this.#tryAgain(member);
      await share.spent();
    }
  }

  /** Puts a port's members under an underlay into effect again. One whose port is gone waits; one that fails is degraded, and thrown. */
  async reapply(port: string, underlay: UnderlayGroup): Promise<void> {
    for (const member of this.members.ofPort(port).values()) {
      if (this.#view.underlayOf(member.group) !== underlay) continue;
      await this.#tryAgain(member);
      if (member.status.state === "degraded") throw new SledcastError("driver-busy", member.status.reason);
      // The filters of all of them went with the first.
      if (member.status.state === "applied") return;
    }
  }

  /** The driver has lost the port, its subscriptions with it: its memberships wait for it. */
  async awaitPort(port: string): Promise<void> {
    this.#news.portLost(port);
    for (const member of this.members.ofPort(port).values()) {
      const underlay = this.#view.underlayOf(member.group);
      if (underlay === undefined) continue;
      const before = member.status;
      this.#setStatus(member, noPort(port));
      this.#news.changed(member, before);
      await this.#holding.afterMember(member.group, underlay);
    }
  }

  /** Tries the memberships that wait although their mapping is there: their port may have come. */
  async wakePending(port: string): Promise<void> {
    for (const member of this.members.ofPort(port).values()) {
      if (member.status.state === "pending") await this.#tryAgain(member);
    }
  }

  /** How many things are broken: cheap to ask. */
  get brokenCount(): number {
    return this.#degraded.size + this.settling.count;
  }

  get degraded(): readonly Member[] {
    return [...this.#degraded];
  }

  async #apply(member: Member): Promise<void> {
    const underlay = this.#view.underlayOf(member.group);
    if (underlay === undefined) {
      this.#setStatus(member, noMapping(member.group));
      return;
    }
    await this.#holding.beforeMember(member.group, underlay);
    try {
      await this.driver.send(member.port, underlay, member.group);
    } catch (error) {
      const waiting = whatItWaitsFor(member.port, member.group, error);
      if (waiting === undefined) throw error;
      if (isOpte(error, "PortNotFound")) this.#news.portLost(member.port);
      this.#setStatus(member, waiting);
      await this.#holding.afterMember(member.group, underlay);
      return;
    }
    this.#news.portFound(member.port);
    this.#setStatus(member, APPLIED);
  }

  async #tryAgain(member: Member): Promise<void> {
    const before = member.status;
    await this.#applyOrDegrade(member);
    this.#news.changed(member, before);
  }

  async #applyOrDegrade(member: Member, first?: () => Promise<void>): Promise<void> {
    try {
      await first?.();
      await this.#apply(member);
    } catch (error) {
      this.#setStatus(member, { state: "degraded", reason: messageOf(error) });
    }
  }

  #setStatus(member: Member, status: MemberState): void {
    member.status = status;
    if (status.state === "degraded") this.#degraded.add(member);
    else this.#degraded.delete(member);
  }

  /** After a failed join or leave: the books as before, and the driver too where it may have acted. */
  async #takeBack(port: string, group: MulticastAddr, before: Member | undefined, cause: unknown): Promise<void> {
    this.members.restore(port, group, before);
    const underlay = this.#view.underlayOf(group);
    // A NIC that refused did so before the driver was asked for anything.
    if (underlay === undefined || cause instanceof JoinError) return;
    try {
      if (mayHaveTakenEffect(cause)) await this.settling.send(port, underlay, group);
    } catch (error) {
      throw new UndoFailedError(cause, error);
    }
    await this.#holding.afterMember(group, underlay);
  }
}
