import { describe, expect, it } from "vitest";
import { MAX_VNI, MULTICAST_VNI, vni } from "../../src/net/vni.ts";

describe("a VNI", () => {
  it.each([0, 1, 77, 255, 256, 65_535, 65_536, 16_777_214, 16_777_215])("can be %i, a number of 24 bits", (n) =>
    expect(vni(n)).toBe(n),
  );

  it.each([-1, 16_777_216, 0.5, 1e9, 2 ** 32, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])("cannot be %d", (n) =>
    expect(vni(n)).toBeUndefined(),
  );

  it("is 16777215 at most", () => expect(MAX_VNI).toBe(2 ** 24 - 1));
  it("is 77 for every multicast group", () => expect(MULTICAST_VNI).toBe(77));
});
