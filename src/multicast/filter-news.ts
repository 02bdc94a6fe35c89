/** What becomes of underlay groups on the NICs, told to those who follow the events. */
import type { Tell } from "../events.ts";
import type { NicState } from "../host/joins.ts";
import type { UnderlayGroup } from "../net/group.ts";

/** More groups than these that fail or are mended at once, as when a NIC goes, are one event. */
const TOLD_SINGLY = 100;

export class FilterNews {
  readonly #tell: Tell;
  readonly #states: (underlay: UnderlayGroup) => readonly NicState[];
  /** Groups that are held, not joined on every NIC, and told to be so. */
  readonly #degraded = new Set<UnderlayGroup>();

  constructor(tell: Tell, states: (underlay: UnderlayGroup) => readonly NicState[]) {
    this.#tell = tell;
    this.#states = states;
  }

  /** It is held from now on. */
  joined(underlay: UnderlayGroup): void {
    this.#tell("filter", { underlay, change: "joined" });
  }

  /** It was asked of all NICs, and all took it. */
  inOrder(underlay: UnderlayGroup): void {
    if (this.#degraded.delete(underlay)) this.#tell("filter", { underlay, change: "mended" });
  }

  left(underlay: UnderlayGroup): void {
    this.#degraded.delete(underlay);
    this.#tell("filter", { underlay, change: "left" });
  }

  /** Something was tried with these that are held: which of them fail now, or are in order again. */
  compare(underlays: Iterable<UnderlayGroup>): void {
    const failed: { readonly underlay: UnderlayGroup; readonly reason: string | undefined }[] = [];
    const mended: UnderlayGroup[] = [];
    for (const underlay of underlays) {
      const broken = this.#states(underlay).find(({ joined }) => !joined);
      if (broken !== undefined && !this.#degraded.has(underlay)) failed.push({ underlay, reason: broken.error });
      if (broken === undefined && this.#degraded.has(underlay)) mended.push(underlay);
    }
    for (const { underlay } of failed) this.#degraded.add(underlay);
    for (const underlay of mended) this.#degraded.delete(underlay);
    const [first] = failed;
    if (failed.length > TOLD_SINGLY) {
      this.#tell("filter", { underlay: null, change: "degraded", groups: failed.length, reason: first?.reason });
    } else for (const one of failed) this.#tell("filter", { change: "degraded", ...one });
    if (mended.length > TOLD_SINGLY) {
      this.#tell("filter", { underlay: null, change: "mended", groups: mended.length });
    } else for (const underlay of mended) this.#tell("filter", { underlay, change: "mended" });
  }

  /** Those that failed were tried again. */
  compareDegraded(): void {
    if (this.#degraded.size > 0) this.compare([...this.#degraded]);
  }
}
