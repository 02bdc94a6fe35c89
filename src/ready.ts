/** Telling whoever started the daemon that the start is over: a word on a descriptor that was opened for it. */
import { closeSync, fstatSync, writeSync } from "node:fs";
import { badRequest, messageOf } from "./error.ts";

/**
 * How long the first tries of everything may keep the one who waits. A driver that is away can stay away: the daemon
 * serves meanwhile and says so in `/readyz`, and a service that were kept offline for it could not be asked.
 */
const TRIES_WITHIN_MS = 10_000;

/** Who waits reads to the end, so a descriptor that is not open would keep it for ever: better said at once. */
export function checkReadyFd(fd: number): void {
  try {
    fstatSync(fd);
  } catch (error) {
    throw badRequest(`--ready-fd ${fd}: is not open: ${messageOf(error)}`);
  }
}

function tell(fd: number, word: "ready" | "listening"): void {
  try {
    writeSync(fd, `${word}\n`);
  } catch {
    // Nobody waits any more.
  }
  closeSync(fd);
}

/** Writes `ready` when the start is over, or `listening` when that takes long. A start that fails writes nothing. */
export async function tellReady(fd: number, started: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"listening">((resolve) => {
    timer = setTimeout(() => resolve("listening"), TRIES_WITHIN_MS);
  });
  try {
    tell(fd, await Promise.race([started.then(() => "ready" as const), late]));
  } catch {
    // The daemon ends with it, and its exit status tells.
  } finally {
    clearTimeout(timer);
  }
}
