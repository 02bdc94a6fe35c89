import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareIp, type Ip, ipBytes, ipSortKey, isIpv4, isIpv6, sameFamily, sortedUnique } from "../../src/net/ip.ts";
import { address, asNumber, property } from "./arbitraries.ts";
import { ips } from "./make.ts";

/** Where an address stands: every IPv4 address before every IPv6 address, then by number. */
const place = (ip: Ip) => (isIpv6(ip) ? 1n << 128n : 0n) + asNumber(ipBytes(ip));
const sign = (n: bigint) => (n < 0n ? -1 : n > 0n ? 1 : 0);

describe("the order of addresses", () => {
  it("is the order of their numbers, IPv4 first", () => {
    fc.assert(
      property(address, address, (a, b) => expect(Math.sign(compareIp(a, b))).toBe(sign(place(a) - place(b)))),
      { numRuns: 1000 },
    );
  });

  it("is the order of their sort keys", () => {
    fc.assert(property(address, address, (a, b) => expect(ipSortKey(a) < ipSortKey(b)).toBe(compareIp(a, b) < 0)));
  });

  it("is not the order of their texts", () => {
    expect(ips("ff04::1", "10.0.0.1", "9.0.0.1", "::2", "::10").sort(compareIp)).toEqual([
      "9.0.0.1",
      "10.0.0.1",
      "::2",
      "::10",
      "ff04::1",
    ]);
  });

  it("makes a list ascending and free of duplicates", () => {
    fc.assert(
      property(fc.array(address), (list) => {
        const sorted = sortedUnique([...list, ...list]);
        expect(new Set(sorted)).toEqual(new Set(list));
        for (const [i, ip] of sorted.entries()) {
          const next = sorted[i + 1];
          if (next !== undefined) expect(place(ip) < place(next)).toBe(true);
        }
      }),
    );
  });

  it("knows each address to be of one family", () => {
    fc.assert(
      property(address, address, (a, b) => {
        expect(isIpv4(a)).toBe(!isIpv6(a));
        expect(sameFamily(a, b)).toBe(ipBytes(a).length === ipBytes(b).length);
      }),
    );
  });
});
