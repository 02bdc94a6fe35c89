/**
 * A way in where none is left. The driver unsubscribes through a mapping and without one does
 * nothing, so a subscription under an underlay group that nothing maps to can only be reached by
 * mapping the underlay group to itself for a moment. It is in the ledger from before it is set until
 * after it is cleared, so that one which a crash left is known for this agent's own, and cleared.
 */
import { messageOf } from "../error.ts";
import type { Ledger } from "../intent/ledger.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Driver } from "../opte/driver.ts";
import type { M2pMapping } from "../opte/types.ts";

const PREFIX = "self-map ";

function isSelfMap({ group, underlay }: M2pMapping): boolean {
  return group === underlay;
}

export class SelfMaps {
  readonly #driver: Driver;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #left: Set<UnderlayGroup>;

  constructor(driver: Driver, ledger: Ledger, log: Log) {
    this.#driver = driver;
    this.#ledger = ledger;
    this.#log = log;
    this.#left = new Set([...ledger.entries(PREFIX)].map(([key]) => key.slice(PREFIX.length) as UnderlayGroup));
  }

  /** Self-mappings that may still be in the driver. */
  get left(): ReadonlySet<UnderlayGroup> {
    return this.#left;
  }

  async unsubscribe(port: string, underlay: UnderlayGroup): Promise<void> {
    await this.#ledger.record([{ key: PREFIX + underlay, value: true }]);
    this.#left.add(underlay);
    await this.#driver.setMcast2Phys({ group: underlay, underlay });
    await this.#driver.mcastUnsubscribe({ port, group: underlay });
    await this.#clear(underlay);
  }

  /** Takes this agent's own out of a dump: nobody else is to see them. */
  sift(dump: readonly M2pMapping[]): readonly M2pMapping[] {
    if (this.#left.size === 0) return dump;
    return dump.filter((mapping) => !(isSelfMap(mapping) && this.#left.has(mapping.underlay)));
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
    this.#ledger.note([{ key: PREFIX + underlay, value: undefined }]);
  }
}
