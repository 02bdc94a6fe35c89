/** Texts and single characters: UTF-8 and nothing near it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EncodeError } from "../../src/postcard/error.ts";
import { char, string } from "../../src/postcard/scalars.ts";
import { property } from "../net/arbitraries.ts";
import { decoded, encoded, refused } from "./hex.ts";

describe("a text", () => {
  it.each([
    ["nothing", "", "00"],
    ["ASCII", "opte0", "05 6f 70 74 65 30"],
    ["two, three and four bytes a character", "é€😀", "09 c3 a9 e2 82 ac f0 9f 98 80"],
    ["a NUL", "a\0", "02 61 00"],
  ])("is its length in bytes, then UTF-8: %s", (_what, text, bytes) => {
    expect(encoded(string, text)).toBe(bytes);
    expect(decoded(string, bytes)).toBe(text);
  });

  it("keeps a byte order mark: it is a character like others", () => {
    expect(decoded(string, "04 ef bb bf 61")).toBe("\ufeffa");
    expect(encoded(string, "\ufeffa")).toBe("04 ef bb bf 61");
  });

  it("of 128 bytes and more has a length of two", () => {
    expect(encoded(string, "a".repeat(128)).slice(0, 8)).toBe("80 01 61");
  });

  it.each([
    ["a byte that never occurs", "01 ff"],
    ["a tail without a head", "01 80"],
    ["a head without its tail", "02 c3 61"],
    ["a character cut off by the length", "01 c3 a9"],
    ["an overlong slash", "02 c0 af"],
    ["an overlong NUL", "03 e0 80 80"],
    ["half a surrogate pair", "03 ed a0 80"],
    ["a pair of surrogates, each on its own", "06 ed a0 bd ed b8 80"],
    ["beyond U+10FFFF", "04 f4 90 80 80"],
  ])("that is not UTF-8 is refused: %s", (_what, bytes) => {
    expect(refused(string, bytes)).toBe("utf8");
  });

  it("that says to be longer than the input is refused before it is looked at", () => {
    expect(refused(string, "03 ff ff")).toBe("end");
  });

  it("with half a surrogate pair is not encoded", () => {
    for (const text of ["\ud800", "a\udc00b", "\udc00\ud800"]) expect(() => encoded(string, text)).toThrow(EncodeError);
  });

  it("comes back as it was", () => {
    fc.assert(
      property(fc.string({ unit: "binary" }), (text) => expect(decoded(string, encoded(string, text))).toBe(text)),
    );
  });
});

describe("the order of texts", () => {
  it("is that of their UTF-8 bytes", () => {
    fc.assert(
      property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(Math.sign(string.compare(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it("differs from JavaScript's above U+FFFF, whose halves of a pair are below U+E000", () => {
    const [below, above] = ["\uffee", "\u{1f600}"];
    expect(below < above).toBe(false);
    expect(string.compare(below, above)).toBeLessThan(0);
    expect(char.compare(below, above)).toBeLessThan(0);
  });
});

describe("a character", () => {
  it.each([
    ["a", "01 61"],
    ["€", "03 e2 82 ac"],
    ["😀", "04 f0 9f 98 80"],
  ])("is a text of its own: %s", (text, bytes) => {
    expect(encoded(char, text)).toBe(bytes);
    expect(decoded(char, bytes)).toBe(text);
  });

  it.each([
    ["none", "00"],
    ["more than four bytes", "05 61 61 61 61 61"],
    ["a length over four, even past the end", "7f"],
    ["no UTF-8", "01 ff"],
    ["half a surrogate pair", "03 ed a0 80"],
  ])("is refused: %s", (_what, bytes) => {
    expect(refused(char, bytes)).toBe("char");
  });

  it("that is cut off is refused for the missing end", () => {
    expect(refused(char, "03 e2 82")).toBe("end");
  });

  it("with others behind it in its text is the first of them, as in Rust", () => {
    expect(decoded(char, "02 61 62")).toBe("a");
  });

  it.each(["", "ab", "\ud800"])("must be exactly one to be encoded, and whole: %j", (text) => {
    expect(() => encoded(char, text)).toThrow(EncodeError);
  });
});
