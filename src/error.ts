/**
 * The one error type. Its kind says what went wrong in terms a caller can act on; `src/http` maps
 * kinds to status and `error_code`, `src/cli` to exit codes. The message names the thing, the
 * reason and, where there is one, the way out.
 */
export type ErrorKind =
  /** The caller's mistake: nothing was changed and the same request will never succeed. */
  | "bad-request"
  /** The thing named does not exist. */
  | "not-found"
  /** No VMM of that propolis id. */
  | "no-such-instance"
  /** A name, MAC, instance or port that belongs to another. */
  | "conflict"
  /** A declared configuration is in force, so single entries are not to be changed. */
  | "managed-by-config"
  /** A declared configuration that is older than the one in force, or another of the same generation. */
  | "generation"
  /** A subnet that the instance has already. */
  | "subnet-attached"
  /** A NIC did not join an underlay group; a retry can succeed. */
  | "underlay-join-failed"
  /** The driver is not there, of an unknown version, or did not answer. */
  | "driver-unavailable"
  /** The driver said no, and will say no again. */
  | "driver-refused"
  /** The driver said no, but may not the next time (EBUSY, ENOMEM, EAGAIN). */
  | "driver-busy"
  /** A limit of this host: descriptors, memory. */
  | "resource-limit"
  /** Too many operations wait already. */
  | "lane-full"
  /** A defect of ours. */
  | "internal";

export class SledcastError extends Error {
  override readonly name: string = "SledcastError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof SledcastError && error.kind === kind;
}

export function badRequest(message: string): SledcastError {
  return new SledcastError("bad-request", message);
}

/** What an unknown thrown value says of itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
