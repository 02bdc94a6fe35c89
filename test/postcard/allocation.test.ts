/** What is told on the wire sets no limit to what is taken from memory; what is there does. */
import { describe, expect, it } from "vitest";
import type { Codec } from "../../src/postcard/codec.ts";
import { decode, encode } from "../../src/postcard/codec.ts";
import { map, seq, set } from "../../src/postcard/collections.ts";
import { EncodeError } from "../../src/postcard/error.ts";
import { string, u8, u64 } from "../../src/postcard/scalars.ts";
import { Writer } from "../../src/postcard/writer.ts";
import { encoded, hex, refusalOf, refused, spaced } from "./hex.ts";

/** 2^64 - 1, the greatest length that can be told. */
const GREATEST = "ff ff ff ff ff ff ff ff ff 01";

/** A byte, and how many of them were read. */
function counting(): { readonly codec: Codec<number>; readonly reads: () => number } {
  let reads = 0;
  const read: Codec<number>["read"] = (from) => {
    reads++;
    return u8.read(from);
  };
  return { codec: { ...u8, read }, reads: () => reads };
}

describe("a length past the end of the input", () => {
  it.each([
    ["a sequence", seq],
    ["a set", set],
  ])("makes %s read no more elements than there are bytes", (_what, listOf) => {
    const { codec, reads } = counting();
    expect(refused(listOf(codec), `${GREATEST} 01 02 03`)).toBe("end");
    expect(reads()).toBe(4);
  });

  it("makes a map read no more entries than there are bytes", () => {
    const { codec, reads } = counting();
    expect(refused(map(codec, u8), `${GREATEST} 01 02 03 04`)).toBe("end");
    expect(reads()).toBe(3);
  });

  it("makes a text be refused, however long it says to be", () => {
    for (const length of ["7f", "ff ff ff ff 0f", "ff ff ff ff ff ff ff 7f", GREATEST]) {
      expect(refused(string, `${length} 61 62`)).toBe("end");
    }
  });

  it("of more than 64 bits is no length", () => {
    expect(refused(seq(u8), "ff ff ff ff ff ff ff ff ff 02 00")).toBe("varint");
  });

  it("inside lists in lists ends at the first element that is missing", () => {
    const { codec, reads } = counting();
    expect(refusalOf(seq(seq(seq(codec))), hex(`${GREATEST} ${GREATEST} ${GREATEST} 05`))).toBe("end");
    expect(reads()).toBe(2);
  });
});

describe("the encoder's buffer", () => {
  it("grows without losing what was written, wherever its end falls", () => {
    // 256 bytes is where it grows first: each value is laid across that place once.
    for (let before = 240; before <= 256; before++) {
      const writer = new Writer();
      for (let i = 0; i < before; i++) writer.byte(0xaa);
      writer.varint64(2n ** 64n - 1n);
      writer.text("é€😀");
      writer.varint(70_000, 32);
      const tail = spaced(writer.take().slice(before));
      expect(tail).toBe("ff ff ff ff ff ff ff ff ff 01 09 c3 a9 e2 82 ac f0 9f 98 80 f0 a2 04");
    }
  });

  it("holds a list of any length", () => {
    const numbers = Array.from({ length: 5000 }, (_, n) => BigInt(n) << 40n);
    expect(decode(seq(u64), encode(seq(u64), numbers)).value).toEqual(numbers);
  });

  it("begins anew after a value that could not be encoded", () => {
    expect(() => encode(seq(u8), [1, 2, 256])).toThrow(EncodeError);
    expect(encoded(seq(u8), [1])).toBe("01 01");
  });
});
