/**
 * Memberships in IPv6 groups as sockets hold them: what both bindings give, in bytes and numbers.
 * Which group goes to which socket, and what a failure means, is `nic-joins.ts`'s to know.
 *
 * A script crosses to native code as one ArrayBuffer of 32 bytes a step, in the machine's own
 * order: operation (u32), socket (u32), then `struct ipv6_mreq` as setsockopt(2) takes it (group,
 * 16 bytes; interface index, u32), and 4 bytes of nothing. Back comes one errno a step.
 */
import { constants } from "node:os";
import type { UnderlayGroup } from "../net/group.ts";
import { writeIpBytes } from "../net/ip-parse-bytes.ts";
import { SystemError } from "./system-error.ts";

export const STEP_BYTES = 32;
export const STEP = { open: 0, join: 1, leave: 2, close: 3 } as const;
/** Sockets are numbered by the caller, from 0 to one less than this. */
export const MOST_SOCKETS = 65_536;

/** Steps to be run one after another. */
export class MembershipScript {
  #bytes = new Uint8Array(64 * STEP_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** How many steps there are so far; what the next one's errno will be found under. */
  get length(): number {
    return this.#length;
  }

  open(socket: number): void {
    this.#step(STEP.open, socket);
  }

  join(socket: number, group: UnderlayGroup, index: number): void {
    this.#member(STEP.join, socket, group, index);
  }

  leave(socket: number, group: UnderlayGroup, index: number): void {
    this.#member(STEP.leave, socket, group, index);
  }

  /** Leaves all that the socket is a member of. */
  close(socket: number): void {
    this.#step(STEP.close, socket);
  }

  /** A copy, as long as its steps. */
  pack(): ArrayBuffer {
    return this.#bytes.slice(0, this.#length * STEP_BYTES).buffer;
  }

  #member(operation: number, socket: number, group: UnderlayGroup, index: number): void {
    const at = this.#step(operation, socket);
    writeIpBytes(group, this.#bytes, at + 8);
    this.#view.setUint32(at + 24, index, LITTLE_ENDIAN);
  }

  #step(operation: number, socket: number): number {
    const at = this.#length++ * STEP_BYTES;
    if (at === this.#bytes.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#view.setUint32(at, operation, LITTLE_ENDIAN);
    this.#view.setUint32(at + 4, socket, LITTLE_ENDIAN);
    return at;
  }
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

const IS_NOT_THERE: readonly number[] = [constants.errno.ENODEV, constants.errno.ENXIO];

/** What both bindings' look-up answers: an index, or a negative errno. */
export function indexesFrom(answers: Int32Array, names: readonly string[]): readonly number[] {
  return Array.from(answers, (answer, i) => {
    if (answer >= 0) return answer;
    if (IS_NOT_THERE.includes(-answer)) return 0;
    throw new SystemError("if_nametoindex", names[i] ?? "", -answer);
  });
}

/** Sockets that are held for their memberships only: unbound, nothing is received on them. */
export interface Memberships {
  /**
   * Runs the steps in order, off the event loop; a failed one does not stop those behind it. The
   * answer has 0 or this platform's errno for each. A step for a socket that is not open is EBADF,
   * opening one that is open EBUSY. Scripts run one at a time, in the order they were given.
   * Rejected with EBADF after `close`.
   *
   * Sockets are opened so that a process that is killed leaves newest first: see
   * `native/os/memberships.h`.
   */
  run(script: MembershipScript): Promise<Int32Array>;
  /** Waits for what is under way, then closes every socket, newest first. Again: the same promise's answer. */
  close(): Promise<void>;
}

/** Tells that something about the host's interfaces changed. */
export interface InterfaceWatch {
  close(): void;
}

/** What a binding gives beside the control device. */
export interface NetworkBinding {
  openMemberships(): Memberships;
  /**
   * The index of each interface, 0 for one that is not there; off the event loop. Rejected with
   * `SystemError` where that could not be found out: the look-up takes a descriptor.
   */
  interfaceIndexes(names: readonly string[]): Promise<readonly number[]>;
  /**
   * Calls `changed` soon after the host's interfaces changed in any way: one came, went, was
   * renamed, went up or down, got another MTU, or another address. It is a hint to look, may come
   * without cause, and several changes may be one call. Left out where the binding cannot tell:
   * its user has to look from time to time. `failed` is called once if the watch breaks. It does
   * not keep the process alive. Throws `SystemError` where the OS refuses.
   */
  watchInterfaces?(changed: () => void, failed: (error: Error) => void): InterfaceWatch;
}
