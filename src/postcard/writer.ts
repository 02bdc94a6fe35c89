/** Bytes in the making. One buffer that grows by doubling; what is handed out is a copy. */
import { EncodeError } from "./error.ts";

const FIRST_SIZE = 256;

export class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** Makes room for `count` bytes, counts them as written, and tells where they begin. */
  claim(count: number): number {
    const from = this.#at;
    if (from + count > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, from + count));
      this.#bytes.copy(larger, 0, 0, from);
      this.#bytes = larger;
    }
    this.#at = from + count;
    return from;
  }

  /** The buffer as it is now: valid until the next write. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  byte(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xff) throw new EncodeError(`${value} is not a byte`);
    const from = this.claim(1);
    this.#bytes[from] = value;
  }

  varint(value: number, bits: 16 | 32): void {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
      throw new EncodeError(`${value} is not an unsigned number of ${bits} bits`);
    }
    this.#varint(value);
  }

  varint64(value: bigint): void {
    if (value < 0n || value >> 64n !== 0n) throw new EncodeError(`${value} is not an unsigned number of 64 bits`);
    let rest = value;
    while (rest >= 0x80n) {
      // Claimed first: the buffer may be another one afterwards.
      const at = this.claim(1);
      this.#bytes[at] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    const from = this.claim(1);
    this.#bytes[from] = Number(rest);
  }

  length64(value: number): void {
    this.#varint(value);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      const from = this.claim(1);
      this.#bytes[from] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    const from = this.claim(1);
    this.#bytes[from] = rest;
  }

  /** Length, then UTF-8. */
  text(value: string): void {
    if (!value.isWellFormed()) throw new EncodeError("a text with half a surrogate pair has no UTF-8 form");
    const size = Buffer.byteLength(value);
    this.#varint(size);
    const from = this.claim(size);
    this.#bytes.write(value, from, size, "utf8");
  }

  /** What was written, and an empty writer again. */
  take(): Uint8Array {
    const done = new Uint8Array(this.#at);
    done.set(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return done;
  }

  clear(): void {
    this.#at = 0;
  }

  /** Takes back what was written behind the first `length` bytes. */
  rewind(length: number): void {
    this.#at = length;
  }
}
