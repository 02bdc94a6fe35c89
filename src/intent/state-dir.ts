/**
 * The state directory is one process's at a time. The lock is flock(2)'s, which the kernel releases
 * however the process ends; what is written in the file only tells who has it.
 */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { badRequest, messageOf, SledcastError } from "../error.ts";
import type { Binding } from "../host/binding.ts";
import { loadBinding } from "../host/bindings.ts";
import type { Log } from "../log.ts";
import { errnoOf, REAL_DISK, whyNotWritten } from "./ledger/disk.ts";

export interface StateDirLock {
  /** Tells who is refused where this one serves. */
  setAddress(address: string): void;
  release(): void;
}

export interface Holder {
  readonly pid: number;
  readonly address?: string;
  /** RFC 3339. */
  readonly since: string;
}

/** What a configuration cannot mean; the rest is the host's trouble. */
const MISTAKES: ReadonlySet<string | undefined> = new Set([
  "EACCES",
  "EEXIST",
  "EPERM",
  "ENOTDIR",
  "EISDIR",
  "ELOOP",
  "ENAMETOOLONG",
]);

function unusable(dir: string, file: string, error: unknown): SledcastError {
  const message = `state_dir ${dir} cannot be used: ${whyNotWritten(file, error)}`;
  return MISTAKES.has(errnoOf(error))
    ? badRequest(message)
    : new SledcastError("resource-limit", message, { cause: error });
}

function openLock(file: string): number {
  try {
    return openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    // A lock that is there can be taken all the same, and keeps out who starts when it is writable again.
    if (errnoOf(error) !== "EROFS") throw error;
    return openSync(file, "r");
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    const { pid, address, since } = JSON.parse(readFileSync(file, "utf8").split("\n", 1)[0] ?? "") as Partial<Holder>;
    if (typeof pid !== "number" || typeof since !== "string") return undefined;
    return typeof address === "string" ? { pid, address, since } : { pid, since };
  } catch {
    // Nobody has written there yet, or is just doing so.
    return undefined;
  }
}

function inUse(dir: string, holder: Holder | undefined): SledcastError {
  const { pid, address, since } = holder ?? {};
  const known = [
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(address === undefined ? [] : [`serving ${address}`]),
    ...(since === undefined ? [] : [`since ${since}`]),
  ].join(", ");
  const who = known === "" ? "another process" : `another process (${known})`;
  return new SledcastError(
    "conflict",
    `state_dir ${dir} is in use by ${who}: stop that one first, or name another with --state-dir`,
  );
}

function isAlive(pid: number): boolean {
  // Ours, from before a restart: in a container every daemon may have the same.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

/**
 * Who has a state directory, without trying to take it: a daemon that starts at that moment would be refused. Undefined:
 * nobody that lives, as far as the file in it tells.
 */
export function stateDirHolder(dir: string): Holder | undefined {
  const holder = readHolder(path.join(dir, "lock"));
  return holder !== undefined && isAlive(holder.pid) ? holder : undefined;
}

/** What a binding gives for it. */
export type LoadLock = () => Promise<{ readonly binding: Pick<Binding, "tryLock"> }>;

type Lock =
  | { readonly by: "kernel"; readonly tryLock: (fd: number) => boolean }
  /** Who is in the file has it for as long as that one lives. */
  | { readonly by: "pid" };

async function bestLock(file: string, log: Log, loadLock: LoadLock): Promise<Lock> {
  try {
    const { binding } = await loadLock();
    return { by: "kernel", tryLock: (fd) => binding.tryLock(fd) };
  } catch (error) {
    if (error instanceof SledcastError) throw error;
    const message = "the state directory is guarded by the pid in its lock file only, for want of a binding";
    log.warn({ file, reason: messageOf(error) }, message);
    return { by: "pid" };
  }
}

function isTaken(lock: Lock, fd: number, file: string): boolean {
  if (lock.by === "kernel") return !lock.tryLock(fd);
  const holder = readHolder(file);
  return holder !== undefined && isAlive(holder.pid);
}

/** In one write and first, so that who reads in between does not find it empty. */
function writeHolder(fd: number, holder: Holder): void {
  const text = `${JSON.stringify(holder)}\n`;
  writeSync(fd, text, 0);
  ftruncateSync(fd, Buffer.byteLength(text));
}

class Held implements StateDirLock {
  readonly #fd: number;
  readonly #file: string;
  readonly #log: Log;
  readonly #since = new Date().toISOString();
  #isHeld = true;

  constructor(fd: number, file: string, log: Log) {
    this.#fd = fd;
    this.#file = file;
    this.#log = log;
  }

  /** Throws where the file is what locks. */
  begin(isNeeded: boolean): void {
    this.#write({ pid: process.pid, since: this.#since }, isNeeded);
  }

  setAddress(address: string): void {
    if (this.#isHeld) this.#write({ pid: process.pid, address, since: this.#since }, false);
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    try {
      // The file stays: another may have it open already, and wait for this very one.
      ftruncateSync(this.#fd, 0);
    } catch {
      // What it says is read by who is refused only.
    }
    closeSync(this.#fd);
  }

  #write(holder: Holder, isNeeded: boolean): void {
    try {
      writeHolder(this.#fd, holder);
    } catch (error) {
      if (isNeeded) throw error;
      this.#log.warn({ error: whyNotWritten(this.#file, error) }, "the lock file does not say who holds it");
    }
  }
}

/**
 * Makes the directory where it is missing, and takes it for this process. Throws "conflict" naming
 * the process that has it.
 */
export async function lockStateDir(dir: string, log: Log, loadLock: LoadLock = loadBinding): Promise<StateDirLock> {
  const file = path.join(dir, "lock");
  const lock = await bestLock(file, log, loadLock);
  let fd: number | undefined;
  try {
    await REAL_DISK.makeDir(dir);
    fd = openLock(file);
    if (isTaken(lock, fd, file)) throw inUse(dir, readHolder(file));
    const held = new Held(fd, file, log);
    held.begin(lock.by === "pid");
    return held;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw error instanceof SledcastError ? error : unusable(dir, file, error);
  }
}
