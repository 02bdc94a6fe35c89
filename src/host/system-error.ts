/** A failed system call, said as Node says its own. */
import { constants } from "node:os";

const NAMES: ReadonlyMap<number, string> = new Map(
  // EAGAIN and EWOULDBLOCK share a number, so do ENOTSUP and EOPNOTSUPP on Linux: the first name wins.
  Object.entries(constants.errno)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** The platform's name of an errno; `E<number>` for one that it has no name for. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

export class SystemError extends Error {
  override readonly name = "SystemError";
  /** Name of the errno: `ENOENT`. */
  readonly code: string;
  /** This platform's number. */
  readonly errno: number;
  readonly syscall: string;
  readonly path: string;

  constructor(syscall: string, path: string, errno: number) {
    const code = errnoName(errno);
    super(`${syscall} ${path}: ${code}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.path = path;
  }
}

/** Whether the system refused because this process may not, which trying again does not change. */
export function isMissingPrivilege(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EACCES" || code === "EPERM";
}
