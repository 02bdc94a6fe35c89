/**
 * The ledger in files: `ledger.<generation>` in the state directory, a snapshot and the records
 * since. A log of our own, since the embedded stores that Node has are native addons without a build
 * for illumos (lmdb, classic-level, better-sqlite3) or need a later Node (node:sqlite), and none
 * promises anything about a damaged file.
 *
 * A record is one line, one write and one fdatasync. When the records outweigh the snapshot, the
 * next generation is written under another name, synced, renamed, and the directory synced; only
 * then does the generation before the last one go. So there is always a whole one to fall back on.
 */
import { messageOf, SledcastError } from "../../error.ts";
import type { Log } from "../../log.ts";
import type { Ledger } from "../ledger.ts";
import { errnoOf, type LedgerDisk, type LedgerFile, REAL_DISK, whyNotWritten, writeAll } from "./disk.ts";
import { FORMAT, type Format } from "./format.ts";
import { encodePairs } from "./lines.ts";
import { describe, fileOf, type Loaded, load, type Newest, setAside } from "./load.ts";
import { writeSnapshot } from "./snapshot.ts";
import type { LedgerChange, LedgerTable, Order } from "./table.ts";

export interface FileLedgerOptions {
  readonly log: Log;
  readonly disk?: LedgerDisk;
  readonly format?: Format;
  /** Bytes of records from which on a new generation is worth it, beside twice the snapshot. */
  readonly leastLog?: number;
}

const LEAST_LOG = 1024 * 1024;

/** The file that records are appended to. */
interface Current {
  readonly generation: number;
  readonly file: LedgerFile;
  readonly path: string;
  /** Offset behind the last record. */
  end: number;
}

export class FileLedger implements Ledger {
  readonly #dir: string;
  readonly #log: Log;
  readonly #disk: LedgerDisk;
  readonly #format: Format;
  readonly #leastLog: number;
  readonly #table: LedgerTable;
  /** Generations on the disk. */
  readonly #present: Set<number>;
  #current: Current | undefined;
  /** The generation whose end is the table: what the next one follows. */
  #base: number | undefined;
  /** A new generation has to come before the next record. */
  #stale = true;
  #sequence: number;
  /** Of generations, the highest number that was ever tried. */
  #highest: number;
  #compactAt = 0;
  #broken: string | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(dir: string, { table, files, newest }: Loaded, options: FileLedgerOptions) {
    this.#dir = dir;
    this.#log = options.log;
    this.#disk = options.disk ?? REAL_DISK;
    this.#format = options.format ?? FORMAT;
    this.#leastLog = options.leastLog ?? LEAST_LOG;
    this.#table = table;
    this.#present = new Set(files.generations);
    this.#sequence = newest?.lastSequence ?? 0;
    this.#base = newest?.header.generation;
    this.#highest = this.#base ?? 0;
  }

  /**
   * Reads what is there, and mends what a crash left. Throws `LedgerRefused` for what cannot be
   * believed. Where the disk takes no writes it opens all the same, and is `broken`.
   */
  static async open(dir: string, options: FileLedgerOptions): Promise<FileLedger> {
    const disk = options.disk ?? REAL_DISK;
    const loaded = await load(dir, disk, options.format ?? FORMAT);
    const ledger = new FileLedger(dir, loaded, options);
    for (const left of loaded.files.temporary) await disk.unlink(left).catch(() => {});
    await ledger.#run(() => ledger.#begin(loaded.newest)).catch(() => {});
    return ledger;
  }

  get broken(): string | undefined {
    return this.#broken;
  }

  get(key: string): unknown {
    return this.#table.get(key);
  }

  entries(prefix: string): Iterable<readonly [key: string, value: unknown]> {
    return this.#table.entries(prefix);
  }

  async record(changes: readonly LedgerChange[]): Promise<void> {
    if (this.#closed !== undefined) throw new SledcastError("internal", `the ledger in ${this.#dir} is closed`);
    const order = this.#table.order(changes);
    await this.#run(() => this.#record(order));
    if (this.#outweighs()) void this.#run(() => this.#compact());
  }

  note(changes: readonly LedgerChange[]): void {
    this.#table.note(changes);
  }

  async repair(): Promise<void> {
    const order = this.#table.order([]);
    await this.#run(async () => {
      if (this.#broken !== undefined && this.#closed === undefined) await this.#append(order);
    }).catch(() => {});
  }

  close(): Promise<void> {
    const order = this.#table.order([]);
    this.#closed ??= this.#run(async () => {
      await this.#record(order).catch(() => {});
      await this.#current?.file.close();
      // A compaction that was asked for meanwhile has nothing to compact.
      this.#current = undefined;
    });
    return this.#closed;
  }

  /** One after another, whoever calls. */
  #run(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #record(order: Order): Promise<void> {
    if (order.texts.size > 0 || this.#table.hasNotes) await this.#append(order);
  }

  async #append(order: Order): Promise<void> {
    const whole = this.#table.withNotes(order);
    const path = this.#current?.path ?? this.#dir;
    try {
      const current = await this.#writable();
      const line = encodePairs(this.#sequence + 1, "record", whole.texts);
      await this.#write(current, line);
      current.end += line.length;
    } catch (error) {
      throw this.#failed(path, error);
    }
    this.#sequence++;
    this.#table.commit(whole);
    if (this.#broken !== undefined) this.#log.info({ dir: this.#dir }, "the ledger can be written again");
    this.#broken = undefined;
  }

  async #writable(): Promise<Current> {
    if (this.#stale || this.#current === undefined) await this.#nextGeneration();
    if (this.#current === undefined) throw new SledcastError("internal", `no ledger was made in ${this.#dir}`);
    return this.#current;
  }

  async #write({ file, end }: Current, line: Buffer): Promise<void> {
    try {
      await writeAll(file, line, end);
    } catch (error) {
      // What was written of it would stand between this record and the next.
      await file.truncate(end).catch(() => {
        this.#stale = true;
      });
      throw error;
    }
    try {
      await file.datasync();
    } catch (error) {
      // Nobody knows what the disk has of it now, and a second fsync would not say either.
      this.#stale = true;
      await file.truncate(end).catch(() => {});
      throw error;
    }
  }

  #failed(path: string, error: unknown): SledcastError {
    const why = whyNotWritten(path, error);
    if (this.#broken === undefined) this.#log.error({ dir: this.#dir, error: why }, "the ledger cannot be written");
    this.#broken = why;
    return new SledcastError("resource-limit", `the ledger cannot be written: ${why}, then try again`, {
      cause: error,
    });
  }

  #outweighs(): boolean {
    return this.#current !== undefined && this.#current.end >= this.#compactAt;
  }

  async #compact(): Promise<void> {
    if (!this.#outweighs()) return;
    try {
      await this.#nextGeneration();
    } catch (error) {
      // Records go on as they did, if they can: it is tried again when as much has come again.
      const { path, end } = this.#current ?? { path: this.#dir, end: 0 };
      this.#compactAt = end + this.#leastLog;
      this.#log.warn({ dir: this.#dir, error: whyNotWritten(path, error) }, "the ledger could not be compacted");
    }
  }

  /** Writes the table as the next generation, to which records go from then on. */
  async #nextGeneration(): Promise<void> {
    await this.#disk.makeDir(this.#dir);
    // What an attempt left that failed: it has nothing that the disk does not have without it.
    await this.#remove((generation) => generation > (this.#base ?? 0));
    // Not even the number is used again: a rename that failed may have happened.
    const generation = ++this.#highest;
    const path = fileOf(this.#dir, generation);
    const after = this.#sequence;
    const header = { format: this.#format.version, generation, previous: this.#base, after };
    const file = await this.#disk.create(`${path}.tmp`);
    try {
      const { sequence, end } = await writeSnapshot(file, header, this.#table);
      // From here on a restart may read the new one, so nothing may go to the old one any more.
      this.#stale = true;
      this.#present.add(generation);
      await this.#disk.rename(`${path}.tmp`, path);
      await this.#disk.syncDir(this.#dir);
      await this.#goOn({ generation, file, path, end }, sequence);
    } catch (error) {
      await file.close().catch(() => {});
      await this.#disk.unlink(`${path}.tmp`).catch(() => {});
      throw error;
    }
    await this.#remove((one) => one < (header.previous ?? generation));
  }

  async #goOn(current: Current, sequence: number): Promise<void> {
    const before = this.#current;
    this.#current = current;
    this.#base = current.generation;
    this.#sequence = sequence;
    this.#compactAt = this.#compactFrom(current.end);
    this.#stale = false;
    await before?.file.close().catch(() => {});
  }

  /** The records may weigh twice what the snapshot does, and then some. */
  #compactFrom(snapshot: number): number {
    return snapshot + 2 * snapshot + this.#leastLog;
  }

  async #remove(which: (generation: number) => boolean): Promise<void> {
    for (const generation of [...this.#present].filter(which)) {
      const file = fileOf(this.#dir, generation);
      try {
        await this.#disk.unlink(file);
        this.#present.delete(generation);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") this.#present.delete(generation);
        else this.#log.warn({ file, error: messageOf(error) }, "an old ledger could not be removed");
      }
    }
  }

  /** Goes on with what was loaded, or with a new generation where that cannot be appended to. */
  async #begin(newest: Newest | undefined): Promise<void> {
    const path = newest === undefined ? this.#dir : fileOf(this.#dir, newest.header.generation);
    try {
      if (newest !== undefined) await this.#resume(newest, path);
      if (this.#stale) await this.#nextGeneration();
      if (newest?.standIn !== undefined) {
        await setAside(this.#dir, newest.header.generation, this.#disk);
        this.#present.delete(newest.header.generation);
        // What stood in was whole, and so has to be what stands in the next time.
        await this.#nextGeneration();
      }
    } catch (error) {
      this.#failed(path, error);
    }
  }

  async #resume({ header, recordsAt, end, torn, standIn }: Newest, path: string): Promise<void> {
    const file = await this.#disk.open(path);
    this.#current = { generation: header.generation, file, path, end };
    this.#compactAt = this.#compactFrom(recordsAt);
    if (torn !== undefined) {
      this.#log.warn(
        { file: path, ...torn },
        "the ledger's last record was not written whole and is dropped: it was never acknowledged",
      );
      await file.truncate(end);
      await file.datasync();
    }
    if (standIn !== undefined) {
      this.#log.warn(
        { file: path, problem: describe(standIn) },
        "the ledger's snapshot is damaged; the generation before it had it all",
      );
    } else if (header.format === this.#format.version) {
      this.#stale = false;
    }
  }
}
