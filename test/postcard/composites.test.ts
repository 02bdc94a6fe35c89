/** Values made of values: what is in front of them on the wire, and what is not. */
import { describe, expect, it } from "vitest";
import { mapped } from "../../src/postcard/codec.ts";
import { array } from "../../src/postcard/collections.ts";
import { enumeration, option, pair, rangeInclusive, struct, unit } from "../../src/postcard/composites.ts";
import { EncodeError } from "../../src/postcard/error.ts";
import { Reader } from "../../src/postcard/reader.ts";
import { bool, bytes, string, u8, u16, u32 } from "../../src/postcard/scalars.ts";
import { decoded, encoded, refused } from "./hex.ts";

describe("a bool", () => {
  it("is 00 or 01", () => {
    expect([encoded(bool, false), encoded(bool, true)]).toEqual(["00", "01"]);
    expect([decoded(bool, "00"), decoded(bool, "01")]).toEqual([false, true]);
  });

  it("is nothing else", () => {
    for (const byte of ["02", "80", "ff"]) expect(refused(bool, byte)).toBe("bool");
  });
});

describe("an option", () => {
  const optional = option(u16);

  it("is 00 for nothing, and 01 with the value behind it", () => {
    expect([encoded(optional, null), encoded(optional, 300)]).toEqual(["00", "01 ac 02"]);
    expect([decoded(optional, "00"), decoded(optional, "01 ac 02")]).toEqual([null, 300]);
  });

  it("has no other tag", () => {
    for (const tag of ["02 00", "ff 00", "81 00"]) expect(refused(optional, tag)).toBe("option");
  });

  it("of nothing is less than one of anything", () => {
    expect(optional.compare(null, 0)).toBeLessThan(0);
    expect(optional.compare(2, 1)).toBeGreaterThan(0);
    expect(optional.compare(null, null)).toBe(0);
  });
});

describe("a struct", () => {
  const point = struct({ x: u16, y: option(u8), label: string });

  it("is its fields, one behind the other, without names", () => {
    expect(encoded(point, { x: 300, y: null, label: "a" })).toBe("ac 02 00 01 61");
    expect(decoded(point, "ac 02 01 07 00")).toEqual({ x: 300, y: 7, label: "" });
  });

  it("is ordered by its first field that differs", () => {
    expect(point.compare({ x: 1, y: 9, label: "b" }, { x: 1, y: 9, label: "a" })).toBeGreaterThan(0);
    expect(point.compare({ x: 1, y: 9, label: "b" }, { x: 2, y: null, label: "a" })).toBeLessThan(0);
  });

  it("without fields is nothing on the wire", () => {
    expect(encoded(struct({}), {})).toBe("");
  });
});

describe("a pair", () => {
  it("is one value, then the other", () => {
    expect(encoded(pair(u8, string), [1, "b"])).toBe("01 01 62");
    expect(decoded(pair(u8, string), "01 01 62")).toEqual([1, "b"]);
  });

  it("is ordered by the first, then the second", () => {
    expect(pair(u8, u8).compare([1, 2], [1, 3])).toBeLessThan(0);
    expect(pair(u8, u8).compare([2, 0], [1, 3])).toBeGreaterThan(0);
  });
});

describe("an enum", () => {
  const shape = enumeration({ Dot: unit, Circle: u16, Box: struct({ w: u8, h: u8 }) });

  it("is the ordinal of its variant, then the payload", () => {
    expect(encoded(shape, "Dot")).toBe("00");
    expect(encoded(shape, { Circle: 300 })).toBe("01 ac 02");
    expect(encoded(shape, { Box: { w: 1, h: 2 } })).toBe("02 01 02");
    expect(decoded(shape, "02 01 02")).toEqual({ Box: { w: 1, h: 2 } });
    expect(decoded(shape, "00")).toBe("Dot");
  });

  it("takes an ordinal in a longer form than needed", () => {
    expect(decoded(shape, "81 80 80 80 00 07")).toEqual({ Circle: 7 });
  });

  it("has no variant past its last", () => {
    for (const ordinal of ["03", "ff 01", "ff ff ff ff 0f"]) expect(refused(shape, ordinal)).toBe("custom");
  });

  it("has an ordinal of 32 bits, like Rust's", () => {
    expect(refused(shape, "ff ff ff ff 10")).toBe("varint");
  });

  it("with a variant that its type lacks is not encoded", () => {
    const foreign = enumeration({ Square: u8 });
    expect(() => encoded(shape as unknown as typeof foreign, { Square: 1 })).toThrow(EncodeError);
  });

  it("is ordered by its variants' places, then by the payload", () => {
    expect(shape.compare("Dot", { Circle: 0 })).toBeLessThan(0);
    expect(shape.compare({ Circle: 9 }, { Box: { w: 0, h: 0 } })).toBeLessThan(0);
    expect(shape.compare({ Circle: 9 }, { Circle: 8 })).toBeGreaterThan(0);
  });

  it("of 128 variants and more has ordinals of two bytes", () => {
    const many = enumeration(Object.fromEntries(Array.from({ length: 130 }, (_, n) => [`V${n}`, unit])));
    expect(encoded(many, "V129")).toBe("81 01");
    expect(decoded(many, "81 01")).toBe("V129");
  });
});

describe("an inclusive range", () => {
  const ports = rangeInclusive(u16);

  it("is both its ends", () => {
    expect(encoded(ports, { start: 0, end: 16_383 })).toBe("00 ff 7f");
    expect(decoded(ports, "00 ff 7f")).toEqual({ start: 0, end: 16_383 });
  });

  it("may be empty: nobody compares the ends", () => {
    expect(decoded(ports, "05 01")).toEqual({ start: 5, end: 1 });
  });
});

describe("raw bytes and arrays of a fixed size", () => {
  it("have no length in front", () => {
    expect(encoded(bytes(3), Uint8Array.of(1, 2, 3))).toBe("01 02 03");
    expect(encoded(array(u32, 2), [1, 128])).toBe("01 80 01");
    expect(decoded(array(u32, 2), "01 80 01")).toEqual([1, 128]);
  });

  it("are refused where the input has fewer", () => {
    expect(refused(bytes(3), "01 02")).toBe("end");
    expect(refused(array(u8, 3), "01 02")).toBe("end");
  });

  it("of another size are not encoded", () => {
    expect(() => encoded(bytes(3), new Uint8Array(2))).toThrow(EncodeError);
    expect(() => encoded(array(u8, 3), [1, 2, 3, 4])).toThrow(EncodeError);
  });

  it("are a copy: what becomes of the input afterwards does not matter", () => {
    const input = Uint8Array.of(1, 2);
    const value = bytes(2).read(new Reader(input));
    input.fill(9);
    expect(value).toEqual(Uint8Array.of(1, 2));
  });
});

describe("a mapped codec", () => {
  const celsius = mapped(
    u16,
    (kelvin) => kelvin - 273,
    (degrees) => degrees + 273,
  );

  it("has the bytes and the order of what it is made of", () => {
    expect(encoded(celsius, 27)).toBe("ac 02");
    expect(decoded(celsius, "ac 02")).toBe(27);
    expect(celsius.compare(-1, 1)).toBeLessThan(0);
  });
});
