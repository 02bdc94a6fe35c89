/** Sets whose order is checked on the bytes just written, held against the order of the values. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IpAddr, Ipv6Addr, UuidCodec } from "../../../src/opte/wire/basic.ts";
import { fromIp } from "../../../src/opte/wire/terms.ts";
import { type Codec, encode } from "../../../src/postcard/codec.ts";
import { set } from "../../../src/postcard/collections.ts";
import { enumeration, unit } from "../../../src/postcard/composites.ts";
import { parseUuid, type Uuid } from "../../../src/uuid.ts";
import { address } from "../../net/arbitraries.ts";

const slowly = <T>(codec: Codec<T>): Codec<T> => ({ ...codec, bytewise: false });

function expectSame<T>(codec: Codec<T>, values: readonly T[]): void {
  expect(encode(set(codec), values)).toEqual(encode(set(slowly(codec)), values));
}

describe("a set of addresses", () => {
  const addresses = fc.array(address.map(fromIp), { maxLength: 40 });

  it("is written in their order, whatever order they come in, each once", () => {
    fc.assert(
      fc.property(addresses, fc.boolean(), (values, twice) =>
        expectSame(IpAddr, twice ? [...values, ...values] : values),
      ),
    );
  });

  it("leaves nothing behind of an attempt that found them out of order", () => {
    const [low, high] = ["10.0.0.1", "fd00::1"].map((text) => fromIp(text as never));
    expect(Buffer.from(encode(set(IpAddr), [high, low] as never)).toString("hex")).toBe(
      `02000a00000101fd00${"00".repeat(13)}01`,
    );
  });
});

describe("a set of UUIDs", () => {
  it("is written in their order", () => {
    const uuids = fc.array(
      fc.uuid().map((text) => parseUuid(text) as Uuid),
      { maxLength: 10 },
    );
    fc.assert(fc.property(uuids, (values) => expectSame(UuidCodec, values)));
  });
});

describe("an enum", () => {
  it("is ordered by its bytes where its payloads are, and its ordinals take one byte", () => {
    expect(enumeration({ A: unit, B: Ipv6Addr }).bytewise).toBe(true);
    const many = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`V${i}`, unit]));
    expect(enumeration(many).bytewise).toBe(false);
  });
});
