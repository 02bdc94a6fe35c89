/**
 * The model's tables in one file, as a kernel keeps them in memory: they outlive the process, and
 * a kill -9 at any moment leaves what the last completed command left. They need not outlive the
 * machine, so nothing is synced to the disk: what write(2) took, the page cache holds.
 *
 * The file has no companions; deleting it is a reboot. Layout:
 *
 *   header   64 bytes: `sledcast-model 1 <epoch> <start>\n`, padded with blanks
 *   records  from `start`: `<epoch> <JSON>\n`, first a snapshot, then one per command
 *
 * Compaction writes a snapshot of the next epoch into space that the current records do not use
 * (before them when it fits there, else behind them) and then makes it current by overwriting the
 * header, one write inside one page. A torn last record, or one of another epoch, is where the
 * journal ends.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { messageOf, SledcastError } from "../../error.ts";

const HEADER_BYTES = 64;
const HEADER = /^sledcast-model 1 (\d+) (\d+) *\n$/;
/** Below this size of journal, compaction is not worth its write. Bytes. */
const COMPACT_FROM = 1 << 20;

export interface Recovered {
  /** What was given to `compact` last; undefined for a new file. */
  readonly snapshot: unknown;
  /** What was appended since, in order. */
  readonly records: readonly unknown[];
}

export class Journal {
  readonly #path: string;
  readonly #fd: number;
  #epoch = 0;
  #start = HEADER_BYTES;
  #end = HEADER_BYTES;
  #snapshotBytes = 0;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** Opens or creates the file and reads it back; a file that is not a journal is refused untouched. */
  static open(path: string): { journal: Journal; recovered: Recovered } {
    let fd: number;
    try {
      fd = openSync(path, "a+");
      closeSync(fd);
      fd = openSync(path, "r+");
    } catch (error) {
      throw new SledcastError("bad-request", `model.state ${path}: cannot be opened: ${messageOf(error)}`);
    }
    const journal = new Journal(path, fd);
    try {
      return { journal, recovered: journal.#recover() };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #recover(): Recovered {
    if (fstatSync(this.#fd).size === 0) {
      this.#writeHeader();
      return { snapshot: undefined, records: [] };
    }
    const bytes = readFileSync(this.#path);
    const header = HEADER.exec(bytes.subarray(0, HEADER_BYTES).toString("latin1"));
    if (header === null) {
      throw this.#unreadable("not a state file of the driver model, or one of a later format");
    }
    this.#epoch = Number(header[1]);
    this.#start = Number(header[2]);
    this.#end = this.#start;
    const records: unknown[] = [];
    const prefix = `${this.#epoch} `;
    for (;;) {
      const newline = bytes.indexOf(10, this.#end);
      const line = newline < 0 ? "" : bytes.subarray(this.#end, newline).toString("utf8");
      if (!line.startsWith(prefix)) break;
      const record = parseOrUndefined(line.slice(prefix.length));
      if (record === undefined) break;
      if (records.length === 0) this.#snapshotBytes = newline + 1 - this.#end;
      records.push(record);
      this.#end = newline + 1;
    }
    // The header points to a snapshot that was whole before it was written: only damage takes that away.
    if (records.length === 0 && this.#epoch > 0) throw this.#unreadable("its snapshot is damaged");
    // What a killed write or compaction left behind must not follow the next record.
    ftruncateSync(this.#fd, this.#end);
    const [snapshot, ...rest] = records;
    return { snapshot, records: rest };
  }

  #unreadable(why: string): SledcastError {
    const wayOut = "name another file, or delete it to start with empty tables";
    return new SledcastError("bad-request", `model.state ${this.#path}: ${why}; ${wayOut}`);
  }

  /** Whether the commands since the last snapshot outweigh it. */
  get wantsCompaction(): boolean {
    return this.#end - this.#start > COMPACT_FROM + 2 * this.#snapshotBytes;
  }

  append(record: unknown): void {
    this.#end += this.#write(`${this.#epoch} ${JSON.stringify(record)}\n`, this.#end);
  }

  compact(snapshot: unknown): void {
    const line = `${this.#epoch + 1} ${JSON.stringify(snapshot)}\n`;
    const length = Buffer.byteLength(line);
    const fitsBefore = HEADER_BYTES + length <= this.#start;
    const at = fitsBefore ? HEADER_BYTES : this.#end;
    this.#write(line, at);
    this.#epoch++;
    this.#start = at;
    this.#end = at + length;
    this.#snapshotBytes = length;
    this.#writeHeader();
    ftruncateSync(this.#fd, this.#end);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #writeHeader(): void {
    const text = `sledcast-model 1 ${this.#epoch} ${this.#start}`;
    this.#write(`${text.padEnd(HEADER_BYTES - 1)}\n`, 0);
  }

  /** Writes all of it and returns its length; a full disk is an error of the command that wrote. */
  #write(text: string, at: number): number {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done, at + done);
    } catch (error) {
      throw new SledcastError("resource-limit", `model.state ${this.#path}: cannot be written: ${messageOf(error)}`);
    }
    return bytes.length;
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
