/** The wire types by their Rust names, held against encodings put together by hand. */
import { describe, expect, it } from "vitest";
import { namedType } from "../../../src/opte/wire/named.ts";
import { decode, encode } from "../../../src/postcard/codec.ts";
import { hex, refusalOf, spaced } from "../../postcard/hex.ts";
import { OWN_VECTORS } from "./own-vectors.ts";
import { typeNames, typeOf, VERSIONS } from "./types.ts";

describe.each(VERSIONS)("in API %i", (version) => {
  const mine = OWN_VECTORS.filter(({ versions }) => versions.includes(version));

  it.each(mine)("$type has these bytes: $name", ({ type, value, bytes }) => {
    const { codec } = typeOf(version, type);
    expect(decode(codec, bytes)).toEqual({ value, trailing: 0 });
    expect(spaced(encode(codec, value))).toBe(spaced(bytes));
  });

  it("every type is there under its name", () => {
    expect(typeNames(version).filter((name) => namedType(version, name) === undefined)).toEqual([]);
  });

  it("every message has a vector", () => {
    const messages = typeNames(version).filter((name) => /Re(?:q|sp)$/.test(name));
    expect(messages.filter((name) => !mine.some(({ type }) => type === name))).toEqual([]);
  });
});

describe("a type that a version lacks", () => {
  it.each([38, 39])("is none of its names: DumpMcast2PhysResp and SourceFilter in %i", (version) => {
    expect(namedType(version, "DumpMcast2PhysResp")).toBeUndefined();
    expect(namedType(version, "SourceFilter")).toBeUndefined();
    expect(namedType(version, "Vec<SourceFilter>")).toBeUndefined();
  });

  it("is none of the names of a version that nobody knows", () => {
    expect(namedType(37, "u8")).toBeUndefined();
    expect(namedType(42, "ListPortsResp")).toBeUndefined();
  });
});

describe("the layouts of two versions", () => {
  /** What another version makes of a vector's bytes: the value, and what it leaves over. */
  const readAs = (version: number, type: string, name: string) => {
    const found = OWN_VECTORS.find((one) => one.type === type && one.name === name);
    if (found === undefined) throw new Error(`the test's own vector is not there: ${type}, ${name}`);
    return { bytes: found.bytes, codec: typeOf(version, type).codec };
  };

  it("cannot be taken for each other where a filter is due and missing", () => {
    const { bytes, codec } = readAs(40, "McastSubscribeReq", "no filter");
    expect(refusalOf(codec, bytes)).toBe("end");
  });

  it("leave the filter over where none is due", () => {
    const { bytes, codec } = readAs(39, "McastSubscribeReq", "a filter behind the group");
    expect(decode(codec, bytes).trailing).toBe(7);
  });

  it("are the same bytes for no MTU in 41 and no passthrough in 40", () => {
    const { bytes, codec } = readAs(40, "CreateXdeReq", "without an MTU it ends as 40 does without passthrough");
    expect(decode(codec, bytes)).toMatchObject({ value: { passthrough: false }, trailing: 0 });
  });

  it("make an MTU more than a passthrough, with bytes left over", () => {
    const { bytes, codec } = readAs(40, "CreateXdeReq", "an MTU in the place of passthrough");
    expect(decode(codec, bytes)).toMatchObject({ value: { passthrough: true }, trailing: 2 });
  });
});

describe("what the driver's decoder refuses", () => {
  const refused = (type: string, bytes: string) => refusalOf(typeOf(41, type).codec, hex(bytes));

  it("is an underlay outside ff04::/16", () => {
    for (const group of ["ff05 00*14", "ff14 00*14", "fe04 00*14", "00*16"]) {
      expect(refused("MulticastUnderlay", group)).toBe("custom");
    }
  });

  it("is a UUID of any length but 16", () => {
    for (const uuid of ["00", "0f 00*15", "11 00*17"]) expect(refused("Uuid", uuid)).toBe("custom");
    expect(refused("Uuid", "11 00*16")).toBe("end");
  });

  it("is an ordinal past the last of a type", () => {
    for (const [type, ordinal] of Object.entries({
      IpAddr: "02",
      Replication: "04",
      OpteError: "18",
      Protocol: "06",
    })) {
      expect(refused(type, ordinal)).toBe("custom");
    }
  });

  it("is not a set out of order, which comes out sorted", () => {
    const { codec } = typeOf(41, "SourceFilter");
    const both = hex("01 03  01 00*15 01  00 0a000002  00 0a000001");
    expect(decode(codec, both).value).toEqual({ Exclude: [{ Ip4: "10.0.0.1" }, { Ip4: "10.0.0.2" }, { Ip6: "::1" }] });
  });
});
