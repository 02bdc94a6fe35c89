/** NICs in memory: what is joined on which, with failures on request. Stands in for the kernel's tables. */
import { JoinError, type NicState, type UnderlayJoins } from "../../src/host/joins.ts";
import type { UnderlayGroup } from "../../src/net/group.ts";

export class FakeNics implements UnderlayJoins {
  readonly binding = "fake";
  readonly nics: readonly string[];
  /** Underlay groups joined now, on every NIC. */
  readonly joined = new Set<UnderlayGroup>();
  /** How many of the next joins fail. */
  failNext = 0;

  constructor(nics: readonly string[] = ["net0", "net1"]) {
    this.nics = nics;
  }

  async join(underlay: UnderlayGroup): Promise<void> {
    if (this.failNext > 0) {
      this.failNext--;
      throw new JoinError(underlay, this.nics[0] ?? "net0", 2, "ENXIO");
    }
    this.joined.add(underlay);
  }

  async leave(underlay: UnderlayGroup): Promise<void> {
    this.joined.delete(underlay);
  }

  states(underlay: UnderlayGroup): readonly NicState[] {
    return this.nics.map((name, i) => ({ name, index: i + 2, joined: this.joined.has(underlay) }));
  }

  async close(): Promise<void> {}
}
