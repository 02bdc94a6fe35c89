/** flock(2) over koffi, as `native/os/file_lock.cc` has it. In the calling thread: it never waits. */
import { constants } from "node:os";
import { lastErrno, libcFunction } from "./koffi-libc.ts";

/** The same on all of koffi's platforms. */
const LOCK_EX = 2;
const LOCK_NB = 4;

const flock = libcFunction("int flock(int fd, int operation)");

/** 0, or the errno. */
export function lockFile(fd: number): number {
  if (typeof fd !== "number") throw new TypeError("a descriptor must be a number");
  if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fff_ffff) throw new TypeError("not a descriptor");
  for (;;) {
    const errno = flock(fd, LOCK_EX | LOCK_NB) === 0 ? 0 : lastErrno();
    if (errno !== constants.errno.EINTR) return errno;
  }
}
