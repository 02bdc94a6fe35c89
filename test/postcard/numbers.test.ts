/** Numbers: one raw byte for 8 bits, LEB128 for the wider ones, zigzag before it for those with a sign. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Codec } from "../../src/postcard/codec.ts";
import { EncodeError } from "../../src/postcard/error.ts";
import { i8, i16, i32, i64, u8, u16, u32, u64, usize } from "../../src/postcard/scalars.ts";
import { property } from "../net/arbitraries.ts";
import { decoded, encoded, refused } from "./hex.ts";

const NARROW: readonly (readonly [string, Codec<number>, number, string])[] = [
  ["u8", u8, 0, "00"],
  ["u8", u8, 255, "ff"],
  ["i8", i8, -1, "ff"],
  ["i8", i8, -128, "80"],
  ["i8", i8, 127, "7f"],
  ["u16", u16, 0, "00"],
  ["u16", u16, 127, "7f"],
  ["u16", u16, 128, "80 01"],
  ["u16", u16, 16_383, "ff 7f"],
  ["u16", u16, 16_384, "80 80 01"],
  ["u16", u16, 65_535, "ff ff 03"],
  ["u32", u32, 65_536, "80 80 04"],
  ["u32", u32, 4_294_967_295, "ff ff ff ff 0f"],
  ["i16", i16, 0, "00"],
  ["i16", i16, -1, "01"],
  ["i16", i16, 1, "02"],
  ["i16", i16, 32_767, "fe ff 03"],
  ["i16", i16, -32_768, "ff ff 03"],
  ["i32", i32, -64, "7f"],
  ["i32", i32, 64, "80 01"],
  ["i32", i32, 2_147_483_647, "fe ff ff ff 0f"],
  ["i32", i32, -2_147_483_648, "ff ff ff ff 0f"],
];

const WIDE: readonly (readonly [string, Codec<bigint>, bigint, string])[] = [
  ["u64", u64, 0n, "00"],
  ["u64", u64, 300n, "ac 02"],
  ["u64", u64, 2n ** 49n - 1n, "ff ff ff ff ff ff 7f"],
  ["u64", u64, 2n ** 49n, "80 80 80 80 80 80 80 01"],
  ["u64", u64, 2n ** 63n, "80 80 80 80 80 80 80 80 80 01"],
  ["u64", u64, 2n ** 64n - 1n, "ff ff ff ff ff ff ff ff ff 01"],
  ["usize", usize, 2n ** 64n - 1n, "ff ff ff ff ff ff ff ff ff 01"],
  ["i64", i64, -1n, "01"],
  ["i64", i64, 2n ** 63n - 1n, "fe ff ff ff ff ff ff ff ff 01"],
  ["i64", i64, -(2n ** 63n), "ff ff ff ff ff ff ff ff ff 01"],
];

describe("a number of up to 32 bits", () => {
  it.each(NARROW)("has these bytes: %s %j", (_type, codec, value, bytes) => {
    expect(encoded(codec, value)).toBe(bytes);
    expect(decoded(codec, bytes)).toBe(value);
  });
});

describe("a number of 64 bits", () => {
  it.each(WIDE.map(([type, codec, value, bytes]) => [type, String(value), codec, value, bytes] as const))(
    "has these bytes: %s %s",
    (_type, _text, codec, value, bytes) => {
      expect(encoded(codec, value)).toBe(bytes);
      expect(decoded(codec, bytes)).toBe(value);
    },
  );
});

describe("a varint", () => {
  it("may be longer than it needs, up to the bytes of its widest number", () => {
    expect(decoded(u16, "81 80 00")).toBe(1);
    expect(decoded(u32, "81 80 80 80 00")).toBe(1);
    expect(decoded(u64, "81 80 80 80 80 80 80 80 80 00")).toBe(1n);
  });

  it.each([
    ["u16", u16, "80 80 80"],
    ["u32", u32, "80 80 80 80 80"],
    ["u64", u64, "80 80 80 80 80 80 80 80 80 80"],
  ])("that still goes on at its last byte is refused: %s", (_type, codec, bytes) => {
    expect(refused(codec, `${bytes} 00`)).toBe("varint");
  });

  it.each([
    ["u16", u16, "ff ff 04"],
    ["u32", u32, "ff ff ff ff 10"],
    ["u64", u64, "ff ff ff ff ff ff ff ff ff 02"],
    ["i16", i16, "80 80 04"],
    ["i32", i32, "80 80 80 80 10"],
    ["i64", i64, "80 80 80 80 80 80 80 80 80 02"],
  ])("is refused where its last byte takes it over the range: %s", (_type, codec, bytes) => {
    expect(refused(codec, bytes)).toBe("varint");
  });

  it("that the input cuts off is refused for the missing end, not for itself", () => {
    expect(refused(u16, "80 80")).toBe("end");
    expect(refused(u64, "ff ff ff")).toBe("end");
    expect(refused(u32, "")).toBe("end");
  });
});

/** Each type's least and greatest value. */
const RANGES: readonly (readonly [string, Codec<number>, number, number])[] = [
  ["u8", u8, 0, 2 ** 8 - 1],
  ["u16", u16, 0, 2 ** 16 - 1],
  ["u32", u32, 0, 2 ** 32 - 1],
  ["i8", i8, -(2 ** 7), 2 ** 7 - 1],
  ["i16", i16, -(2 ** 15), 2 ** 15 - 1],
  ["i32", i32, -(2 ** 31), 2 ** 31 - 1],
];

describe("what a type cannot hold is not encoded", () => {
  it.each(RANGES)("%s: one below, one above, a half, and what is no number", (_type, codec, least, most) => {
    for (const value of [least - 1, most + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => encoded(codec, value)).toThrow(EncodeError);
    }
    expect(decoded(codec, encoded(codec, least))).toBe(least);
    expect(decoded(codec, encoded(codec, most))).toBe(most);
  });

  it("u64 and i64: one below, one above", () => {
    for (const value of [-1n, 2n ** 64n]) expect(() => encoded(u64, value)).toThrow(EncodeError);
    for (const value of [-(2n ** 63n) - 1n, 2n ** 63n]) expect(() => encoded(i64, value)).toThrow(EncodeError);
  });
});

describe("zigzag", () => {
  it("gives a number and its opposite forms of nearly equal length", () => {
    fc.assert(
      property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (n) => {
        const asUnsigned = (value: number) => decoded(u32, encoded(i32, value));
        expect(asUnsigned(n)).toBe(2 * n);
        expect(asUnsigned(-n)).toBe(2 * n - 1);
      }),
    );
  });
});

describe("a number's order", () => {
  it("is the numeric one, whatever its bytes are", () => {
    fc.assert(
      property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer(), (a, b) => {
        expect(Math.sign(i64.compare(a, BigInt(b)))).toBe(a < BigInt(b) ? -1 : a > BigInt(b) ? 1 : 0);
        expect(i32.compare(b, b)).toBe(0);
      }),
    );
  });
});
