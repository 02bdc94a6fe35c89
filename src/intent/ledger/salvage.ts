/**
 * What `sledcast ledger repair` does with a ledger that no daemon starts on: keeps every line whose
 * checksum holds, says how much does not, and puts the damaged file aside. It deletes nothing.
 */
import { SledcastError } from "../../error.ts";
import { SALVAGED } from "../ledger.ts";
import { type LedgerDisk, REAL_DISK, whyNotWritten } from "./disk.ts";
import { canRead, FORMAT, type Format } from "./format.ts";
import { type ScannedLine, scan } from "./generation.ts";
import type { Header, Line } from "./lines.ts";
import { fileOf, LedgerRefused, listFiles, load, refuseFormat, setAside, upgraded } from "./load.ts";
import { writeSnapshot } from "./snapshot.ts";
import { LedgerTable } from "./table.ts";

export interface SalvageOptions {
  readonly disk?: LedgerDisk;
  readonly format?: Format;
  /** Only says what it would do. */
  readonly dryRun?: boolean;
}

export interface SalvageReport {
  /** Why it was needed. */
  readonly reason: string;
  /** Entries that the new generation has. */
  readonly entries: number;
  readonly records: number;
  readonly lost: {
    readonly lines: number;
    readonly bytes: number;
    /** Sequence numbers that no readable line has: more than the lines where some are gone altogether. */
    readonly sequenceNumbers: number;
  };
  readonly damaged: readonly string[];
  readonly written: string;
  /** The damaged files under their new names; none with `dryRun`. */
  readonly aside: readonly string[];
}

interface Readable {
  readonly generation: number;
  readonly format: number | undefined;
  /** Those that can be read, in order. */
  readonly lines: readonly Line[];
  readonly damaged: readonly ScannedLine[];
  readonly snapshotIsWhole: boolean;
}

function hasWholeSnapshot(scanned: readonly ScannedLine[]): boolean {
  const end = scanned.findIndex(({ line }) => line?.content.kind === "end");
  const inside = scanned.slice(1, end);
  const entries = inside.reduce(
    (sum, { line }) => sum + (line?.content.kind === "snapshot" ? line.content.pairs.length : 0),
    0,
  );
  const last = scanned[end]?.line?.content;
  return (
    last?.kind === "end" && last.entries === entries && inside.every(({ line }) => line?.content.kind === "snapshot")
  );
}

async function readable(dir: string, generation: number, disk: LedgerDisk): Promise<Readable> {
  const scanned = [...scan(await disk.read(fileOf(dir, generation)))];
  const lines = scanned.flatMap(({ line }) => (line === undefined ? [] : [line]));
  const header = lines.find(({ content }) => content.kind === "header")?.content;
  return {
    generation,
    format: header?.kind === "header" ? header.header.format : undefined,
    lines,
    damaged: scanned.filter(({ line }) => line === undefined),
    snapshotIsWhole: hasWholeSnapshot(scanned),
  };
}

/** The newest generation, and before it the one that is needed where the newest one's snapshot is not whole. */
async function basesOf(dir: string, generations: readonly number[], disk: LedgerDisk): Promise<readonly Readable[]> {
  const [newest, before] = generations;
  if (newest === undefined) return [];
  const last = await readable(dir, newest, disk);
  return last.snapshotIsWhole || before === undefined ? [last] : [await readable(dir, before, disk), last];
}

/** Takes lines in the order of their numbers. One that comes a second time does not count. */
class Salvage {
  readonly table = new LedgerTable();
  lastSequence = 0;
  records = 0;
  missing = 0;
  readonly #format: Format;

  constructor(format: Format) {
    this.#format = format;
  }

  take({ lines, format, snapshotIsWhole }: Readable, upTo: number): void {
    // With the snapshot, what came before it is in it.
    if (snapshotIsWhole) this.lastSequence = (lines[0]?.sequence ?? 1) - 1;
    const wanted = lines.filter(({ sequence }) => sequence <= upTo);
    for (const line of wanted) if (line.sequence > this.lastSequence) this.#take(line, format ?? this.#format.version);
  }

  #take({ sequence, content }: Line, format: number): void {
    if (this.lastSequence > 0) this.missing += sequence - this.lastSequence - 1;
    this.lastSequence = sequence;
    if (content.kind === "record") this.records++;
    if ("pairs" in content) this.table.apply(upgraded(content.pairs, format, this.#format));
  }
}

function salvage(dir: string, bases: readonly Readable[], format: Format): Salvage {
  const salvaged = new Salvage(format);
  bases.forEach((base, i) => {
    if (base.format !== undefined && !canRead(format, base.format)) {
      refuseFormat(fileOf(dir, base.generation), base.format, format);
    }
    // What a generation has behind the beginning of the next one does not count.
    salvaged.take(base, (bases[i + 1]?.lines[0]?.sequence ?? Number.POSITIVE_INFINITY) - 1);
  });
  return salvaged;
}

/** Why no daemon starts on it; undefined: one does. */
async function damageIn(dir: string, disk: LedgerDisk, format: Format): Promise<string | undefined> {
  try {
    await load(dir, disk, format);
    return undefined;
  } catch (error) {
    if (error instanceof LedgerRefused && error.why === "damaged") return error.finding;
    throw error;
  }
}

async function write(dir: string, header: Header, table: LedgerTable, disk: LedgerDisk): Promise<void> {
  const path = fileOf(dir, header.generation);
  try {
    const file = await disk.create(`${path}.tmp`);
    try {
      await writeSnapshot(file, header, table);
    } finally {
      await file.close();
    }
    await disk.rename(`${path}.tmp`, path);
    await disk.syncDir(dir);
  } catch (error) {
    throw new SledcastError("resource-limit", `the ledger was not repaired: ${whyNotWritten(path, error)}`, {
      cause: error,
    });
  }
}

/** Undefined: there is nothing to repair, and nothing was changed. */
export async function repair(dir: string, options: SalvageOptions = {}): Promise<SalvageReport | undefined> {
  const { disk = REAL_DISK, format = FORMAT, dryRun = false } = options;
  const reason = await damageIn(dir, disk, format);
  if (reason === undefined) return undefined;
  const { generations } = await listFiles(dir, disk);
  const bases = await basesOf(dir, generations, disk);
  const { table, records, lastSequence, missing } = salvage(dir, bases, format);
  const generation = (generations[0] ?? 0) + 1;
  const damaged = bases.filter((one) => one.damaged.length > 0 || one === bases.at(-1));
  const aside: string[] = [];
  const entries = table.size;
  if (!dryRun) {
    table.apply([[SALVAGED, "true"]]);
    await write(dir, { format: format.version, generation, previous: undefined, after: lastSequence }, table, disk);
    for (const one of damaged) aside.push(await setAside(dir, one.generation, disk));
  }
  const unreadable = bases.flatMap((one) => one.damaged);
  return {
    reason,
    entries,
    records,
    lost: {
      lines: unreadable.length,
      bytes: unreadable.reduce((sum, { at, end }) => sum + end - at, 0),
      sequenceNumbers: missing,
    },
    damaged: damaged.map((one) => fileOf(dir, one.generation)),
    written: fileOf(dir, generation),
    aside,
  };
}
