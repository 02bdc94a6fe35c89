/** Sequences, sets and maps: a count, then the elements; sets and maps in Rust's order. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { map, seq, set } from "../../src/postcard/collections.ts";
import { option, struct, unit } from "../../src/postcard/composites.ts";
import { EncodeError } from "../../src/postcard/error.ts";
import { i32, string, u8, u16, u64 } from "../../src/postcard/scalars.ts";
import { property } from "../net/arbitraries.ts";
import { decoded, encoded, refused } from "./hex.ts";

describe("a sequence", () => {
  it("is a count, then its elements as they come", () => {
    expect(encoded(seq(u16), [300, 1, 300])).toBe("03 ac 02 01 ac 02");
    expect(decoded(seq(u16), "03 ac 02 01 ac 02")).toEqual([300, 1, 300]);
    expect(encoded(seq(u16), [])).toBe("00");
  });

  it("of 128 elements and more has a count of two bytes", () => {
    expect(encoded(seq(u8), new Array<number>(128).fill(7)).slice(0, 8)).toBe("80 01 07");
  });

  it("is refused where an element is missing", () => {
    expect(refused(seq(u8), "03 01 02")).toBe("end");
    expect(refused(seq(u8), "")).toBe("end");
  });

  it("is refused for the first element that is no good", () => {
    expect(refused(seq(option(u8)), "02 00 02")).toBe("option");
  });

  it("is ordered by its first element that differs, and a beginning comes before the whole", () => {
    expect(seq(u8).compare([1, 2], [1, 3, 0])).toBeLessThan(0);
    expect(seq(u8).compare([1, 2], [1, 2, 0])).toBeLessThan(0);
    expect(seq(u8).compare([2], [1, 9])).toBeGreaterThan(0);
    expect(seq(u8).compare([], [])).toBe(0);
  });

  it("of elements that take no bytes cannot be declared: a short input could hold any number", () => {
    expect(() => seq(unit)).toThrow(EncodeError);
    expect(() => seq(struct({}))).toThrow(EncodeError);
    expect(() => set(unit)).toThrow(EncodeError);
    expect(() => map(unit, unit)).toThrow(EncodeError);
  });
});

describe("a set", () => {
  it("of numbers is sent ascending by number", () => {
    expect(encoded(set(i32), [1, -1, 0, -200])).toBe("04 8f 03 01 00 02");
    expect(encoded(set(u64), [256n, 2n, 2n ** 64n - 1n])).toBe("03 02 80 02 ff ff ff ff ff ff ff ff ff 01");
  });

  it("of texts is sent ascending by UTF-8 bytes, which JavaScript's own order is not", () => {
    const texts = ["\u{1f600}", "\uffee", "b", "a"];
    expect([...texts].sort()).toEqual(["a", "b", "\u{1f600}", "\uffee"]);
    expect(encoded(set(string), texts)).toBe("04 01 61 01 62 03 ef bf ae 04 f0 9f 98 80");
  });

  it("has each element once", () => {
    expect(encoded(set(u8), [3, 1, 3, 1])).toBe("02 01 03");
  });

  it("is taken in any order, with duplicates too, and given ascending without them", () => {
    expect(decoded(set(u8), "04 03 01 03 02")).toEqual([1, 2, 3]);
  });

  it("of sets is ordered by what the inner ones are on the wire", () => {
    expect(encoded(set(set(u8)), [[2], [3, 1]])).toBe("02 02 01 03 01 02");
    expect(
      encoded(set(set(u8)), [
        [3, 1],
        [1, 3],
      ]),
    ).toBe("01 02 01 03");
  });

  it("has the same bytes whatever order it is told in", () => {
    fc.assert(
      property(
        fc
          .array(fc.integer({ min: 0, max: 40 }))
          .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => expect(encoded(set(u16), shuffled)).toBe(encoded(set(u16), list)),
      ),
    );
  });

  it("is not changed by being encoded", () => {
    const list = [3, 1, 2];
    encoded(set(u8), list);
    expect(list).toEqual([3, 1, 2]);
  });
});

describe("a map", () => {
  const ages = map(string, u8);

  it("is a count, then key and value in turn, ascending by key", () => {
    expect(
      encoded(ages, [
        ["b", 1],
        ["a", 2],
      ]),
    ).toBe("02 01 61 02 01 62 01");
  });

  it("of a key that comes twice keeps the last value, in both directions", () => {
    expect(decoded(ages, "03 01 61 01 01 62 02 01 61 03")).toEqual([
      ["a", 3],
      ["b", 2],
    ]);
    expect(
      encoded(ages, [
        ["a", 1],
        ["a", 0],
      ]),
    ).toBe("01 01 61 00");
  });

  it("is ordered as the list of its entries", () => {
    expect(ages.compare([["a", 1]], [["a", 2]])).toBeLessThan(0);
    expect(ages.compare([["b", 1]], [["a", 2]])).toBeGreaterThan(0);
  });

  it("is what Rust's BTreeMap would be, inserted into one by one", () => {
    const entries = fc.array(fc.tuple(fc.string({ unit: "binary", maxLength: 2 }), fc.nat(255)));
    fc.assert(
      property(entries, (list) => {
        const byKey = new Map(list);
        const keys = [...byKey.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(decoded(ages, encoded(ages, list))).toEqual(keys.map((key) => [key, byKey.get(key)]));
        expect(
          decoded(
            ages,
            encoded(
              seq(struct({ key: string, age: u8 })),
              list.map(([key, age]) => ({ key, age })),
            ),
          ),
        ).toEqual(keys.map((key) => [key, byKey.get(key)]));
      }),
    );
  });
});
