/** A cursor over encoded bytes. It never reads past their end and allocates nothing by a length it was told. */
import { DecodeError } from "./error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Reader {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) throw new DecodeError("end", this.#at);
    this.#at++;
    return byte;
  }

  /** Passes over `count` bytes and tells where they begin. */
  skip(count: number): number {
    const from = this.#at;
    if (count > this.bytes.length - from) throw new DecodeError("end", from);
    this.#at = from + count;
    return from;
  }

  /**
   * An unsigned LEB128 number of at most `bits` bits. Longer than needed is taken, up to the bytes
   * that the widest number of that size has; what is over its range is not.
   */
  varint(bits: 16 | 32): number {
    const most = bits === 16 ? 3 : 5;
    let value = 0;
    for (let i = 0; i < most; i++) {
      const byte = this.byte();
      // Multiplied, not shifted: the fifth byte would land on the sign.
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (value >= 2 ** bits) break;
        return value;
      }
    }
    throw new DecodeError("varint", this.#at);
  }

  /** The same of 64 bits. */
  varint64(): bigint {
    let value = 0n;
    let chunk = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      if (i < 7) chunk += (byte & 0x7f) * 2 ** (7 * i);
      else value += BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte >= 0x80) continue;
      value += BigInt(chunk);
      if (value >> 64n !== 0n) break;
      return value;
    }
    throw new DecodeError("varint", this.#at);
  }

  /** How many there are: a 64-bit varint. Past 2^53 it is not exact, and far more than any input holds. */
  length(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    this.#at--;
    return Number(this.varint64());
  }

  text(count: number): string {
    const from = this.skip(count);
    try {
      return utf8.decode(this.bytes.subarray(from, from + count));
    } catch {
      throw new DecodeError("utf8", this.#at);
    }
  }
}
