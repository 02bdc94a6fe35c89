import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipBytes, ipFromBytes, ipv6FromHextets, parseIp, parseIpv6 } from "../../src/net/ip.ts";
import { bytes16, hextets, ipv6Text, nearAddress, property } from "./arbitraries.ts";

const byUrl = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1);

describe("IPv6 text", () => {
  it("is accepted exactly where node:net accepts it, but for zone ids", () => {
    fc.assert(
      property(nearAddress, (text) => expect(parseIpv6(text) !== undefined).toBe(isIPv6(text) && !text.includes("%"))),
      { numRuns: 3000 },
    );
  });

  it("is accepted in every spelling", () => {
    fc.assert(
      property(ipv6Text, (text) => expect(parseIpv6(text)).toBeDefined()),
      { numRuns: 1000 },
    );
  });

  it("has a canonical form that is its own canonical form", () => {
    fc.assert(
      property(ipv6Text, (text) => {
        const once = parseIpv6(text);
        expect(once && parseIpv6(once)).toBe(once);
      }),
    );
  });

  it("has the canonical form that URLs have, unless it is IPv4-mapped", () => {
    fc.assert(
      property(ipv6Text, (text) => {
        const canonical = parseIpv6(text);
        fc.pre(canonical?.startsWith("::ffff:") === false || canonical?.includes(".") === false);
        expect(canonical).toBe(byUrl(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("shows an IPv4-mapped address with a dotted tail, and no other", () => {
    fc.assert(
      property(bytes16, (bytes) => {
        const mapped = bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255;
        const text = ipFromBytes(bytes);
        expect(text?.includes(".")).toBe(mapped);
        if (mapped) expect(text).toBe(`::ffff:${bytes.slice(12).join(".")}`);
      }),
    );
  });

  it("comes back from its bytes", () => {
    fc.assert(
      property(bytes16, (bytes) => {
        const address = ipFromBytes(bytes);
        expect(address && ipBytes(address)).toEqual(bytes);
        expect(address && parseIp(address)).toBe(address);
      }),
    );
  });

  it("is the same from its eight groups as from its sixteen bytes", () => {
    fc.assert(
      property(hextets, (groups) =>
        expect(ipv6FromHextets(groups)).toBe(ipFromBytes(groups.flatMap((g) => [g >> 8, g & 255]))),
      ),
    );
  });

  it.each([
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3", "the longest run of zeros is left out"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4", "the first of equally long runs is left out"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7", "a single zero group is written"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", "a compressed single group is read"],
    ["::1.2.3.4", "::102:304", "an IPv4-compatible address is not dotted"],
    ["0:0:0:0:0:0:0:0", "::", "all zeros"],
    ["ABCD:EF01::", "abcd:ef01::", "lower case"],
  ])("%s is printed as %s: %s", (text, canonical) => expect(parseIpv6(text)).toBe(canonical));

  it.each([
    ":",
    ":::",
    "::1::",
    "1::2::3",
    ":1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
  ])("does not take %j, which has too many or too few colons", (text) => expect(parseIpv6(text)).toBeUndefined());

  it.each(["1:2:3:4::5:6:7:8", "::1:2:3:4:5:6:7:8", "1:2:3:4:5:6::1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4"])(
    "does not take %j, whose parts leave no room",
    (text) => expect(parseIpv6(text)).toBeUndefined(),
  );

  it.each(["1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "::01.2.3.4", "::1.2.3.256", "::g", "::-1", "::0x1", "::1%0"])(
    "does not take %j",
    (text) => expect(parseIpv6(text)).toBeUndefined(),
  );
});
