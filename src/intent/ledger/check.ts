/** What `sledcast ledger check` finds out. It changes nothing, and a daemon may be running. */
import { messageOf, SledcastError } from "../../error.ts";
import { errnoOf, type LedgerDisk, REAL_DISK } from "./disk.ts";
import { FORMAT, type Format } from "./format.ts";
import { type Generation, readGeneration } from "./generation.ts";
import { describe, fileOf, LedgerRefused, listFiles, load } from "./load.ts";
import { LedgerTable } from "./table.ts";

export interface GenerationReport {
  readonly file: string;
  readonly generation: number;
  readonly bytes: number;
  /** Undefined where the header is damaged, and of what follows as well. */
  readonly format: number | undefined;
  /** Keys that have a value at its end. */
  readonly entries: number;
  readonly records: number;
  readonly problems: readonly string[];
}

export interface CheckReport {
  /** Newest first. */
  readonly generations: readonly GenerationReport[];
  /** Why a daemon would not start on it, and how it would say so; undefined: it would. */
  readonly refused: LedgerRefused | undefined;
}

/** A daemon that compacts while we look takes a file away that was there a moment ago. */
const ATTEMPTS = 5;

function problemsOf({ snapshotProblem, problem, torn }: Generation): string[] {
  const found = new Set([snapshotProblem, problem].filter((one) => one !== undefined));
  const tail =
    torn && `byte ${torn.at}: ${torn.bytes} bytes of a record that was not written whole (a start drops them)`;
  return [...Array.from(found, describe), ...(tail === undefined ? [] : [tail])];
}

async function report(
  dir: string,
  generation: number,
  disk: LedgerDisk,
  upTo?: number,
): Promise<GenerationReport & { readonly found: Generation }> {
  const file = fileOf(dir, generation);
  const bytes = await disk.read(file);
  const found = readGeneration(bytes, generation, upTo);
  const table = new LedgerTable();
  for (const pairs of [found.snapshot, ...found.records]) table.apply(pairs);
  return {
    file,
    generation,
    bytes: bytes.length,
    format: found.header?.format,
    entries: table.size,
    records: found.records.length,
    problems: problemsOf(found),
    found,
  };
}

async function generationsIn(dir: string, disk: LedgerDisk): Promise<readonly GenerationReport[]> {
  const reports: GenerationReport[] = [];
  let next: Generation["header"];
  for (const generation of (await listFiles(dir, disk)).generations) {
    // What an older one has behind the place where the next one took over does not count.
    const upTo = next?.previous === generation ? next.after : undefined;
    const { found, ...rest } = await report(dir, generation, disk, upTo);
    reports.push(rest);
    next = found.header;
  }
  return reports;
}

async function refusalOf(dir: string, disk: LedgerDisk, format: Format): Promise<LedgerRefused | undefined> {
  try {
    await load(dir, disk, format);
    return undefined;
  } catch (error) {
    if (error instanceof LedgerRefused) return error;
    throw error;
  }
}

/** What `load` wraps, too. */
const isGone = (error: unknown) =>
  errnoOf(error) === "ENOENT" || (error instanceof SledcastError && errnoOf(error.cause) === "ENOENT");

export async function check(dir: string, disk: LedgerDisk = REAL_DISK, format: Format = FORMAT): Promise<CheckReport> {
  for (let attempt = 1; ; attempt++) {
    try {
      const refused = await refusalOf(dir, disk, format);
      return { generations: await generationsIn(dir, disk), refused };
    } catch (error) {
      if (isGone(error) && attempt < ATTEMPTS) continue;
      if (error instanceof SledcastError) throw error;
      throw new SledcastError("resource-limit", `the ledger in ${dir} cannot be read: ${messageOf(error)}`);
    }
  }
}
