/** Single values: numbers, booleans, characters, texts, and runs of raw bytes. */
import type { Codec } from "./codec.ts";
import { DecodeError, EncodeError } from "./error.ts";
import type { Reader } from "./reader.ts";

const numeric = (a: number, b: number) => a - b;
const wide = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);

/** One raw byte. */
export const u8: Codec<number> = {
  read: (from) => from.byte(),
  write: (to, value) => to.byte(value),
  compare: numeric,
  least: 1,
};

/** One raw byte, two's complement. */
export const i8: Codec<number> = {
  read: (from) => (from.byte() << 24) >> 24,
  write: (to, value) => {
    if (!Number.isInteger(value) || value < -0x80 || value > 0x7f) throw new EncodeError(`${value} is not an i8`);
    to.byte(value & 0xff);
  },
  compare: numeric,
  least: 1,
};

function unsigned(bits: 16 | 32): Codec<number> {
  return {
    read: (from) => from.varint(bits),
    write: (to, value) => to.varint(value, bits),
    compare: numeric,
    least: 1,
  };
}

/** Zigzag: 0, -1, 1, -2 … are 0, 1, 2, 3 …, so that small numbers of either sign are short. */
function signed(bits: 16 | 32): Codec<number> {
  const half = 2 ** (bits - 1);
  return {
    read: (from) => {
      const coded = from.varint(bits);
      return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
    },
    write: (to, value) => {
      if (!Number.isInteger(value) || value < -half || value >= half) {
        throw new EncodeError(`${value} is not a signed number of ${bits} bits`);
      }
      to.varint(value < 0 ? -2 * value - 1 : 2 * value, bits);
    },
    compare: numeric,
    least: 1,
  };
}

export const u16 = unsigned(16);
export const u32 = unsigned(32);
export const i16 = signed(16);
export const i32 = signed(32);

export const u64: Codec<bigint> = {
  read: (from) => from.varint64(),
  write: (to, value) => to.varint64(value),
  compare: wide,
  least: 1,
};

/** As `u64`: the driver and its clients are 64-bit programs. */
export const usize = u64;

export const i64: Codec<bigint> = {
  read: (from) => {
    const coded = from.varint64();
    return (coded & 1n) === 0n ? coded >> 1n : -((coded + 1n) >> 1n);
  },
  write: (to, value) => {
    if (BigInt.asIntN(64, value) !== value) throw new EncodeError(`${value} is not a signed number of 64 bits`);
    to.varint64(value < 0n ? -2n * value - 1n : 2n * value);
  },
  compare: wide,
  least: 1,
};

export const bool: Codec<boolean> = {
  read: (from) => {
    const byte = from.byte();
    if (byte > 1) throw new DecodeError("bool", from.at);
    return byte === 1;
  },
  write: (to, value) => to.byte(value ? 1 : 0),
  compare: (a, b) => Number(a) - Number(b),
  least: 1,
};

/** Rust orders texts by their UTF-8 bytes, JavaScript by UTF-16 units: they differ past U+D7FF. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export const string: Codec<string> = {
  read: (from) => from.text(from.length()),
  write: (to, value) => to.text(value),
  compare: compareText,
  least: 1,
};

function readChar(from: Reader): string {
  const size = from.length();
  if (size > 4) throw new DecodeError("char", from.at);
  let text: string;
  try {
    text = from.text(size);
  } catch (error) {
    throw error instanceof DecodeError && error.reason === "utf8" ? new DecodeError("char", error.at) : error;
  }
  // As Rust's: the first character counts, whatever follows it.
  const [first] = text;
  if (first === undefined) throw new DecodeError("char", from.at);
  return first;
}

/** One Unicode scalar value, as a text of its own. */
export const char: Codec<string> = {
  read: readChar,
  write: (to, value) => {
    if ([...value].length !== 1) throw new EncodeError(`${JSON.stringify(value)} is not one character`);
    to.text(value);
  },
  compare: compareText,
  least: 2,
};

/** Exactly `size` bytes without a length in front: Rust's `[u8; N]`. */
export function bytes(size: number): Codec<Uint8Array> {
  return {
    read: (from) => {
      const at = from.skip(size);
      return from.bytes.slice(at, at + size);
    },
    write: (to, value) => {
      if (value.length !== size) throw new EncodeError(`${value.length} bytes where ${size} are due`);
      const at = to.claim(size);
      to.bytes.set(value, at);
    },
    compare: (a, b) => Buffer.compare(a, b),
    least: size,
  };
}
