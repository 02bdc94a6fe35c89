/** What the ledger's suites share: a disk in memory that can fail and lose power, and short ways to a ledger's state. */
import { constants } from "node:os";
import path from "node:path";
import type { LedgerDisk, LedgerFile } from "../../src/intent/ledger/disk.ts";
import { FileLedger, type FileLedgerOptions } from "../../src/intent/ledger/file-ledger.ts";
import type { Ledger } from "../../src/intent/ledger.ts";
import type { Log } from "../../src/log.ts";

export const NO_LOG: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Keeps what is said. */
export class Said implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  debug = (fields: object, message: string) => void this.lines.push({ level: "debug", message, fields });
  info = (fields: object, message: string) => void this.lines.push({ level: "info", message, fields });
  warn = (fields: object, message: string) => void this.lines.push({ level: "warn", message, fields });
  error = (fields: object, message: string) => void this.lines.push({ level: "error", message, fields });
}

export const DIR = "/state";

export type Step =
  | "list"
  | "read"
  | "create"
  | "open"
  | "write"
  | "datasync"
  | "truncate"
  | "rename"
  | "unlink"
  | "syncDir";

export function errno(code: string): Error {
  const number = constants.errno[code as keyof typeof constants.errno];
  return Object.assign(new Error(`${code}: as the test wants it`), { code, errno: -number });
}

interface Inode {
  /** The newest one. */
  name: string;
  bytes: Buffer;
  /** What is left of it when power is lost now. */
  durable: Buffer;
}

/** Every change can be made to fail. What was not synced may be lost, in part or whole. */
export class TestDisk implements LedgerDisk {
  /** What was done to it, in order: `rename ledger.1.tmp ledger.1`. */
  readonly done: string[] = [];
  /** Decides before each step whether it fails, and how. `after`: it happens and is said to have failed all the same. */
  fault: (step: Step, name: string) => { readonly code: string; readonly after?: boolean } | undefined = () =>
    undefined;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** Changes of names since the directory was synced. */
  #renamings: ((names: Map<string, Inode>) => void)[] = [];

  static of(files: Readonly<Record<string, Buffer>>): TestDisk {
    const disk = new TestDisk();
    for (const [name, bytes] of Object.entries(files)) disk.#names.set(name, { name, bytes, durable: bytes });
    disk.#durableNames = new Map(disk.#names);
    return disk;
  }

  get files(): Record<string, Buffer> {
    return Object.fromEntries(Array.from(this.#names, ([name, { bytes }]) => [name, Buffer.from(bytes)]));
  }

  /** What is found after power was lost. `choose(n)`: a number from 0 to n. */
  afterPowerLoss(choose: (most: number) => number): TestDisk {
    const names = new Map(this.#durableNames);
    for (const change of this.#renamings.slice(0, choose(this.#renamings.length))) change(names);
    const files: Record<string, Buffer> = {};
    for (const [name, { bytes, durable }] of names) {
      const extended = bytes.length > durable.length && bytes.subarray(0, durable.length).equals(durable);
      if (extended)
        files[name] = Buffer.from(bytes.subarray(0, durable.length + choose(bytes.length - durable.length)));
      else files[name] = Buffer.from(choose(1) === 0 ? durable : bytes);
    }
    return TestDisk.of(files);
  }

  async makeDir(): Promise<void> {}

  async list(): Promise<readonly string[]> {
    return this.#step("list", "", () => [...this.#names.keys()]);
  }

  async read(file: string): Promise<Buffer> {
    const name = path.basename(file);
    return this.#step("read", name, () => Buffer.from(this.#inode(name).bytes));
  }

  async create(file: string): Promise<LedgerFile> {
    const name = path.basename(file);
    return this.#step("create", name, () => {
      const inode = { name, bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.#rename((names) => void names.set(name, inode));
      return this.#open(inode);
    });
  }

  async open(file: string): Promise<LedgerFile> {
    const name = path.basename(file);
    return this.#step("open", name, () => this.#open(this.#inode(name)));
  }

  async rename(from: string, to: string): Promise<void> {
    const [old, name] = [path.basename(from), path.basename(to)];
    return this.#step("rename", `${old} ${name}`, () => {
      const inode = this.#inode(old);
      inode.name = name;
      this.#rename((names) => {
        names.delete(old);
        names.set(name, inode);
      });
    });
  }

  async unlink(file: string): Promise<void> {
    const name = path.basename(file);
    return this.#step("unlink", name, () => {
      this.#inode(name);
      this.#rename((names) => void names.delete(name));
    });
  }

  async syncDir(): Promise<void> {
    return this.#step("syncDir", "", () => {
      this.#durableNames = new Map(this.#names);
      this.#renamings = [];
    });
  }

  #rename(change: (names: Map<string, Inode>) => void): void {
    change(this.#names);
    this.#renamings.push(change);
  }

  #inode(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw errno("ENOENT");
    return inode;
  }

  #open(inode: Inode): LedgerFile {
    // In two halves, so that a failing disk can leave the first one behind.
    const put = (bytes: Uint8Array, position: number) => {
      const length = Math.max(inode.bytes.length, position + bytes.length);
      const grown = Buffer.alloc(length);
      inode.bytes.copy(grown);
      grown.set(bytes, position);
      inode.bytes = grown;
    };
    return {
      write: async (bytes, position) => {
        const half = Math.ceil(bytes.length / 2);
        try {
          return this.#step("write", inode.name, () => {
            put(bytes, position);
            return bytes.length;
          });
        } catch (error) {
          put(bytes.subarray(0, half), position);
          throw error;
        }
      },
      datasync: async () =>
        this.#step("datasync", inode.name, () => {
          inode.durable = Buffer.from(inode.bytes);
        }),
      truncate: async (length) =>
        this.#step("truncate", inode.name, () => {
          inode.bytes = Buffer.from(inode.bytes.subarray(0, length));
        }),
      close: async () => {},
    };
  }

  #step<T>(step: Step, name: string, work: () => T): T {
    const fault = this.fault(step, name);
    if (step !== "list" && step !== "read" && step !== "open") this.done.push(`${step} ${name}`.trimEnd());
    if (fault !== undefined && fault.after !== true) throw errno(fault.code);
    const answer = work();
    if (fault !== undefined) throw errno(fault.code);
    return answer;
  }
}

export function open(disk: LedgerDisk, options: Partial<FileLedgerOptions> = {}): Promise<FileLedger> {
  return FileLedger.open(DIR, { log: NO_LOG, disk, ...options });
}

export const stateOf = (ledger: Ledger): Record<string, unknown> => Object.fromEntries(ledger.entries(""));

/** What a daemon would find there. */
export async function stateIn(disk: TestDisk): Promise<Record<string, unknown>> {
  const ledger = await open(TestDisk.of(disk.files));
  const state = stateOf(ledger);
  await ledger.close();
  return state;
}
