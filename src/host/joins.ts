/**
 * Joining underlay groups on the physical NICs: what lets the hardware's MAC filter pass their
 * frames. This is the interface; bindings implement it.
 */
import { SledcastError } from "../error.ts";
import type { UnderlayGroup } from "../net/group.ts";

/** A NIC refused to join a group. */
export class JoinError extends SledcastError {
  override readonly name = "JoinError";
  readonly nic: string;

  constructor(underlay: UnderlayGroup, nic: string, index: number | undefined, reason: string) {
    const where = index === undefined ? nic : `${nic} (index ${index})`;
    super("underlay-join-failed", `joining underlay group ${underlay} on NIC ${where} failed: ${reason}`);
    this.nic = nic;
  }
}

export interface NicState {
  readonly name: string;
  /** Interface index; undefined where the NIC is not there. */
  readonly index: number | undefined;
  readonly joined: boolean;
  readonly error?: string;
}

/** All NICs of this sled's underlay, taken together. */
export interface UnderlayJoins {
  /** Which binding does the joins, for status and log. */
  readonly binding: string;
  readonly nics: readonly string[];
  /** Joins the group on every NIC, or on none and throws a JoinError. */
  join(underlay: UnderlayGroup): Promise<void>;
  /** Leaves the group on every NIC; leaving what is not joined is nothing. */
  leave(underlay: UnderlayGroup): Promise<void>;
  /** What holds for each NIC. */
  states(underlay: UnderlayGroup): readonly NicState[];
  close(): Promise<void>;
}

/** For a sled without configured underlay NICs: nothing is joined, which is not a failure. */
export const NO_NICS: UnderlayJoins = {
  binding: "none",
  nics: [],
  join: async () => {},
  leave: async () => {},
  states: () => [],
  close: async () => {},
};
