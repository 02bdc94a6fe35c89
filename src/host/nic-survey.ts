/** Looks for what is other than it was left: NICs that went or came, and memberships that the kernel lost. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../error.ts";
import { type JoinedGroup, LOST } from "./joined-group.ts";
import type { NicDrift } from "./joins.ts";
import type { MembershipTable } from "./membership-table.ts";
import type { Nics } from "./nics.ts";
import { inTurns } from "./turns.ts";

export type ReadTable = (indexes: readonly number[]) => Promise<MembershipTable | undefined>;

/** How often a membership must be missing from the table: it comes in pieces, and what others leave meanwhile makes a line be passed over. */
const LOOKS = 3;

export class NicSurvey {
  readonly #nics: Nics;
  readonly #readTable: ReadTable;
  /** The index of each NIC that the memberships were last brought in line with. */
  readonly #settled: number[];
  /** The indexes that the last whole survey saw. */
  #seen: readonly number[] = [];
  #failure: string | undefined;

  constructor(nics: Nics, readTable: ReadTable) {
    this.#nics = nics;
    this.#readTable = readTable;
    this.#settled = nics.names.map(() => 0);
  }

  /** The memberships on the NIC are those that its index asks for. */
  settle(nic: number, index: number): void {
    this.#settled[nic] = index;
  }

  /** Whether the NICs are those that the memberships were brought in line with, as far as is known now. */
  get isSettled(): boolean {
    return this.#nics.indexes.every((index, nic) => index === this.#settled[nic]);
  }

  /** Whether the indexes were seen by a survey. */
  get isSeen(): boolean {
    return this.#nics.indexes.every((index, nic) => index === this.#seen[nic]);
  }

  /** Why the last survey did not come to its end; undefined: it did. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** What was found could not be seen to: it is to be looked for again. */
  forget(): void {
    this.#seen = [];
  }

  async run(groups: readonly JoinedGroup[]): Promise<NicDrift[]> {
    try {
      const drifts = await this.#run(groups);
      this.#seen = this.#nics.indexes;
      this.#failure = undefined;
      return drifts;
    } catch (error) {
      this.#failure = messageOf(error);
      throw error;
    }
  }

  async #run(groups: readonly JoinedGroup[]): Promise<NicDrift[]> {
    await this.#nics.refresh();
    const drifts: NicDrift[] = [];
    const steady: number[] = [];
    for (const [nic, index] of this.#nics.indexes.entries()) {
      const before = this.#settled[nic] as number;
      if (index !== before) {
        const what = index === 0 ? "nic-gone" : "nic-returned";
        const about = index === 0 ? groups.filter(({ at }) => at[nic] !== 0) : groups;
        drifts.push(this.#drift(what, nic, before, about));
      } else if (index !== 0) {
        steady.push(nic);
      }
    }
    return [...drifts, ...(await this.#lost(steady, groups))];
  }

  /** Memberships on these NICs that the kernel has no more. They are marked. */
  async #lost(nics: readonly number[], groups: readonly JoinedGroup[]): Promise<NicDrift[]> {
    if (nics.length === 0 || groups.length === 0) return [];
    const indexOf = (nic: number) => this.#nics.indexes[nic] as number;
    let missing = new Map(nics.map((nic) => [nic, groups.filter(({ at }) => at[nic] === indexOf(nic))]));
    await nextTurn();
    for (let look = 0; look < LOOKS; look++) {
      const table = await this.#readTable(nics.map(indexOf));
      if (table === undefined) return [];
      const still = new Map<number, JoinedGroup[]>();
      for (const [nic, some] of missing) still.set(nic, await notIn(table.get(indexOf(nic)), some));
      missing = still;
      if ([...missing.values()].every((some) => some.length === 0)) break;
    }
    // Only now, when it is known: who asks meanwhile is told what the last survey found.
    for (const nic of nics) for (const { failed } of groups) if (failed[nic] === LOST) failed[nic] = 0;
    return [...missing]
      .filter(([, some]) => some.length > 0)
      .map(([nic, some]) => {
        for (const { failed } of some) failed[nic] = LOST;
        return this.#drift("filter-lost", nic, indexOf(nic), some);
      });
  }

  #drift(what: NicDrift["what"], nic: number, before: number, groups: readonly JoinedGroup[]): NicDrift {
    return {
      what,
      nic: this.#nics.names[nic] as string,
      before: before || undefined,
      index: this.#nics.indexes[nic] || undefined,
      underlays: groups.map(({ underlay }) => underlay),
    };
  }
}

async function notIn(table: ReadonlySet<string> | undefined, groups: readonly JoinedGroup[]): Promise<JoinedGroup[]> {
  const missing: JoinedGroup[] = [];
  await inTurns(groups, (group) => {
    if (!table?.has(group.digits)) missing.push(group);
  });
  return missing;
}
