/**
 * `npm run vectors -- FILE…`: holds the codec against recorded encodings of the Rust types. Each
 * vector is decoded, compared, encoded and compared; each `decode` case must get the verdict it
 * got there. Exit 0 only if there were cases and all of them passed.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../src/error.ts";
import { namedType } from "../src/opte/wire/named.ts";
import { type Codec, decode, encode } from "../src/postcard/codec.ts";
import { DecodeError } from "../src/postcard/error.ts";

interface Case {
  readonly type: string;
  readonly name: string;
  readonly hex: string;
  readonly value?: unknown;
}

interface DecodeCase extends Case {
  readonly ok: boolean;
  readonly error?: string;
  readonly reencoded_hex?: string;
}

interface VectorFile {
  readonly api_version: number;
  readonly vectors: readonly Case[];
  readonly decode: readonly DecodeCase[];
}

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** A decoded value as the files write it: whole numbers above 2^53 - 1 are decimal texts. */
function asWritten(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one) => {
      if (typeof one !== "bigint") return one;
      return one <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(one) : String(one);
    }),
  );
}

function typeOf(version: number, name: string): Codec<unknown> {
  const codec = namedType(version, name);
  if (codec === undefined) throw new Error(`no such type in API ${version}`);
  return codec;
}

/** Both ways: the bytes give the value, and the value the bytes. */
function check(codec: Codec<unknown>, hex: string, value: unknown, encoded: string): number {
  const decoded = decode(codec, fromHex(hex));
  if (!isDeepStrictEqual(asWritten(decoded.value), value)) {
    throw new Error(`decoded to ${JSON.stringify(asWritten(decoded.value))}, not ${JSON.stringify(value)}`);
  }
  const again = toHex(encode(codec, decoded.value));
  if (again !== encoded) throw new Error(`encoded to ${again}, not ${encoded}`);
  return decoded.trailing;
}

function checkVector(version: number, { type, hex, value }: Case): void {
  check(typeOf(version, type), hex, value, hex);
}

/** @returns bytes left over behind the value. */
function checkVerdict(version: number, { type, hex, ok, value, error, reencoded_hex = "" }: DecodeCase): number {
  const codec = typeOf(version, type);
  if (ok) return check(codec, hex, value, reencoded_hex);
  try {
    decode(codec, fromHex(hex));
  } catch (thrown) {
    if (thrown instanceof DecodeError) return 0;
    throw thrown;
  }
  throw new Error(`was taken; the driver says: ${error}`);
}

let passed = 0;
let failed = 0;
let trailing = 0;

function attempt(label: string, run: () => void): void {
  try {
    run();
    passed++;
  } catch (error) {
    failed++;
    console.error(`${label}: ${messageOf(error)}`);
  }
}

function checkFile(path: string): void {
  const file = JSON.parse(readFileSync(path, "utf8")) as VectorFile;
  const version = file.api_version;
  for (const one of file.vectors) {
    attempt(`${path}: ${one.type} ${one.name}`, () => checkVector(version, one));
  }
  for (const one of file.decode) {
    attempt(`${path}: decode ${one.type} ${one.name}`, () => {
      if (checkVerdict(version, one) > 0) trailing++;
    });
  }
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: npm run vectors -- FILE…   (files of recorded encodings: opte-v41.json and its like)");
  process.exit(2);
}
for (const path of files) {
  try {
    checkFile(path);
  } catch (error) {
    failed++;
    console.error(`${path}: ${messageOf(error)}`);
  }
}
if (trailing > 0) console.error(`warning: ${trailing} values had bytes behind them, which the driver ignores`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
