/** Addresses straight between bytes and text, held against the readable way in `ip.ts`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareIp, type Ip, ipBytes, ipFromBytes, ipSortKey } from "../../src/net/ip.ts";
import { AddressTexts, ipv4At, ipv6At } from "../../src/net/ip-bytes.ts";
import { compareIpBytes, ipSize, writeIpBytes } from "../../src/net/ip-parse-bytes.ts";
import { address, bytes4, bytes16 } from "./arbitraries.ts";

const four = bytes4.map((bytes) => Uint8Array.from(bytes));
const sixteen = bytes16.map((bytes) => Uint8Array.from(bytes));

/** Worth naming: each way a run of zeros can lie. */
const ROWS = [
  "::",
  "::1",
  "1::",
  "::ffff:1.2.3.4",
  "::ffff:0.0.0.0",
  "::fffe:102:304",
  "a:b:c:d:e:f::",
  "::b:c:d:e:f:1:2",
  "a:0:c:d:e:f:1:2",
  "a::d:0:0:1:2",
  "ff04::1234:abcd",
  "2001:db8:1111:2222:3333:4444:5555:ffff",
  "0.0.0.0",
  "255.255.255.255",
  "10.200.3.40",
] as Ip[];

describe("the text of bytes", () => {
  it("is the canonical one, wherever the bytes lie", () => {
    fc.assert(
      fc.property(four, sixteen, fc.nat(20), (short, long, offset) => {
        const bytes = new Uint8Array(offset + 20);
        bytes.set(short, offset);
        bytes.set(long, offset + 4);
        expect(ipv4At(bytes, offset)).toBe(ipFromBytes(short));
        expect(ipv6At(bytes, offset + 4)).toBe(ipFromBytes(long));
      }),
    );
  });

  it("is the same when many are made together, block after block", () => {
    const texts = new AddressTexts();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(four, sixteen), { maxLength: AddressTexts.MOST / 2 }),
        fc.boolean(),
        (pairs, abandoned) => {
          if (abandoned) {
            texts.putIpv4(Uint8Array.of(9, 9, 9, 9), 0);
            texts.clear();
          }
          for (const [short, long] of pairs) {
            texts.putIpv4(short, 0);
            texts.putIpv6(long, 0);
          }
          const taken: unknown[] = [];
          texts.takePairs((first, second) => taken.push([first, second]));
          expect(taken).toEqual(pairs.map((pair) => pair.map(ipFromBytes)));
        },
      ),
    );
  });

  it("has room for the longest addresses of a block", () => {
    const texts = new AddressTexts();
    const longest = new Uint8Array(16).fill(255);
    for (let i = 0; i < AddressTexts.MOST; i++) texts.putIpv6(longest, 0);
    const taken: string[] = [];
    texts.takePairs((first, second) => taken.push(first, second));
    expect(new Set(taken)).toEqual(new Set(["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]));
    expect(taken).toHaveLength(AddressTexts.MOST);
  });
});

describe("the bytes of a text", () => {
  it.each(ROWS)("%s", (ip) => {
    const into = new Uint8Array(24).fill(0xaa);
    writeIpBytes(ip, into, 3);
    const size = ipSize(ip);
    expect([...into.subarray(3, 3 + size)]).toEqual(ipBytes(ip));
    expect([...into.subarray(0, 3), ...into.subarray(3 + size)].every((byte) => byte === 0xaa)).toBe(true);
  });

  it("are those of the readable way, for every address", () => {
    fc.assert(
      fc.property(address, (ip) => {
        const into = new Uint8Array(16).fill(0xaa);
        writeIpBytes(ip, into, 0);
        expect([...into.subarray(0, ipSize(ip))]).toEqual(ipBytes(ip));
      }),
      { numRuns: 2000 },
    );
  });

  it("order addresses as the readable way does", () => {
    fc.assert(
      fc.property(address, address, (a, b) => {
        expect(Math.sign(compareIpBytes(a, b))).toBe(Math.sign(compareIp(a, b)));
        expect(compareIpBytes(a, a)).toBe(0);
        expect(ipSortKey(a) < ipSortKey(b)).toBe(compareIpBytes(a, b) < 0);
      }),
    );
  });
});
