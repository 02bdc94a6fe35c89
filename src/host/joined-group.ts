/** What is known of an underlay group on the NICs. */
import { constants } from "node:os";
import type { ErrorKind } from "../error.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { writeIpBytes } from "../net/ip-parse-bytes.ts";
import { joinReason, NO_SUCH_NIC } from "./join-reason.ts";
import { notJoined } from "./joins.ts";

/** A group and where it is joined. Arrays have a place for each NIC. */
export interface JoinedGroup {
  readonly underlay: UnderlayGroup;
  /** Later groups have higher numbers. */
  readonly order: number;
  /** It is to stay joined; false while its first join is tried. */
  wanted: boolean;
  /** Undefined while it is joined nowhere. */
  socket: number | undefined;
  /** The index it is joined under; 0: it is not. */
  readonly at: number[];
  /** Why the last try failed: an errno, NO_SUCH_NIC, or LOST; 0: it did not. */
  readonly failed: number[];
  /** Its 32 hexadecimal digits, once they were needed. */
  digits: string | undefined;
}

/** In place of an errno: it was joined, and a survey found that the kernel forgot it, which the socket does not know. */
export const LOST = -2;

export interface JoinFailure {
  readonly kind: ErrorKind;
  readonly nic: string;
  readonly message: string;
}

/** The first NIC that did not take the group; -1: all did. */
export function failedNic({ failed }: JoinedGroup): number {
  return failed.findIndex((errno) => errno !== 0);
}

/** Why the group is not joined on the NIC, which has that index now (0: none); undefined: it is. */
export function whyNotJoined(group: JoinedGroup, nic: number, name: string, index: number): JoinFailure | undefined {
  const at = group.at[nic] as number;
  let errno = group.failed[nic] as number;
  // Joined under another index than the NIC has: the next survey will say so.
  if (errno === 0 && at !== 0 && at !== index) errno = index === 0 ? NO_SUCH_NIC : constants.errno.ENXIO;
  if (errno === 0) return undefined;
  if (errno === LOST) {
    const text = "the kernel has lost the membership, and the next repair joins again";
    return { kind: "underlay-join-failed", nic: name, message: notJoined(group.underlay, name, index, text) };
  }
  const { kind, text } = joinReason(errno);
  return { kind, nic: name, message: notJoined(group.underlay, name, errno === NO_SUCH_NIC ? 0 : index, text) };
}

const bytes = Buffer.alloc(16);

/** The group as the kernel's table has it: 32 hexadecimal digits. Kept, since every audit asks for it. */
export function digitsOf(group: JoinedGroup): string {
  if (group.digits === undefined) {
    writeIpBytes(group.underlay, bytes, 0);
    group.digits = bytes.toString("hex");
  }
  return group.digits;
}
