/**
 * Joining underlay groups on the physical NICs: what lets the hardware's MAC filter pass their
 * frames. This is the interface; `nic-joins.ts` does it.
 */
import { type ErrorKind, SledcastError } from "../error.ts";
import type { UnderlayGroup } from "../net/group.ts";

/** A group on a NIC, as errors call it. `index` 0: the NIC has none, since it is not there. */
export function notJoined(underlay: UnderlayGroup, nic: string, index: number, reason: string): string {
  const where = index === 0 ? nic : `${nic} (index ${index})`;
  return `joining underlay group ${underlay} on NIC ${where} failed: ${reason}`;
}

/** A NIC did not take a group. */
export class JoinError extends SledcastError {
  override readonly name = "JoinError";
  readonly nic: string;

  constructor(kind: ErrorKind, nic: string, message: string, options?: { cause?: unknown }) {
    super(kind, message, options);
    this.nic = nic;
  }
}

/** One group on one NIC. */
export interface NicState {
  readonly name: string;
  /** Interface index; undefined where the NIC is not there. */
  readonly index: number | undefined;
  readonly joined: boolean;
  readonly error?: string;
}

/** What was found other than it was left. */
export interface NicDrift {
  /** The NIC is not there any more; it is there, new or under another index; or it is, and memberships are lost. */
  readonly what: "nic-gone" | "nic-returned" | "filter-lost";
  readonly nic: string;
  /** The index it had; undefined: it was not there. */
  readonly before: number | undefined;
  /** The index it has; undefined: it is not there. */
  readonly index: number | undefined;
  /** The underlay groups that this is about. */
  readonly underlays: readonly UnderlayGroup[];
}

/** Groups that are not joined on a NIC, of which there can be thousands for one reason. */
export interface NicFailures {
  readonly nic: string;
  readonly groups: number;
  /** Why, for the first of them. */
  readonly first: string;
}

/** A group that is wanted and not joined on every NIC. */
export interface BrokenJoin {
  readonly underlay: UnderlayGroup;
  readonly reason: string;
}

/** All NICs of this sled's underlay, taken together. Its methods are called one at a time (in the lane). */
export interface UnderlayJoins {
  /** Which binding does the joins, for status and log. */
  readonly binding: string;
  readonly nics: readonly string[];
  /** Configured NICs that were not there when last looked for. */
  readonly missing: readonly string[];
  /** Why the last survey failed, so that nobody knows how the NICs are; undefined: it did not. */
  readonly unseen: string | undefined;
  /** How many groups are wanted and not joined on every NIC. */
  readonly brokenCount: number;
  /** Which those are, and why: no more than so many of them. */
  broken(most: number): readonly BrokenJoin[];
  /** Joins the group on every NIC, or throws a JoinError and leaves it as it was. */
  join(underlay: UnderlayGroup): Promise<void>;
  /** Joins the groups on the NICs that let them: one that fails is kept, and is broken until a `retry` succeeds. */
  joinWhereCan(underlays: readonly UnderlayGroup[]): Promise<readonly NicFailures[]>;
  /** Leaves the groups on every NIC; leaving what is not joined is nothing. */
  leave(underlays: readonly UnderlayGroup[]): Promise<void>;
  /** Tries what is broken again. Answers how many groups are in order now, by the NIC that had failed. */
  retry(): Promise<ReadonlyMap<string, number>>;
  /** Looks at the host's NICs, and where the OS tells at its table of memberships. Changes nothing. */
  survey(): Promise<readonly NicDrift[]>;
  /** Leaves what is detached and joins again what can be joined. Answers why that failed for some, if so. */
  mend(drift: NicDrift): Promise<string | undefined>;
  /** What holds for each NIC. */
  states(underlay: UnderlayGroup): readonly NicState[];
  /** From now on, `changed` is called soon after something about the host's NICs changed: time for a survey. */
  watch(changed: () => Promise<void>): void;
  /** Asks for a call of `changed`: a survey could not be made, or not be seen to. */
  lookAgain(): void;
  close(): Promise<void>;
}

/** For a sled without configured underlay NICs: nothing is joined, which is not a failure. */
export const NO_NICS: UnderlayJoins = {
  binding: "none",
  nics: [],
  missing: [],
  unseen: undefined,
  brokenCount: 0,
  broken: () => [],
  join: async () => {},
  joinWhereCan: async () => [],
  leave: async () => {},
  retry: async () => new Map(),
  survey: async () => [],
  mend: async () => undefined,
  states: () => [],
  watch: () => {},
  lookAgain: () => {},
  close: async () => {},
};
