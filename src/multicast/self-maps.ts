/**
 * A way in where none is left. The driver unsubscribes through a mapping and without one does
 * nothing, so a subscription under an underlay group that nothing maps to can only be reached by
 * mapping the underlay group to itself for a moment. No overlay group lies in ff04::/16, so such a
 * mapping is always this agent's: one that is found was left behind, and is cleared.
 */
import { messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Driver } from "../opte/driver.ts";
import type { M2pMapping } from "../opte/types.ts";

export function isSelfMap({ group, underlay }: M2pMapping): boolean {
  return group === underlay;
}

export class SelfMaps {
  readonly #driver: Driver;
  readonly #log: Log;
  readonly #left = new Set<UnderlayGroup>();

  constructor(driver: Driver, log: Log) {
    this.#driver = driver;
    this.#log = log;
  }

  /** Self-mappings that may still be in the driver. */
  get left(): ReadonlySet<UnderlayGroup> {
    return this.#left;
  }

  async unsubscribe(port: string, underlay: UnderlayGroup): Promise<void> {
    this.#left.add(underlay);
    await this.#driver.setMcast2Phys({ group: underlay, underlay });
    await this.#driver.mcastUnsubscribe({ port, group: underlay });
    await this.#clear(underlay);
  }

  /** Takes the self-mappings out of a dump, to be cleared; nobody else is to see them. */
  sift(dump: readonly M2pMapping[]): readonly M2pMapping[] {
    if (!dump.some(isSelfMap)) return dump;
    for (const { underlay } of dump.filter(isSelfMap)) this.#left.add(underlay);
    return dump.filter((mapping) => !isSelfMap(mapping));
  }

  async repair(): Promise<void> {
    for (const underlay of [...this.#left]) {
      try {
        await this.#clear(underlay);
      } catch (error) {
        this.#log.debug({ underlay, error: messageOf(error) }, "a self-mapping is still to be cleared");
      }
    }
  }

  async #clear(underlay: UnderlayGroup): Promise<void> {
    await this.#driver.clearMcast2Phys({ group: underlay, underlay });
    this.#left.delete(underlay);
  }
}
