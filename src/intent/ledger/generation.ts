/**
 * One generation's file as its bytes say: what can be read, and what is wrong with it. Nothing is
 * decided here; `load.ts` does that.
 */
import { decodeLine, type Header, LINE_END, type Line, type Pair } from "./lines.ts";

/** Something that is not as it was written. */
export interface Problem {
  /** Counted from 1. */
  readonly line: number;
  /** Offset of its first byte. */
  readonly at: number;
  readonly what: string;
}

/** What a crash leaves at the end: a record that was not written to its end, and so never acknowledged. */
export interface Torn {
  readonly at: number;
  readonly bytes: number;
}

export interface Generation {
  /** Undefined: the first line is damaged, and nothing below it was judged. */
  readonly header: Header | undefined;
  readonly snapshot: readonly Pair[];
  /** Where it is damaged; its end is known all the same. */
  readonly snapshotProblem: Problem | undefined;
  /** Offset of the first record. */
  readonly recordsAt: number;
  readonly records: readonly (readonly Pair[])[];
  /** Of the last line that is good. */
  readonly lastSequence: number;
  /** Offset behind it. */
  readonly end: number;
  readonly torn: Torn | undefined;
  /** Damage in header or records, or a snapshot without an end. */
  readonly problem: Problem | undefined;
}

export interface ScannedLine {
  readonly number: number;
  readonly at: number;
  /** Offset behind it. */
  readonly end: number;
  readonly bytes: Buffer;
  /** Undefined: it is not as it was written. */
  readonly line: Line | undefined;
  /** Nothing but zeros comes behind it. */
  readonly isLast: boolean;
}

/** A file that grew and was not written (power was lost in between) has zeros there. */
function lengthWithoutZeros(bytes: Buffer): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

export function* scan(bytes: Buffer): Generator<ScannedLine> {
  const length = lengthWithoutZeros(bytes);
  for (let at = 0, number = 1; at < length; number++) {
    const found = bytes.indexOf(LINE_END, at);
    const isWhole = found >= 0 && found < length;
    const end = isWhole ? found + 1 : length;
    const line = isWhole ? decodeLine(bytes.subarray(at, found)) : undefined;
    yield { number, at, end, bytes: bytes.subarray(at, end), line, isLast: end === length };
    at = end;
  }
}

/** Whether a line is whole behind the damage: then it is a line end that is damaged, and two records are in there. */
function hidesLine({ bytes }: ScannedLine): boolean {
  const text = bytes.toString("latin1");
  const starts = [...text.matchAll(/(?<=.)[0-9a-f]{8} \d+ \{/gs)].map(({ index }) => index);
  const end = text.endsWith("\n") ? -1 : undefined;
  return starts.some((start) => decodeLine(bytes.subarray(start, end)) !== undefined);
}

/** Reads lines in order and keeps the first thing that is wrong in each part. */
class Reader {
  header: Header | undefined;
  readonly snapshot: Pair[] = [];
  snapshotProblem: Problem | undefined;
  recordsAt: number | undefined;
  readonly records: (readonly Pair[])[] = [];
  lastSequence = 0;
  end = 0;
  problem: Problem | undefined;
  readonly #generation: number;
  readonly #upTo: number;

  constructor(generation: number, upTo: number) {
    this.#generation = generation;
    this.#upTo = upTo;
  }

  /** Whether what comes below counts. */
  take(scanned: ScannedLine): boolean {
    if (this.header === undefined) this.#header(scanned);
    else if (this.recordsAt === undefined) this.#snapshot(scanned);
    else this.#record(scanned);
    return this.problem === undefined && this.lastSequence < this.#upTo;
  }

  #good({ line, end }: ScannedLine): void {
    this.lastSequence = line?.sequence ?? 0;
    this.end = end;
  }

  #header(scanned: ScannedLine): void {
    const { line } = scanned;
    if (line?.content.kind !== "header") {
      this.problem = problemOf(scanned, "the header is damaged");
    } else if (line.content.header.generation !== this.#generation) {
      this.problem = problemOf(scanned, `the header is that of generation ${line.content.header.generation}`);
    } else {
      this.header = line.content.header;
      this.#good(scanned);
    }
  }

  #snapshot(scanned: ScannedLine): void {
    const { line } = scanned;
    const gap = this.#gap(line);
    switch (line?.content.kind) {
      case "snapshot":
        if (gap !== undefined) this.snapshotProblem ??= problemOf(scanned, gap);
        this.snapshot.push(...line.content.pairs);
        this.#good(scanned);
        return;
      case "end": {
        const { entries } = line.content;
        if (gap !== undefined) this.snapshotProblem ??= problemOf(scanned, gap);
        if (entries !== this.snapshot.length) {
          const what = `the snapshot has ${this.snapshot.length} of its ${entries} entries`;
          this.snapshotProblem ??= problemOf(scanned, what);
        }
        this.recordsAt = scanned.end;
        this.#good(scanned);
        return;
      }
      case "record":
      case "header":
        this.problem = this.snapshotProblem ?? problemOf(scanned, "the end of the snapshot is missing");
        return;
      default:
        // Where the snapshot ends is told by the lines below.
        this.snapshotProblem ??= problemOf(scanned, "the line is damaged");
    }
  }

  #record(scanned: ScannedLine): void {
    const { line } = scanned;
    const gap = this.#gap(line);
    if (line === undefined) {
      // A crash leaves one such line, and nothing behind it.
      if (!scanned.isLast || hidesLine(scanned)) {
        this.problem = problemOf(scanned, "the line is damaged, and there are others behind it");
      }
    } else if (line.content.kind !== "record" || gap !== undefined) {
      this.problem = problemOf(scanned, gap ?? "the line is no record");
    } else {
      this.records.push(line.content.pairs);
      this.#good(scanned);
    }
  }

  #gap(line: Line | undefined): string | undefined {
    const expected = this.lastSequence + 1;
    return line === undefined || line.sequence === expected
      ? undefined
      : `the line has sequence number ${line.sequence} where ${expected} should be`;
  }
}

function problemOf({ number, at }: ScannedLine, what: string): Problem {
  return { line: number, at, what };
}

/** `upTo`: of a generation that another one follows, the last sequence number that counts. */
export function readGeneration(bytes: Buffer, generation: number, upTo = Number.POSITIVE_INFINITY): Generation {
  const reader = new Reader(generation, upTo);
  let line = 0;
  let complete = true;
  for (const scanned of scan(bytes)) {
    line = scanned.number;
    complete = reader.take(scanned);
    if (!complete) break;
  }
  if (line === 0) reader.problem = { line: 1, at: 0, what: "the file is empty" };
  else if (reader.recordsAt === undefined && reader.problem === undefined) {
    reader.problem = reader.snapshotProblem ?? {
      line: line + 1,
      at: reader.end,
      what: "the end of the snapshot is missing",
    };
  }
  const { header, snapshot, snapshotProblem, recordsAt = 0, records, lastSequence, end, problem } = reader;
  const torn = complete && end < bytes.length ? { at: end, bytes: bytes.length - end } : undefined;
  return { header, snapshot, snapshotProblem, recordsAt, records, lastSequence, end, torn, problem };
}
