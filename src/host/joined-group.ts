/** What is known of an underlay group on the NICs. */
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
  /** As the kernel's table has it: 32 hexadecimal digits. */
  readonly digits: string;
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
  const errno = group.failed[nic] as number;
  const say = ({ kind, text }: { readonly kind: ErrorKind; readonly text: string }) => {
    return { kind, nic: name, message: notJoined(group.underlay, name, index, text) };
  };
  const kind = "underlay-join-failed";
  if (errno === LOST) return say({ kind, text: "the kernel has lost the membership; a repair joins again" });
  if (errno !== 0) return say(joinReason(errno));
  if (at === 0 || at === index) return undefined;
  if (index === 0) return say(joinReason(NO_SUCH_NIC));
  return say({ kind, text: `it is joined under index ${at}, which is gone; a repair joins again` });
}

const bytes = Buffer.alloc(16);

/** A group that is joined nowhere yet, and wanted by nobody; `nics` is how many there are. */
export function freshGroup(underlay: UnderlayGroup, order: number, nics: number): JoinedGroup {
  const none = () => new Array<number>(nics).fill(0);
  writeIpBytes(underlay, bytes, 0);
  const digits = bytes.toString("hex");
  return { underlay, order, wanted: false, socket: undefined, at: none(), failed: none(), digits };
}
