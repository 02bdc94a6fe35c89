import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMulticast } from "../../src/net/classify.ts";
import {
  type MulticastAddr,
  multicastAddr,
  parseMulticastAddr,
  parseUnderlayGroup,
  type UnderlayGroup,
  underlayGroup,
} from "../../src/net/group.ts";
import { type Ip, ipBytes, ipFromBytes, isIpv6, parseIp } from "../../src/net/ip.ts";
import { address, bytes16, nearAddress, property } from "./arbitraries.ts";
import { ip } from "./make.ts";

const inFf04 = (a: Ip) => isIpv6(a) && ipBytes(a)[0] === 0xff && ipBytes(a)[1] === 0x04;

/** Addresses, of which many are underlay groups. */
const oftenUnderlay = fc.oneof(
  address,
  bytes16.map((bytes) => ipFromBytes([0xff, 0x04, ...bytes.slice(2)]) as Ip),
);

describe("an underlay group", () => {
  it("is an address inside ff04::/16 and nothing else", () => {
    fc.assert(property(oftenUnderlay, (a) => expect(underlayGroup(a)).toBe(inFf04(a) ? a : undefined)));
  });

  it("is made from text only where the text is such an address", () => {
    fc.assert(
      property(fc.oneof(nearAddress, oftenUnderlay), (text) => {
        const parsed = parseIp(text);
        expect(parseUnderlayGroup(text)).toBe(parsed !== undefined && inFf04(parsed) ? parsed : undefined);
      }),
    );
  });

  it("is not made from IPv4 text", () => expect(parseUnderlayGroup("239.1.1.1")).toBeUndefined());
});

describe("an overlay group", () => {
  it("is a multicast address that is no underlay group, and nothing else", () => {
    fc.assert(
      property(oftenUnderlay, (a) => expect(multicastAddr(a)).toBe(isMulticast(a) && !inFf04(a) ? a : undefined)),
    );
  });

  it("is made from text only where the text is such an address", () => {
    fc.assert(
      property(fc.oneof(nearAddress, oftenUnderlay), (text) => {
        const parsed = parseIp(text);
        const fine = parsed !== undefined && isMulticast(parsed) && !inFf04(parsed);
        expect(parseMulticastAddr(text)).toBe(fine ? parsed : undefined);
      }),
    );
  });

  it.each(["10.0.0.1", "255.255.255.255", "::ffff:239.1.1.1", "fd00::1", "ff04::5", "ff04:1::5"])(
    "is not made from %s",
    (text) => expect(parseMulticastAddr(text)).toBeUndefined(),
  );
});

describe("the types of the two kinds of group", () => {
  it("cannot be had from text, from an address, or from each other", () => {
    const anIp: Ip = ip("239.1.1.1");
    const overlay = parseMulticastAddr("239.1.1.1");
    // @ts-expect-error: text is not an underlay group
    const a: UnderlayGroup = "ff04::1";
    // @ts-expect-error: an address is not an underlay group
    const b: UnderlayGroup = anIp;
    // @ts-expect-error: an overlay group is not an underlay group
    const c: UnderlayGroup | undefined = overlay;
    // @ts-expect-error: text is not an overlay group
    const d: MulticastAddr = "239.1.1.1";
    // @ts-expect-error: an address is not an overlay group
    const e: MulticastAddr = anIp;
    // @ts-expect-error: an underlay group is not an overlay group
    const f: MulticastAddr | undefined = parseUnderlayGroup("ff04::1");
    expect([a, b, c, d, e, f]).toHaveLength(6);
  });
});
