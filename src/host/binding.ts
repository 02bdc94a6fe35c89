/**
 * What the host's native calls give, in bytes and numbers: no meaning of OPTE is in here. Two
 * bindings do the same (the addon and koffi), and one contract suite holds both to it.
 */
import type { NetworkBinding } from "./memberships.ts";

/** One OPTE command as the ioctl carries it. */
export interface DeviceCall {
  readonly apiVersion: number;
  /** The command's number (opte-api `OpteCmd`). */
  readonly cmd: number;
  /** Encoded request; left out: the command goes without a body. */
  readonly request: Uint8Array | undefined;
  /** Bytes of room for the reply. */
  readonly capacity: number;
}

/** What came of a call. It failed when `errno` is not 0. */
export interface DeviceReply {
  /** 0, or the number of this platform (`os.constants.errno` has the names). */
  readonly errno: number;
  /** Whether the driver wrote a reply: a response on success, an encoded `OpteError` on failure. */
  readonly copiedOut: boolean;
  /** Bytes the reply has; more than the capacity when it did not fit. */
  readonly actual: number;
  /** The reply, when it was copied out; empty otherwise. */
  readonly reply: Uint8Array;
}

/** An open control device. */
export interface Device {
  readonly path: string;
  /**
   * Runs the calls one after another in ONE task of the thread pool; a failed one does not stop
   * those behind it. Rejected with EBADF after `close`. The requests are copied before this
   * returns, so the caller may reuse its buffers.
   */
  run(calls: readonly DeviceCall[]): Promise<readonly DeviceReply[]>;
  /** Waits for what is under way, then closes. Closing again is the same promise's answer. */
  close(): Promise<void>;
}

/** Of a process that connected to a Unix socket, as it was when it connected. */
export interface PeerCredentials {
  readonly uid: number;
  /** Where the system tells it. */
  readonly pid?: number;
}

export type BindingName = "addon" | "koffi";

export interface Binding extends NetworkBinding {
  readonly name: BindingName;
  /**
   * Opens read-write and close-on-exec and with no other flag (xde answers EINVAL to O_NONBLOCK,
   * O_NDELAY and O_EXCL), off the event loop. Rejects with `SystemError`.
   */
  openDevice(path: string): Promise<Device>;
  /**
   * Takes an open file for this process alone (flock(2)), without waiting; false: another has it.
   * The lock goes when the descriptor is closed, also by a process that is killed. Throws
   * `SystemError`.
   */
  tryLock(fd: number): boolean;
  /** Of a connection; undefined where there is nobody to tell of. Left out by a binding that cannot ask. */
  peerCredentials?(fd: number): PeerCredentials | undefined;
}
