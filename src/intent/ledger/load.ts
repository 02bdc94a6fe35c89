/**
 * What a ledger's directory says: the newest generation, or, where its snapshot is damaged, the one
 * before it and the newest one's records. What cannot be believed is refused, and stays as it is.
 */
import path from "node:path";
import { messageOf, SledcastError } from "../../error.ts";
import { errnoOf, type LedgerDisk } from "./disk.ts";
import { canRead, type Format } from "./format.ts";
import { type Generation, type Problem, readGeneration, type Torn } from "./generation.ts";
import type { Header, Pair } from "./lines.ts";
import { LedgerTable, type Written } from "./table.ts";

/** A ledger that nobody may write to before somebody looked at it. */
export class LedgerRefused extends SledcastError {
  override readonly name = "LedgerRefused";
  /** What `repair` is for. A format that is not read is whole, and is for another version. */
  readonly why: "damaged" | "format";

  /** The message without the way out, for who is on it already. */
  readonly finding: string;

  constructor(why: "damaged" | "format", finding: string, wayOut: string) {
    super("conflict", `${finding}${wayOut}`);
    this.why = why;
    this.finding = finding;
  }
}

export interface LedgerFiles {
  /** Newest first. */
  readonly generations: readonly number[];
  /** What an unfinished compaction left. */
  readonly temporary: readonly string[];
}

export interface Loaded {
  readonly table: LedgerTable;
  readonly files: LedgerFiles;
  /** Undefined: there is no ledger here yet. */
  readonly newest: Newest | undefined;
}

export interface Newest {
  readonly header: Header;
  readonly lastSequence: number;
  readonly recordsAt: number;
  readonly end: number;
  readonly torn: Torn | undefined;
  /** Its snapshot is damaged, and the generation before it stood in. */
  readonly standIn: Problem | undefined;
}

export const fileOf = (dir: string, generation: number) => path.join(dir, `ledger.${generation}`);

export async function listFiles(dir: string, disk: LedgerDisk): Promise<LedgerFiles> {
  const names = await disk.list(dir).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const numbers = names.flatMap((name) => (/^ledger\.[1-9]\d{0,14}$/.test(name) ? [Number(name.slice(7))] : []));
  return {
    generations: numbers.sort((a, b) => b - a),
    temporary: names.filter((name) => /^ledger\.\d+\.tmp$/.test(name)).map((name) => path.join(dir, name)),
  };
}

/** Gives a damaged generation another name, which no ledger has; answers it. */
export async function setAside(dir: string, generation: number, disk: LedgerDisk): Promise<string> {
  const file = fileOf(dir, generation);
  const names = new Set(await disk.list(dir));
  let n = 1;
  while (names.has(`${path.basename(file)}.damaged-${n}`)) n++;
  await disk.rename(file, `${file}.damaged-${n}`);
  await disk.syncDir(dir);
  return `${file}.damaged-${n}`;
}

async function read(file: string, disk: LedgerDisk): Promise<Buffer> {
  try {
    return await disk.read(file);
  } catch (error) {
    throw new SledcastError("resource-limit", `the ledger ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

export function wayOut(dir: string): string {
  const option = `--state-dir ${/^[\w./:@%+-]+$/.test(dir) ? dir : JSON.stringify(dir)}`;
  return `\`sledcast ledger check ${option}\` says what can be read, \`sledcast ledger repair ${option}\` keeps that and puts the damaged file aside`;
}

export function describe({ line, at, what }: Problem): string {
  return `line ${line} (byte ${at}): ${what}`;
}

function refuseDamaged(dir: string, file: string, problem: Problem, more = ""): never {
  throw new LedgerRefused(
    "damaged",
    `the ledger ${file} is damaged, ${describe(problem)}${more}`,
    `; nothing was changed: ${wayOut(dir)}`,
  );
}

export function refuseFormat(file: string, written: number, { version }: Format): never {
  const isLater = written > version;
  const finding = isLater
    ? `was written by a later sledcast (format ${written}; this one reads up to ${version})`
    : `is of format ${written}, which this sledcast (format ${version}) does not read any more`;
  const out = isLater ? ": run that version, or give this one another state_dir" : ": start a version in between once";
  throw new LedgerRefused("format", `the ledger ${file} ${finding}`, out);
}

/** A line's changes in today's format. */
export function upgraded(pairs: readonly Pair[], written: number, format: Format): readonly Pair[] {
  if (written >= format.version) return pairs;
  let changes = pairs.map(([key, text]) => ({
    key,
    value: text === undefined ? undefined : (JSON.parse(text) as unknown),
  }));
  for (let from = written; from < format.version; from++) changes = [...(format.upgrades.get(from)?.(changes) ?? [])];
  return changes.map(({ key, value }): readonly [string, Written] => [
    key,
    value === undefined ? undefined : JSON.stringify(value),
  ]);
}

export function applyTo(
  table: LedgerTable,
  { snapshot, records }: Pick<Generation, "snapshot" | "records">,
  written: number,
  format: Format,
): void {
  for (const pairs of [snapshot, ...records]) table.apply(upgraded(pairs, written, format));
}

/** The generation before the newest one, up to where that one took over; or why it cannot stand in. */
async function standIn(
  dir: string,
  { previous, after }: Header,
  disk: LedgerDisk,
  format: Format,
): Promise<LedgerTable | string> {
  if (previous === undefined) return "there is no generation before it";
  const file = fileOf(dir, previous);
  let bytes: Buffer;
  try {
    bytes = await disk.read(file);
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? `${file} is not there` : `${file} cannot be read (${messageOf(error)})`;
  }
  const before = readGeneration(bytes, previous, after);
  const problem = before.problem ?? before.snapshotProblem;
  if (before.header === undefined || problem !== undefined)
    return `${file} is damaged too${problem === undefined ? "" : `, ${describe(problem)}`}`;
  if (before.lastSequence !== after)
    return `${file} ends at sequence number ${before.lastSequence} instead of ${after}`;
  if (!canRead(format, before.header.format)) return `${file} is of format ${before.header.format}`;
  const table = new LedgerTable();
  applyTo(table, before, before.header.format, format);
  return table;
}

/** Reads, and changes nothing. Throws `LedgerRefused`. */
export async function load(dir: string, disk: LedgerDisk, format: Format): Promise<Loaded> {
  const files = await listFiles(dir, disk);
  const [number] = files.generations;
  if (number === undefined) return { table: new LedgerTable(), files, newest: undefined };
  const file = fileOf(dir, number);
  const generation = readGeneration(await read(file, disk), number);
  const { header, problem, snapshotProblem } = generation;
  // First of all: a later format may have lines that look like damage to us.
  if (header !== undefined && !canRead(format, header.format)) refuseFormat(file, header.format, format);
  if (problem !== undefined) refuseDamaged(dir, file, problem);
  if (header === undefined) throw new SledcastError("internal", `${file} was read without a header`);
  const { lastSequence, recordsAt, end, torn } = generation;
  const newest = { header, lastSequence, recordsAt, end, torn, standIn: snapshotProblem };
  if (snapshotProblem === undefined) {
    const table = new LedgerTable();
    applyTo(table, generation, header.format, format);
    return { table, files, newest };
  }
  const table = await standIn(dir, header, disk, format);
  if (typeof table === "string")
    refuseDamaged(dir, file, snapshotProblem, `, and cannot be read from the generation before it: ${table}`);
  applyTo(table, { snapshot: [], records: generation.records }, header.format, format);
  return { table, files, newest };
}
