/**
 * The lines of a ledger's file: checksum (CRC-32 of the rest, in hex), sequence number, JSON. The
 * number goes up by one from line to line and over from one generation to the next. JSON escapes
 * line ends, so there is exactly one in a line that was written whole, its last byte.
 *
 *     0f3a…  17 {"sledcast":"ledger","format":1,"generation":3,"previous":2,"after":16}
 *     51c0…  18 {"snapshot":[["key",value],…]}          as many as it takes
 *     9b77…  19 {"snapshot_end":{"entries":2}}
 *     e2d4…  20 {"record":[["key",value],["a key that goes"]]}   one for each record
 */
import { crc32 } from "node:zlib";
import type { Written } from "./table.ts";

export interface Header {
  readonly format: number;
  readonly generation: number;
  /** The generation whose end is this one's snapshot; undefined: there is none. */
  readonly previous: number | undefined;
  /** The last sequence number of that generation that counts. */
  readonly after: number;
}

export type Pair = readonly [key: string, text: Written];

export type Content =
  | { readonly kind: "header"; readonly header: Header }
  | { readonly kind: "snapshot" | "record"; readonly pairs: readonly Pair[] }
  | { readonly kind: "end"; readonly entries: number };

export interface Line {
  readonly sequence: number;
  readonly content: Content;
}

export const LINE_END = 0x0a;

function encode(sequence: number, json: string): Buffer {
  const rest = Buffer.from(`${sequence} ${json}\n`);
  const sum = crc32(rest.subarray(0, -1)).toString(16).padStart(8, "0");
  return Buffer.concat([Buffer.from(`${sum} `), rest]);
}

/** The texts are JSON already, so a line is put together and not made anew. */
function pairText([key, text]: Pair): string {
  return text === undefined ? `[${JSON.stringify(key)}]` : `[${JSON.stringify(key)},${text}]`;
}

export function encodeHeader({ format, generation, previous, after }: Header): Buffer {
  return encode(after + 1, JSON.stringify({ sledcast: "ledger", format, generation, previous, after }));
}

export function encodePairs(sequence: number, kind: "snapshot" | "record", pairs: Iterable<Pair>): Buffer {
  return encode(sequence, `{"${kind}":[${Array.from(pairs, pairText).join(",")}]}`);
}

export function encodeEnd(sequence: number, entries: number): Buffer {
  return encode(sequence, JSON.stringify({ snapshot_end: { entries } }));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function toHeader({ format, generation, previous, after }: Readonly<Record<string, unknown>>): Content | undefined {
  if (!isCount(format) || !isCount(generation) || !isCount(after)) return undefined;
  if (previous !== undefined && !isCount(previous)) return undefined;
  return { kind: "header", header: { format, generation, previous, after } };
}

function toPair(value: unknown): Pair {
  if (!Array.isArray(value) || typeof value[0] !== "string" || value.length > 2) throw new TypeError("not a pair");
  return [value[0], value.length === 1 ? undefined : JSON.stringify(value[1])];
}

function toContent(value: unknown): Content | undefined {
  if (!isObject(value)) return undefined;
  if (value.sledcast === "ledger") return toHeader(value);
  if (Array.isArray(value.snapshot)) return { kind: "snapshot", pairs: value.snapshot.map(toPair) };
  if (Array.isArray(value.record)) return { kind: "record", pairs: value.record.map(toPair) };
  const end = value.snapshot_end;
  return isObject(end) && isCount(end.entries) ? { kind: "end", entries: end.entries } : undefined;
}

/** Of a line without its end; undefined: this is not what was written. */
export function decodeLine(bytes: Buffer): Line | undefined {
  const sum = bytes.toString("latin1", 0, 9);
  const rest = bytes.subarray(9);
  if (!/^[0-9a-f]{8} $/.test(sum) || Number.parseInt(sum, 16) !== crc32(rest)) return undefined;
  const { sequence, json } = /^(?<sequence>\d+) (?<json>.*)$/s.exec(rest.toString())?.groups ?? {};
  try {
    const content = toContent(JSON.parse(json ?? ""));
    return content && { sequence: Number(sequence), content };
  } catch {
    return undefined;
  }
}
