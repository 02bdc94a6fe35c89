import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipFromBytes } from "../../src/net/ip.ts";
import { macFromBytes, multicastMac, parseMac } from "../../src/net/mac.ts";
import { anyText, asNumber, bytes4, bytes16, property } from "./arbitraries.ts";
import { group, underlay } from "./make.ts";

const sixBytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 });
const macOf = (value: bigint) => (value.toString(16).padStart(12, "0").match(/../g) ?? []).join(":");

describe("a MAC address", () => {
  it("comes back from its bytes, in lower case with two digits a part", () => {
    fc.assert(
      property(sixBytes, (bytes) => {
        expect(macFromBytes(bytes)).toBe(macOf(asNumber(bytes)));
        expect(parseMac(macFromBytes(bytes).toUpperCase())).toBe(macFromBytes(bytes));
      }),
    );
  });

  it("may lack leading digits", () => {
    fc.assert(
      property(sixBytes, (bytes) =>
        expect(parseMac(bytes.map((b) => b.toString(16)).join(":"))).toBe(macFromBytes(bytes)),
      ),
    );
  });

  it("may lack all digits of a part", () => expect(parseMac("a8:40:25::0:1")).toBe("a8:40:25:00:00:01"));

  it.each(["", "a8:40:25:00:00", "a8:40:25:00:00:01:02", "a8-40-25-00-00-01", "a84025000001", "a8:40:25:000:0:1"])(
    "is not %j",
    (text) => expect(parseMac(text)).toBeUndefined(),
  );

  it.each(["a8:40:25:00:00:0g", "a8:40:25:00:00: 1", "a8:40:25:00:00:+1", "a8:40:25:00:00:01\n"])("is not %j", (text) =>
    expect(parseMac(text)).toBeUndefined(),
  );

  it("has a canonical form that is its own canonical form", () => {
    fc.assert(
      property(anyText, (text) => {
        const mac = parseMac(text);
        if (mac !== undefined) expect(parseMac(mac)).toBe(mac);
      }),
    );
  });
});

describe("the MAC address of a group", () => {
  it("is 01:00:5e and the low 23 bits of an IPv4 group (RFC 1112 §6.4)", () => {
    fc.assert(
      property(bytes4, ([a = 0, ...rest]) => {
        const bytes = [224 + (a % 16), ...rest];
        const low = asNumber(bytes) & 0x7f_ff_ffn;
        expect(multicastMac(group(bytes.join(".")))).toBe(macOf(0x01005e_000000n | low));
      }),
    );
  });

  it("is 33:33 and the last four bytes of an IPv6 group (RFC 2464 §7)", () => {
    fc.assert(
      property(bytes16, (bytes) => {
        const text = ipFromBytes([0xff, 0x04, ...bytes.slice(2)]) as string;
        expect(multicastMac(underlay(text))).toBe(macOf(0x3333_00000000n | asNumber(bytes.slice(12))));
      }),
    );
  });

  it.each([
    ["224.128.64.32", "01:00:5e:00:40:20"],
    ["239.255.255.255", "01:00:5e:7f:ff:ff"],
    ["ff02::1:2", "33:33:00:01:00:02"],
  ])("of %s is %s", (text, mac) => expect(multicastMac(group(text))).toBe(mac));
});
