/** What the ledger asks of a file system, as small as it can be, so that a test can stand in for a disk that fails. */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../../error.ts";

export interface LedgerFile {
  /** How many of the bytes were written: it may be fewer. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface LedgerDisk {
  /** Makes the directory and what is missing above it, and the way down to it durable. */
  makeDir(dir: string): Promise<void>;
  list(dir: string): Promise<readonly string[]>;
  read(file: string): Promise<Buffer>;
  /** A new file, empty; one that is there already is emptied. */
  create(file: string): Promise<LedgerFile>;
  open(file: string): Promise<LedgerFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(file: string): Promise<void>;
  /** Makes what was renamed, made and removed in there durable. */
  syncDir(dir: string): Promise<void>;
}

const FILE_MODE = 0o600;
const DIR_MODE = 0o700;

class RealFile implements LedgerFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.length, position)).bytesWritten;
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function makeDir(dir: string): Promise<void> {
  const first = await mkdir(dir, { recursive: true, mode: DIR_MODE });
  if (first === undefined) return;
  for (let made = path.resolve(dir); made.length >= path.resolve(first).length; made = path.dirname(made)) {
    await syncDir(path.dirname(made));
  }
}

export const REAL_DISK: LedgerDisk = {
  makeDir,
  list: (dir) => readdir(dir),
  read: (file) => readFile(file),
  create: async (file) => new RealFile(await open(file, "w", FILE_MODE)),
  open: async (file) => new RealFile(await open(file, "r+")),
  rename,
  unlink,
  syncDir,
};

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** All of the bytes: a disk that is nearly full takes some of them before it says so. */
export async function writeAll(file: LedgerFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await file.write(bytes.subarray(done), position + done);
    if (written === 0) throw Object.assign(new Error("ENOSPC: nothing was written"), { code: "ENOSPC" });
    done += written;
  }
}

const WAYS_OUT: Readonly<Record<string, string>> = {
  ENOSPC: "make room on that file system",
  EDQUOT: "make room, or raise the quota",
  EROFS: "mount that file system read-write again",
  EIO: "look into the system's log for what is wrong with the disk",
  EACCES: "give the agent's user the right to write there",
  EEXIST: "a folder is needed, and a file is there",
  ENOTDIR: "a folder is needed, and a file is there",
};

/** The reason and the way out. */
export function whyNotWritten(file: string, error: unknown): string {
  const wayOut = WAYS_OUT[errnoOf(error) ?? ""] ?? "put that right";
  return `${file}: ${messageOf(error)}; ${wayOut}`;
}
