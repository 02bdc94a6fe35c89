/**
 * Which underlay groups are joined on the NICs, and for whom. An underlay group is held by overlay
 * groups; the SET of holders is the reference count, so acquiring twice for one holder is the same
 * as once and releasing an unknown one is nothing. The first holder joins every NIC or none, the
 * last one leaves them all. Who is to be a holder is `filter-holding.ts`'s to say.
 */
import { messageOf, SledcastError } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { BrokenJoin, NicDrift, NicState, UnderlayJoins } from "../host/joins.ts";
import { inTurns } from "../host/turns.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { compareIp, type Ip, sortedUnique } from "../net/ip.ts";
import type { M2pMapping } from "../opte/types.ts";
import { ReturningMap } from "../returning-map.ts";
import { FilterNews } from "./filter-news.ts";

export interface FilterEntry {
  readonly underlay: UnderlayGroup;
  readonly holders: readonly Ip[];
  readonly nics: readonly NicState[];
}

export class MulticastFilterMap {
  readonly #joins: UnderlayJoins;
  readonly #log: Log;
  readonly #news: FilterNews;
  readonly #holders = new ReturningMap<UnderlayGroup, Set<Ip>>();
  /** What was held and failed, by NIC, until it is said. */
  readonly #failed = new Map<string, { readonly groups: number; readonly first: string }>();

  constructor(joins: UnderlayJoins, log: Log, tell: Tell = TELL_NOBODY) {
    this.#joins = joins;
    this.#log = log;
    this.#news = new FilterNews(tell, (underlay) => joins.states(underlay));
  }

  get size(): number {
    return this.#holders.size;
  }

  holds(underlay: UnderlayGroup, holder: Ip): boolean {
    return this.#holders.get(underlay)?.has(holder) ?? false;
  }

  /**
   * Makes `holder` one of the group's holders once the NICs are joined. It is asked of the NICs even
   * if they are: one that came back under another index is joined again by that. A failed join is
   * thrown, and the holders are as before.
   */
  async acquire(underlay: UnderlayGroup, holder: Ip): Promise<void> {
    await this.#joins.join(underlay);
    if (!this.#holders.has(underlay)) this.#log.debug({ underlay, group: holder }, "underlay group joined on the NICs");
    this.#addHolder(underlay, holder);
    this.#news.inOrder(underlay);
  }

  /** Like `acquire`, for mappings that exist whether the joins succeed or not: all are held, and those that failed are degraded. */
  async hold(mappings: readonly M2pMapping[]): Promise<void> {
    const failures = await this.#joins.joinWhereCan([...new Set(mappings.map(({ underlay }) => underlay))]);
    await inTurns(mappings, ({ group, underlay }) => this.#addHolder(underlay, group));
    if (failures.length > 0) this.#news.compare(new Set(mappings.map(({ underlay }) => underlay)));
    else this.#news.compareDegraded();
    for (const { nic, groups, first } of failures) {
      const said = this.#failed.get(nic);
      this.#failed.set(nic, { groups: groups + (said?.groups ?? 0), first: said?.first ?? first });
    }
  }

  /** Holds what was held before, joined where it can be. What fails was said when it began to. */
  async holdAgain(holder: Ip, underlay: UnderlayGroup): Promise<void> {
    await this.#joins.joinWhereCan([underlay]);
    this.#addHolder(underlay, holder);
    this.#news.compare([underlay]);
  }

  #addHolder(underlay: UnderlayGroup, holder: Ip): void {
    const holders = this.#holders.get(underlay);
    if (holders !== undefined) {
      holders.add(holder);
      return;
    }
    this.#holders.set(underlay, new Set([holder]));
    this.#news.joined(underlay);
  }

  /** Says what failed in all that was held since it was last asked: a NIC that is missing fails all groups, and that is one line. */
  sayWhatFailed(): void {
    for (const [nic, { groups, first }] of this.#failed) {
      const fields = { nic, groups, error: first };
      this.#log.warn(fields, "underlay groups are held but not joined on every NIC; they will be retried");
    }
    this.#failed.clear();
  }

  async release(underlay: UnderlayGroup, holder: Ip): Promise<void> {
    const holders = this.#holders.get(underlay);
    if (holders === undefined || !holders.delete(holder) || holders.size > 0) return;
    this.#holders.delete(underlay);
    this.#news.left(underlay);
    await this.#joins.leave([underlay]);
    this.#log.debug({ underlay, group: holder }, "underlay group left on the NICs");
  }

  /** Tries again the joins that failed, where the NICs are as last surveyed. Never throws: what stays broken stays listed. */
  async retry(): Promise<void> {
    try {
      for (const [nic, groups] of await this.#joins.retry()) {
        this.#log.info({ nic, groups }, "underlay groups joined on the NIC after earlier failure");
      }
      this.#news.compareDegraded();
    } catch (error) {
      this.#log.debug({ error: messageOf(error) }, "joins could not be retried");
    }
  }

  /** Where the NICs and the kernel's memberships differ from what was done. */
  survey(): Promise<readonly NicDrift[]> {
    return this.#joins.survey();
  }

  /** Throws what stays broken on that NIC; it is retried. */
  async mend(drift: NicDrift): Promise<void> {
    const failure = await this.#joins.mend(drift);
    this.#news.compare(drift.underlays);
    if (failure !== undefined) throw new SledcastError("underlay-join-failed", failure);
  }

  /** Why nobody knows how the NICs are; undefined: they were looked at. */
  get unseen(): string | undefined {
    return this.#joins.unseen;
  }

  /** Configured NICs that are not there. */
  get missingNics(): readonly string[] {
    return this.#joins.missing;
  }

  /** Underlay groups that are held and not joined on every NIC: cheap to ask. */
  get brokenCount(): number {
    return this.#joins.brokenCount;
  }

  /** Those, and why: no more than so many of them. */
  degraded(most: number): readonly BrokenJoin[] {
    return this.#joins.broken(most);
  }

  list(): FilterEntry[] {
    return [...this.#holders]
      .map(([underlay, holders]) => ({
        underlay,
        holders: sortedUnique(holders),
        nics: this.#joins.states(underlay),
      }))
      .sort((a, b) => compareIp(a.underlay, b.underlay));
  }
}
