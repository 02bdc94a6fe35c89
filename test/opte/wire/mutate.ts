/** Damaged encodings, from a seed: the same seed makes the same ones in the same order. */
import { OWN_VECTORS } from "./own-vectors.ts";

/** A 32-bit generator (mulberry32): small, quick and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

const CORPUS: readonly Uint8Array[] = OWN_VECTORS.map(({ bytes }) => bytes);

/** Counts, lengths, tags and limits: bytes that mean something to a decoder. */
const TELLING = [0x00, 0x01, 0x02, 0x04, 0x10, 0x7f, 0x80, 0xed, 0xef, 0xf4, 0xff];
const GREATEST_LENGTH = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
const LARGE_LENGTH = [0xff, 0xff, 0xff, 0xff, 0x0f];

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

/** What is between `from` and `to` replaced by `by`. */
function replaced(bytes: Uint8Array, from: number, to: number, by: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(from + by.length + bytes.length - to);
  result.set(bytes.subarray(0, from));
  result.set(by, from);
  result.set(bytes.subarray(to), from + by.length);
  return result;
}

const place = (bytes: Uint8Array, random: Random) => random.below(bytes.length + 1);

const MUTATIONS: readonly Mutation[] = [
  // One bit over.
  (bytes, random) => {
    const at = random.below(bytes.length);
    return replaced(bytes, at, Math.min(at + 1, bytes.length), [(bytes[at] ?? 0) ^ (1 << random.below(8))]);
  },
  // A byte that means something.
  (bytes, random) => {
    const at = random.below(bytes.length);
    return replaced(bytes, at, Math.min(at + 1, bytes.length), [random.pick(TELLING)]);
  },
  // Cut off.
  (bytes, random) => bytes.slice(0, place(bytes, random)),
  // Any byte put in.
  (bytes, random) => {
    const at = place(bytes, random);
    return replaced(bytes, at, at, [random.below(256)]);
  },
  // A length blown up: past the end, past 2^53.
  (bytes, random) => {
    const at = random.below(bytes.length);
    return replaced(bytes, at, Math.min(at + 1, bytes.length), random.pick([GREATEST_LENGTH, LARGE_LENGTH]));
  },
  // The beginning of one with the end of another.
  (bytes, random) => {
    const other = random.pick(CORPUS);
    return replaced(bytes, place(bytes, random), bytes.length, other.subarray(place(other, random)));
  },
  // A part of it said twice.
  (bytes, random) => {
    const from = place(bytes, random);
    const to = from + random.below(bytes.length - from + 1);
    return replaced(bytes, to, to, bytes.subarray(from, to));
  },
];

function arbitrary(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(80) }, () => random.below(random.pick([3, 20, 256])));
}

/** One to four mutations of an encoding, or now and then bytes from nowhere. */
export function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.below(8) === 0) return arbitrary(random);
  let result = bytes;
  for (let times = 1 + random.below(4); times > 0; times--) result = random.pick(MUTATIONS)(result, random);
  return result;
}
