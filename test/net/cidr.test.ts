import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Cidr,
  cidrAddress,
  cidrContains,
  cidrLength,
  cidrOf,
  compareCidr,
  firstHost,
  type Ipv4Cidr,
  isHostCidr,
  isIpv4Cidr,
  isIpv6Cidr,
  networkOf,
  parseCidr,
} from "../../src/net/cidr.ts";
import { type Ip, ipBytes, ipFromBytes, isIpv6, parseIp } from "../../src/net/ip.ts";
import { address, asNumber, nearAddress, property } from "./arbitraries.ts";
import { cidr, cidr4, cidr6, ip } from "./make.ts";

const width = (a: Ip) => (isIpv6(a) ? 128 : 32);
const network = fc
  .tuple(address, fc.nat(128))
  .map(([a, length]) => ({ a, length: Math.min(length, width(a)), cidr: cidrOf(a, Math.min(length, width(a))) }));

/** The number of an address with its host bits cleared. */
function masked(a: Ip, length: number): bigint {
  const host = BigInt(width(a) - length);
  return (asNumber(ipBytes(a)) >> host) << host;
}

function addressOf(value: bigint, bits: number): Ip {
  const bytes = Array.from({ length: bits / 8 }, (_, i) => Number((value >> BigInt(bits - 8 * (i + 1))) & 255n));
  return ipFromBytes(bytes) as Ip;
}

/** Addresses near a network: equal to its own up to some bit. */
const withNeighbour = fc.tuple(network, fc.nat(127), address).map(([net, bit, other]) => {
  const flipped = asNumber(ipBytes(net.a)) ^ (1n << BigInt(bit % width(net.a)));
  return { ...net, others: [net.a, other, addressOf(flipped, width(net.a))] };
});

describe("a network in prefix notation", () => {
  it("is an address, a slash and a length that the family has, and nothing else", () => {
    fc.assert(
      property(nearAddress, fc.oneof(fc.nat(140).map(String), fc.string({ maxLength: 4 })), (text, length) => {
        const parsed = parseIp(text);
        const fits = /^(0|[1-9]\d*)$/.test(length) && parsed !== undefined && Number(length) <= width(parsed);
        const net = parseCidr(`${text}/${length}`);
        expect(net !== undefined).toBe(fits);
        if (net === undefined || parsed === undefined) return;
        expect(cidrLength(net)).toBe(Number(length));
        expect(asNumber(ipBytes(cidrAddress(net)))).toBe(masked(parsed, Number(length)));
      }),
      { numRuns: 2000 },
    );
  });

  it("drops host bits, which the driver would compare with", () => {
    expect(parseCidr("10.1.2.3/8")).toBe("10.0.0.0/8");
    expect(parseCidr("fd00:1:2:3:4::5/60")).toBe("fd00:1:2::/60");
    expect(parseCidr("10.1.2.3/32")).toBe("10.1.2.3/32");
    expect(parseCidr("10.1.2.3/0")).toBe("0.0.0.0/0");
  });
  it("has a canonical address", () => expect(parseCidr("FD00:0::0/64")).toBe("fd00::/64"));

  it("falls apart into its address and its length", () => {
    fc.assert(
      property(network, (net) => {
        expect(cidrAddress(net.cidr)).toBe(net.a);
        expect(cidrLength(net.cidr)).toBe(net.length);
        expect(isIpv6Cidr(net.cidr)).toBe(isIpv6(net.a));
        expect(isIpv4Cidr(net.cidr)).toBe(!isIpv6(net.a));
      }),
    );
  });

  it.each([
    "",
    "/",
    "10.0.0.0",
    "10.0.0.0/",
    "/24",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/08",
    "10.0.0.0/+8",
    "10.0.0.0/8/8",
  ])("is not %j", (text) => expect(parseCidr(text)).toBeUndefined());

  it.each(["10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0.0 /8", "10.0.0.0/255.0.0.0", "10.0.0.0/1e1", "10.0.0.0/8\n"])(
    "is not %j",
    (text) => expect(parseCidr(text)).toBeUndefined(),
  );

  it("is one host exactly when its prefix is as long as the address", () => {
    fc.assert(property(network, (net) => expect(isHostCidr(net.cidr)).toBe(net.length === width(net.a))));
  });
});

describe("what a network contains", () => {
  it("is every address of its family with the same masked bytes, and no other", () => {
    fc.assert(
      property(withNeighbour, ({ a, length, cidr, others }) => {
        for (const other of others) {
          const same = width(other) === width(a) && masked(other, length) === masked(a, length);
          expect(cidrContains(cidr, other)).toBe(same);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is everything of the family for length 0", () => {
    expect(cidrContains(cidr("0.0.0.0/0"), ip("255.255.255.255"))).toBe(true);
    expect(cidrContains(cidr("0.0.0.0/0"), ip("::"))).toBe(false);
  });
});

describe("the first host of a network", () => {
  it("is the network address plus one", () => {
    fc.assert(
      property(network, ({ a, length, cidr }) => {
        fc.pre(length < width(a));
        expect(firstHost(cidr as Ipv4Cidr)).toBe(addressOf(masked(a, length) + 1n, width(a)));
      }),
    );
  });

  it("is 10.0.0.1 of 10.0.0.0/24, and of 10.0.0.77/24", () => {
    expect(firstHost(cidr4("10.0.0.0/24"))).toBe("10.0.0.1");
    expect(firstHost(cidr4("10.0.0.77/24"))).toBe("10.0.0.1");
  });

  it("is fd00::1 of fd00::/64", () => expect(firstHost(cidr6("fd00::/64"))).toBe("fd00::1"));
});

describe("a network without host bits", () => {
  it("has the masked address and the same length", () => {
    fc.assert(
      property(network, ({ a, length, cidr }) => {
        expect(networkOf(cidr)).toBe(cidrOf(addressOf(masked(a, length), width(a)), length));
      }),
    );
  });
});

describe("the order of networks", () => {
  it("is by address, then by length", () => {
    const sorted = ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "::/0", "fd00::/64"].map(cidr);
    const mixed: Cidr[] = [5, 2, 0, 4, 3, 1].map((i) => sorted[i] as Cidr);
    expect(mixed.sort(compareCidr)).toEqual(sorted);
  });
});
