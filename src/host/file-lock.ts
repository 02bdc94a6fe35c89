/** What an attempt to lock a file came to, whichever binding made it. */
import { constants } from "node:os";
import { SystemError } from "./system-error.ts";

const { EAGAIN, EWOULDBLOCK } = constants.errno;

export function wasLocked(fd: number, errno: number): boolean {
  if (errno === 0) return true;
  if (errno === EAGAIN || errno === EWOULDBLOCK) return false;
  throw new SystemError("flock", `descriptor ${fd}`, errno);
}
