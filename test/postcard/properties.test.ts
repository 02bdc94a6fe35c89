/** What holds for every type that can be put together from the combinators, and every value of it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/postcard/codec.ts";
import { property } from "../net/arbitraries.ts";
import { refusalOf } from "./hex.ts";
import { shapeAndValues } from "./shapes.ts";

describe("a value of any type", () => {
  it("comes back from its bytes as it was, with none left over", () => {
    fc.assert(
      property(shapeAndValues(1), ([{ codec }, [value]]) => {
        expect(decode(codec, encode(codec, value))).toEqual({ value, trailing: 0 });
      }),
      { numRuns: 1000 },
    );
  });

  it("is refused for the missing end wherever its bytes are cut off", () => {
    fc.assert(
      property(shapeAndValues(1), fc.nat(), ([{ codec }, [value]], at) => {
        const bytes = encode(codec, value);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(refusalOf(codec, cut)).toBe("end");
      }),
      { numRuns: 1000 },
    );
  });

  it("is read alone, and the bytes behind it are counted", () => {
    fc.assert(
      property(shapeAndValues(1), fc.uint8Array({ maxLength: 9 }), ([{ codec }, [value]], behind) => {
        const bytes = Uint8Array.of(...encode(codec, value), ...behind);
        expect(decode(codec, bytes)).toEqual({ value, trailing: behind.length });
      }),
    );
  });

  it("takes at least the bytes that its type says", () => {
    fc.assert(
      property(shapeAndValues(1), ([{ codec }, [value]]) => {
        expect(encode(codec, value).length).toBeGreaterThanOrEqual(codec.least);
      }),
    );
  });

  it("is ordered against another as Rust's derived order has it", () => {
    fc.assert(
      property(shapeAndValues(2), ([{ codec, order }, [a, b]]) => {
        expect(Math.sign(codec.compare(a, b))).toBe(Math.sign(order(a, b)));
        expect(codec.compare(a, a)).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it("has bytes of its own: encoding another does not touch them", () => {
    fc.assert(
      property(shapeAndValues(2), ([{ codec }, [a, b]]) => {
        const first = encode(codec, a);
        const copy = first.slice();
        encode(codec, b);
        expect(first).toEqual(copy);
      }),
    );
  });
});
