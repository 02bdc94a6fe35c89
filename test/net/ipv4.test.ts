import { isIPv4 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipBytes, ipFromBytes, parseIp, parseIpv4 } from "../../src/net/ip.ts";
import { bytes4, ipv4Text, nearAddress, property } from "./arbitraries.ts";

describe("IPv4 text", () => {
  it("is accepted exactly where node:net accepts it", () => {
    fc.assert(
      property(nearAddress, (text) => expect(parseIpv4(text) !== undefined).toBe(isIPv4(text))),
      { numRuns: 3000 },
    );
  });

  it("is its own canonical form", () => {
    fc.assert(property(ipv4Text, (text) => expect(parseIpv4(text)).toBe(text)));
  });

  it("comes back from its bytes", () => {
    fc.assert(
      property(bytes4, (bytes) => {
        const address = parseIp(bytes.join("."));
        expect(address).toBe(ipFromBytes(bytes));
        expect(address && ipBytes(address)).toEqual(bytes);
      }),
    );
  });

  it.each([
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "1.2.3.256",
    "1.2.3.1000",
    "00.1.2.3",
    "1.2.3.04",
  ])("does not take %j", (text) => expect(parseIpv4(text)).toBeUndefined());

  it.each([
    "+1.2.3.4",
    "-1.2.3.4",
    "1e1.2.3.4",
    "0x1.2.3.4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4\n",
    "１.2.3.4",
    "1.2.3.4/32",
  ])("does not take %j, which is a number to somebody else", (text) => expect(parseIpv4(text)).toBeUndefined());

  it.each([0, 3, 5, 15, 17])("is not made from %i bytes", (length) =>
    expect(ipFromBytes(new Uint8Array(length))).toBeUndefined(),
  );
});
