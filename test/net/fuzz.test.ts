import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCidr } from "../../src/net/cidr.ts";
import { parseMulticastAddr, parseUnderlayGroup } from "../../src/net/group.ts";
import { parseIp, parseIpv4, parseIpv6 } from "../../src/net/ip.ts";
import { parseMac } from "../../src/net/mac.ts";
import { parseUuid } from "../../src/uuid.ts";
import { anyText, property } from "./arbitraries.ts";

const PARSERS = {
  parseIp,
  parseIpv4,
  parseIpv6,
  parseCidr,
  parseMac,
  parseUuid,
  parseUnderlayGroup,
  parseMulticastAddr,
};

describe("any text whatever", () => {
  for (const [name, parse] of Object.entries(PARSERS)) {
    it(`makes ${name} answer a string or nothing, and never throw`, () => {
      fc.assert(
        property(anyText, (text) => expect(["string", "undefined"]).toContain(typeof parse(text))),
        { numRuns: 500 },
      );
    });

    it(`makes ${name} answer at once, however long it is`, () => {
      for (const piece of [":", "0", "::", "1.", "a:", "/"]) expect(parse(piece.repeat(100_000))).toBeUndefined();
    }, 2_000);
  }
});
