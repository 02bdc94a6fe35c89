/**
 * The decoders on damaged input: every wire type of every API version, on mutations of valid
 * encodings and on bytes from nowhere. They may refuse, with their own error and no other; what they
 * take must be sound, and no larger than the input allows.
 *
 * So many cases over each of the seeds kept, and over a new one; CI has a million of them over those
 * kept (`.ci/run`). SLEDCAST_FUZZ_SEED tries one seed alone, SLEDCAST_FUZZ_CASES tells how many of each
 * (`node bench/fuzz-decode.mjs`).
 */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { decode, encode } from "../../../src/postcard/codec.ts";
import { DecodeError } from "../../../src/postcard/error.ts";
import { property } from "../../net/arbitraries.ts";
import { spaced } from "../../postcard/hex.ts";
import { damaged, Random } from "./mutate.ts";
import { OWN_VECTORS } from "./own-vectors.ts";
import { TYPES, typeOf, type WireType } from "./types.ts";

const KEPT = [1, 41, 8675309, -559038737];
const told = process.env.SLEDCAST_FUZZ_SEED;
const fresh = Date.now() & 0x7fff_ffff;
const scale = process.env.SLEDCAST_RUNS === undefined ? 1 : 0.1;
const perSeed = Number(process.env.SLEDCAST_FUZZ_CASES ?? 20_000 * scale);
const seeds = told === undefined ? [...KEPT, fresh] : [Number(told)];
console.log(`fuzzing the decoders: seeds ${seeds.join(" ")} (SLEDCAST_FUZZ_SEED), ${perSeed} cases each`);

/**
 * Most nodes and characters that a byte of input turns into: one that is an enum's ordinal becomes
 * the name of a bare variant, the longest of which (`NoRequestBody`) has 13 characters.
 */
const MOST_PER_BYTE = 14;

function sizeOf(value: unknown): number {
  if (typeof value === "string") return 1 + value.length;
  if (typeof value !== "object" || value === null) return 1;
  let size = 1;
  for (const part of Object.values(value)) size += sizeOf(part);
  return size;
}

type Verdict = "refused" | "taken";

/** @throws Error that says what was wrong with the decoder's answer. */
function judge({ codec }: WireType, bytes: Uint8Array): Verdict {
  let value: unknown;
  let trailing: number;
  try {
    ({ value, trailing } = decode(codec, bytes));
  } catch (error) {
    if (error instanceof DecodeError && error.at <= bytes.length) return "refused";
    throw error;
  }
  const used = bytes.length - trailing;
  if (sizeOf(value) > MOST_PER_BYTE * used) throw new Error(`${used} bytes became a value of ${sizeOf(value)}`);
  const again = decode(codec, encode(codec, value));
  if (!isDeepStrictEqual(again, { value, trailing: 0 })) throw new Error("encoded anew it is another value");
  return "taken";
}

/** As `judge`, and a failure names its case so that it can be kept as a test. */
function tried(type: WireType, bytes: Uint8Array): Verdict {
  try {
    return judge(type, bytes);
  } catch (error) {
    throw new Error(`${type.name} of API ${type.version} on ${spaced(bytes)}: ${error}`, { cause: error });
  }
}

/** A type and an encoding of it. */
const PAIRS = OWN_VECTORS.flatMap(({ type, versions, bytes }) =>
  versions.map((version) => [typeOf(version, type), bytes] as const),
);

function fuzz(seed: number, cases: number): Record<Verdict, number> {
  // Two cases in three end in an error, and its stack would be most of the cost of finding that out.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  onTestFinished(() => {
    Error.stackTraceLimit = limit;
  });
  const random = new Random(seed);
  const count = { refused: 0, taken: 0 };
  for (let i = 0; i < cases; i++) {
    const [own, bytes] = random.pick(PAIRS);
    // Now and then the encoding is another type's.
    const type = random.below(8) === 0 ? random.pick(TYPES) : own;
    count[tried(type, damaged(bytes, random))]++;
  }
  return count;
}

describe("a decoder on damaged input", () => {
  it.each(seeds)(
    "refuses it with its own error, or takes a sound value in bounds: seed %i",
    (seed) => {
      const { refused, taken } = fuzz(seed, perSeed);
      expect(refused + taken).toBe(perSeed);
      // A run in which one of the two hardly occurs would show nothing.
      expect(Math.min(refused, taken)).toBeGreaterThan(perSeed / 20);
    },
    3_600_000,
  );

  it("of every type in every version does so on bytes from nowhere", () => {
    fc.assert(
      property(fc.uint8Array({ maxLength: 64 }), fc.nat(3), (bytes, zeros) => {
        const padded = Uint8Array.of(...bytes, ...new Array<number>(zeros * 32).fill(0));
        for (const type of TYPES) expect(["refused", "taken"]).toContain(tried(type, padded));
      }),
      { numRuns: Math.ceil(50 * scale) },
    );
  });
});

describe("a message of a megabyte", () => {
  it.each([
    ["that says to be longer", 0xff],
    ["of nothings", 0x00],
    ["of ones", 0x01],
    ["of lists in lists", 0x02],
  ])("%s is answered by every type", (_what, fill) => {
    const bytes = new Uint8Array(2 ** 20).fill(fill);
    const verdicts = TYPES.map((type) => tried(type, bytes));
    expect(verdicts.filter((verdict) => verdict === "refused" || verdict === "taken")).toHaveLength(TYPES.length);
  });
});
