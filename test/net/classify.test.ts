import { describe, expect, it } from "vitest";
import { type AddressKind, isMulticast, isUnderlayScope, kindOf } from "../../src/net/classify.ts";
import { ip } from "./make.ts";

const BOUNDARIES: readonly (readonly [string, AddressKind])[] = [
  ["0.0.0.0", "unspecified"],
  ["0.0.0.1", "unicast"],
  ["126.255.255.255", "unicast"],
  ["127.0.0.0", "loopback"],
  ["127.255.255.255", "loopback"],
  ["128.0.0.0", "unicast"],
  ["169.253.255.255", "unicast"],
  ["169.254.0.0", "link-local"],
  ["169.254.255.255", "link-local"],
  ["169.255.0.0", "unicast"],
  ["223.255.255.255", "unicast"],
  ["224.0.0.0", "multicast"],
  ["239.255.255.255", "multicast"],
  ["240.0.0.0", "unicast"],
  ["255.255.255.254", "unicast"],
  ["255.255.255.255", "broadcast"],
  ["::", "unspecified"],
  ["::1", "loopback"],
  ["::2", "unicast"],
  ["1::", "unicast"],
  ["1::1", "unicast"],
  ["fd00::1", "unicast"],
  ["fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unicast"],
  ["fe80::", "link-local"],
  ["febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"],
  ["fec0::", "unicast"],
  ["feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unicast"],
  ["ff00::", "multicast"],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"],
  ["::ffff:224.0.0.1", "unicast"],
  ["::ffff:127.0.0.1", "unicast"],
];

const UNDERLAY_BOUNDARIES: readonly (readonly [string, boolean])[] = [
  ["ff03:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false],
  ["ff04::", true],
  ["ff04::1", true],
  ["ff04:0:0:1::1", true],
  ["ff04:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true],
  ["ff05::", false],
  ["ff14::1", false],
  ["fe04::1", false],
  ["255.4.0.1", false],
];

describe("what an address is for", () => {
  it.each(BOUNDARIES)("%s is %s", (text, kind) => expect(kindOf(ip(text))).toBe(kind));

  it("is multicast in 224.0.0.0/4 and ff00::/8 only", () => {
    for (let first = 0; first < 256; first++) {
      expect(isMulticast(ip(`${first}.0.0.1`)), `${first}.0.0.1`).toBe(first >> 4 === 0xe);
      const v6 = `${((first << 8) | 4).toString(16)}::1`;
      expect(isMulticast(ip(v6)), v6).toBe(first === 0xff);
    }
  });
});

describe("the scope of underlay groups", () => {
  it.each(UNDERLAY_BOUNDARIES)("%s is inside ff04::/16: %s", (text, inside) =>
    expect(isUnderlayScope(ip(text))).toBe(inside),
  );
});
