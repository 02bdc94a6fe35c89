/** Unix sockets to listen on. */
import { lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { SledcastError } from "../error.ts";

/**
 * Removes a socket that a killed process left. Anything else of that name, and a socket in use, is
 * somebody's. `what` names the setting in the error.
 */
export async function clearStaleSocket(path: string, what: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw new SledcastError("conflict", `${what} exists and is no socket`);
  const answer = await new Promise<string>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve("another process answers there");
    }).on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  if (answer !== "ECONNREFUSED") throw new SledcastError("conflict", `${what} is not free: ${answer}`);
  unlinkSync(path);
}
