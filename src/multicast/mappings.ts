/**
 * M2P: which underlay group an overlay group travels in. Setting joins the NICs before it touches
 * the driver and wakes the members after; clearing and moving take the members off first. What
 * fails before the driver has the new mapping leaves the old one, its filter and its subscriptions
 * as they were; what fails after leaves the new one, with the members that failed degraded.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import { inTurns } from "../host/turns.ts";
import { type Undo, type UndoStep, withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Driver } from "../opte/driver.ts";
import { mayHaveTakenEffect } from "../opte/error.ts";
import type { M2pMapping } from "../opte/types.ts";
import type { FilterHolding } from "./filter-holding.ts";
import type { MulticastFilterMap } from "./filter-map.ts";
import type { Flows } from "./flows.ts";
import type { SelfMaps } from "./self-maps.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { MappingChange, MappingView, SeenMappings } from "./view.ts";

/** Mappings that are taken up together. */
const SLICE = 2048;

export class Mappings {
  readonly #driver: Driver;
  readonly #view: MappingView;
  readonly #filters: MulticastFilterMap;
  readonly #holding: FilterHolding;
  readonly #subscriptions: Subscriptions;
  readonly #flows: Flows;
  readonly #selfMaps: SelfMaps;
  readonly #log: Log;
  readonly #tell: Tell;
  /** An undo failed, so the driver may hold another mapping than the view: only a dump can tell. */
  #uncertain: string | undefined;

  constructor(
    driver: Driver,
    view: MappingView,
    filters: MulticastFilterMap,
    holding: FilterHolding,
    subscriptions: Subscriptions,
    flows: Flows,
    selfMaps: SelfMaps,
    log: Log,
    tell: Tell = TELL_NOBODY,
  ) {
    this.#driver = driver;
    this.#selfMaps = selfMaps;
    this.#view = view;
    this.#filters = filters;
    this.#holding = holding;
    this.#subscriptions = subscriptions;
    this.#flows = flows;
    this.#log = log;
    this.#tell = tell;
  }

  get uncertain(): string | undefined {
    return this.#uncertain;
  }

  async set(mapping: M2pMapping, log = this.#log): Promise<void> {
    const { group, underlay } = mapping;
    const before = this.#view.underlayOf(group);
    const movedFrom = before === underlay ? undefined : before;
    await withUndo(async (undo) => {
      if (this.#holding.wants(group, underlay)) {
        const held = this.#filters.holds(underlay, group);
        await this.#filters.acquire(underlay, group);
        if (!held) undo(() => this.#filters.release(underlay, group));
      }
      if (movedFrom !== undefined) await this.#takeOff({ group, underlay: movedFrom }, undo);
      const revert = () => this.#revertTo(mapping, before);
      await this.#attempt(undo, () => this.#driver.setMcast2Phys(mapping), revert);
    });
    this.#view.map(group, underlay);
    if (before !== underlay) this.#tell("mapping", { group, underlay, before: before ?? null, by: "agent" });
    if (movedFrom !== undefined) await this.#filters.release(movedFrom, group);
    await this.#subscriptions.wake(group);
    if (movedFrom !== undefined) await this.#flows.clear();
    logSet(log, mapping, before);
  }

  /** Another underlay than the group's own is a late request for a mapping that is gone: nothing is done. */
  async clear(mapping: M2pMapping, log = this.#log): Promise<void> {
    const { group, underlay } = mapping;
    const current = this.#view.underlayOf(group);
    if (current !== undefined && current !== underlay) {
      log.debug({ group, underlay, current }, "clear names another underlay than the mapping has; nothing done");
      return;
    }
    await withUndo(async (undo) => {
      if (current !== undefined) await this.#takeOff(mapping, undo);
      const revert = current === undefined ? undefined : () => this.#revertTo(mapping, current);
      await this.#attempt(undo, () => this.#driver.clearMcast2Phys(mapping), revert);
    });
    if (current === undefined) {
      log.debug({ group, underlay }, "cleared a mapping that was not there");
      return;
    }
    this.#tell("mapping", { group, underlay: null, before: underlay, by: "agent" });
    await this.#gone(mapping);
    await this.#flows.clear();
    log.info({ group, underlay }, "mapping cleared");
  }

  /** Reads the driver's table; what changed behind our back is taken up, NIC filters and members following. */
  async refresh(): Promise<readonly M2pMapping[]> {
    const dump = await this.dump();
    if (!this.#view.agreesWith(dump)) {
      await this.takeUp(this.#view.differences(dump));
      this.#filters.sayWhatFailed();
      this.#view.agreed(dump);
    }
    this.#uncertain = undefined;
    return dump;
  }

  /** The driver's table without what this agent put there for its own use. */
  async dump(): Promise<readonly M2pMapping[]> {
    return this.#selfMaps.sift(await this.#driver.dumpMcast2Phys());
  }

  /** The driver's mappings as they are; what changed behind our back is not taken up. */
  async seen(): Promise<SeenMappings> {
    const dump = await this.dump();
    if (this.#view.agreesWith(dump)) return this.#view;
    if (this.#view.differences(dump).length === 0) {
      this.#view.agreed(dump);
      return this.#view;
    }
    const underlays = new Map(dump.map(({ group, underlay }) => [group, underlay]));
    return { underlayOf: (group) => underlays.get(group), entries: () => underlays };
  }

  /** The first look at the driver: every mapping is taken up, and held whether its join succeeds or not. */
  async takeStock(): Promise<number> {
    const dump = await this.dump();
    await nextTurn();
    const changes = this.#view.differences(dump);
    await nextTurn();
    for (let from = 0; from < changes.length; from += SLICE) {
      const found: M2pMapping[] = [];
      for (const { group, before, after } of changes.slice(from, from + SLICE)) {
        if (before !== undefined) await this.#gone({ group, underlay: before });
        if (after !== undefined) found.push({ group, underlay: after });
      }
      // Held before it is known: what went wrong here is found as a difference again.
      await this.#holding.hold(found);
      await inTurns(found, ({ group, underlay }) => this.#view.map(group, underlay));
      // Joins give way by themselves; where there are none, what else there is to do gets its turn here.
      await nextTurn();
    }
    this.#filters.sayWhatFailed();
    return dump.length;
  }

  async takeUp(changes: readonly MappingChange[]): Promise<void> {
    for (const change of changes) {
      const { group, before, after } = change;
      this.#tell("mapping", { group, underlay: after ?? null, before: before ?? null, by: "others" });
      try {
        await this.#follow(change);
      } finally {
        // The NICs could not even be asked: it is known no more, and is found again.
        const now = this.#view.underlayOf(group);
        if (now !== after) this.#tell("mapping", { group, underlay: now ?? null, before: after ?? null, by: "others" });
      }
      this.#log.info({ group, before, underlay: after }, "mapping changed in the driver by somebody else; taken up");
    }
    if (changes.some(({ before }) => before !== undefined)) await this.#flows.clear();
  }

  async #follow({ group, before, after }: MappingChange): Promise<void> {
    if (before !== undefined) {
      // The members' subscriptions stayed behind under the old underlay.
      this.#subscriptions.settling.unsettleGroup(group, [before]);
      await this.#gone({ group, underlay: before });
    }
    if (after !== undefined) {
      await this.#holding.hold([{ group, underlay: after }]);
      this.#view.map(group, after);
      await this.#subscriptions.wake(group);
    }
  }

  async repair(): Promise<void> {
    await this.#selfMaps.repair();
    if (this.#uncertain !== undefined) {
      try {
        await this.refresh();
      } catch (error) {
        this.#uncertain = messageOf(error);
      }
    }
    await this.#filters.retry();
  }

  async #gone({ group, underlay }: M2pMapping): Promise<void> {
    this.#view.unmap(group);
    this.#subscriptions.suspend(group);
    await this.#filters.release(underlay, group);
  }

  async #takeOff({ group, underlay }: M2pMapping, undo: Undo): Promise<void> {
    undo(() => this.#subscriptions.putBack(group, underlay));
    await this.#subscriptions.takeOff(group, underlay);
  }

  /** A command that fails may have acted all the same; then, too, it is reverted. */
  async #attempt(undo: Undo, command: () => Promise<unknown>, revert: UndoStep | undefined): Promise<void> {
    try {
      await command();
    } catch (error) {
      if (revert !== undefined && mayHaveTakenEffect(error)) undo(revert);
      throw error;
    }
  }

  /** Sets or clears the group as it was before. Failing that, only a dump can tell how it is, and nobody where its members are. */
  async #revertTo({ group, underlay }: M2pMapping, before: UnderlayGroup | undefined): Promise<void> {
    try {
      if (before === undefined) await this.#driver.clearMcast2Phys({ group, underlay });
      else await this.#driver.setMcast2Phys({ group, underlay: before });
    } catch (error) {
      this.#uncertain = `the mapping of ${group} is uncertain: ${messageOf(error)}`;
      this.#subscriptions.settling.unsettleGroup(group, before === undefined ? [underlay] : [before, underlay]);
      this.#log.error(
        { group, error: messageOf(error) },
        "a failed change of a mapping could not be taken back; the driver will be asked",
      );
      throw error;
    }
  }
}

function logSet(log: Log, { group, underlay }: M2pMapping, before: UnderlayGroup | undefined): void {
  if (before === underlay) log.debug({ group, underlay }, "mapping set again");
  else if (before === undefined) log.info({ group, underlay }, "mapping set");
  else log.info({ group, before, underlay }, "mapping moved");
}
