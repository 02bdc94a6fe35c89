/**
 * Which underlay groups are joined on the NICs, and for whom. An underlay group is held by the
 * overlay groups mapped to it; the SET of holders is the reference count, so acquiring twice for
 * one holder is the same as once and releasing an unknown one is nothing. The first holder joins
 * every NIC or none, the last one leaves them all.
 */
import { messageOf } from "../error.ts";
import { JoinError, type NicState, type UnderlayJoins } from "../host/joins.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { compareIp, type Ip, sortedUnique } from "../net/ip.ts";
import { ReturningMap } from "../returning-map.ts";

interface Held {
  readonly holders: Set<Ip>;
  /** Why the NICs are not joined although they should be; undefined: they are. */
  failure: Error | undefined;
}

export interface FilterEntry {
  readonly underlay: UnderlayGroup;
  readonly holders: readonly Ip[];
  readonly nics: readonly NicState[];
}

export class MulticastFilterMap {
  readonly #joins: UnderlayJoins;
  readonly #log: Log;
  readonly #held = new ReturningMap<UnderlayGroup, Held>();
  /** The held groups whose join failed: few, and looked at often. */
  readonly #failed = new Set<UnderlayGroup>();

  constructor(joins: UnderlayJoins, log: Log) {
    this.#joins = joins;
    this.#log = log;
  }

  get size(): number {
    return this.#held.size;
  }

  holds(underlay: UnderlayGroup, holder: Ip): boolean {
    return this.#held.get(underlay)?.holders.has(holder) ?? false;
  }

  /**
   * Makes `holder` one of the group's holders once the NICs are joined. A failed join changes
   * nothing and is thrown.
   */
  async acquire(underlay: UnderlayGroup, holder: Ip): Promise<void> {
    const held = this.#held.get(underlay);
    if (held !== undefined && held.failure === undefined) {
      held.holders.add(holder);
      return;
    }
    await this.#joins.join(underlay);
    if (held === undefined) {
      this.#held.set(underlay, { holders: new Set([holder]), failure: undefined });
      this.#log.debug({ underlay, group: holder }, "underlay group joined on the NICs");
    } else {
      held.holders.add(holder);
      this.#settle(underlay, held);
    }
  }

  /** Like `acquire`, for a mapping that exists whether the join succeeds or not: it is held, and degraded if need be. */
  async hold(underlay: UnderlayGroup, holder: Ip): Promise<void> {
    try {
      await this.acquire(underlay, holder);
    } catch (error) {
      const held = this.#held.get(underlay) ?? { holders: new Set<Ip>(), failure: undefined };
      held.holders.add(holder);
      held.failure = asError(error);
      this.#held.set(underlay, held);
      this.#failed.add(underlay);
      this.#log.warn(
        { underlay, group: holder, error: messageOf(error) },
        "underlay group is mapped but not joined; it will be retried",
      );
    }
  }

  async release(underlay: UnderlayGroup, holder: Ip): Promise<void> {
    const held = this.#held.get(underlay);
    if (held === undefined || !held.holders.delete(holder) || held.holders.size > 0) return;
    this.#held.delete(underlay);
    this.#failed.delete(underlay);
    await this.#joins.leave(underlay);
    this.#log.debug({ underlay, group: holder }, "underlay group left on the NICs");
  }

  /** Tries again the joins that failed. */
  async retry(): Promise<void> {
    for (const underlay of [...this.#failed]) {
      const held = this.#held.get(underlay);
      if (held === undefined) continue;
      try {
        await this.#joins.join(underlay);
        this.#settle(underlay, held);
      } catch (error) {
        held.failure = asError(error);
      }
    }
  }

  #settle(underlay: UnderlayGroup, held: Held): void {
    held.failure = undefined;
    this.#failed.delete(underlay);
    this.#log.info({ underlay }, "underlay group joined on the NICs after earlier failure");
  }

  /** How many things are broken: cheap to ask. */
  get brokenCount(): number {
    return this.#failed.size;
  }

  get degraded(): { readonly underlay: UnderlayGroup; readonly reason: string }[] {
    return [...this.#failed].map((underlay) => ({
      underlay,
      reason: this.#held.get(underlay)?.failure?.message ?? "not joined",
    }));
  }

  list(): FilterEntry[] {
    return [...this.#held]
      .map(([underlay, { holders, failure }]) => ({
        underlay,
        holders: sortedUnique(holders),
        nics: this.#joins.states(underlay).map((nic) => withFailure(nic, failure)),
      }))
      .sort((a, b) => compareIp(a.underlay, b.underlay));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The NIC that refused bears the reason; where no single one did, each does. */
function withFailure(nic: NicState, failure: Error | undefined): NicState {
  if (failure === undefined || (failure instanceof JoinError && failure.nic !== nic.name)) return nic;
  return { ...nic, error: failure.message };
}
