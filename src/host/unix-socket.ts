/** Unix sockets to listen on. */
import { chmodSync, existsSync, lchownSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { messageOf, SledcastError } from "../error.ts";
import { wrong } from "../settings.ts";

/**
 * Removes a socket that a killed process left. Anything else of that name, and a socket in use, is
 * somebody's. `what` names the setting in the error; `givenTo`: the user that the killed one gave its
 * socket to, which may keep us from asking whether somebody is there: illumos wants read and write permission for
 * that (sockfs, socksubr.c), and root without `file_dac_*` has none of another's. Two daemons of one state directory
 * never come so far.
 */
export async function clearStaleSocket(path: string, what: string, givenTo?: number): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) {
    // Listening would fail with EACCES, which libuv has for ENOENT.
    if (existsSync(dirname(path))) return;
    throw new SledcastError("bad-request", `${what} cannot be made: ${dirname(path)} is not there; make it first`);
  }
  if (!there.isSocket()) throw new SledcastError("conflict", `${what} exists and is no socket`);
  const answer = await new Promise<string>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve("another process answers there");
    }).on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  const isForeclosed = answer === "EACCES" && givenTo !== undefined && there.uid === givenTo;
  if (answer !== "ECONNREFUSED" && !isForeclosed) throw new SledcastError("conflict", `${what} is not free: ${answer}`);
  unlinkSync(path);
}

/** Who may connect to a socket. */
export interface SocketAccess {
  readonly mode: number;
  /** Left out: as the system has it for what this process makes. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** A file of the system's that has a name first and its number third. */
function numberOf(file: string, name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const lines = readFileSync(file, "utf8").split("\n");
  const fields = lines.map((line) => line.split(":")).find(([one]) => one === name);
  return fields === undefined || !/^\d+$/.test(fields[2] ?? "") ? undefined : Number(fields[2]);
}

/**
 * A number is taken as it is; a name is looked up in the file alone. Services that have further names (LDAP,
 * say) are not asked: only the C library could, and it can keep a start waiting for the network.
 */
export function parseAccount(key: string, file: string, name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  let found: number | undefined;
  try {
    found = numberOf(file, name);
  } catch (error) {
    throw wrong(key, `${name} cannot be looked up: ${messageOf(error)}; a number needs no file`);
  }
  if (found === undefined || found >= 2 ** 32 - 1) {
    throw wrong(key, `${file} has no ${name}; name one that it has, or give a number`);
  }
  return found;
}

/**
 * Has a socket listened on so that nobody can connect before its mode and owner are as they are to be.
 * The mask is the whole process's for that moment, so it is one that what else is made meanwhile can do with.
 */
export async function withAccess(path: string, access: SocketAccess, listen: () => Promise<unknown>): Promise<void> {
  const before = process.umask(0o077);
  try {
    await listen();
  } finally {
    process.umask(before);
  }
  const { mode, uid, gid } = access;
  const { uid: ourUid, gid: ourGid } = lstatSync(path);
  if (gid !== undefined) give("socket.group", path, ourUid, gid);
  chmodSync(path, mode);
  // Last: what is another's we may change no more, unless with the privilege `file_owner`.
  if (uid !== undefined) give("socket.owner", path, uid, gid ?? ourGid);
}

function give(key: string, path: string, uid: number, gid: number): void {
  try {
    lchownSync(path, uid, gid);
  } catch (error) {
    throw wrong(key, `the socket cannot be given away: ${messageOf(error)}; it takes the privilege to, as root has`);
  }
}
