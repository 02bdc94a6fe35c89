/** Each command in the program's terms, as each API version numbers and encodes it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANY_SOURCE } from "../../../src/opte/filter.ts";
import type { CommandName } from "../../../src/opte/types.ts";
import { isServed, knownVersion, NEWEST, SERVED, wireCommand } from "../../../src/opte/versions.ts";
import { domainLabels } from "../../../src/opte/wire/basic.ts";
import type { Codec } from "../../../src/postcard/codec.ts";
import { decode, encode } from "../../../src/postcard/codec.ts";
import { EncodeError } from "../../../src/postcard/error.ts";
import { property } from "../../net/arbitraries.ts";
import { ip } from "../../net/make.ts";
import { forwarding, hop, include, subscription } from "../kit.ts";
import { exchanges } from "./arbitraries.ts";
import { VERSIONS } from "./types.ts";

/** opte-api `OpteCmd`, of what this program sends. */
const NUMBERS: Readonly<Record<CommandName, number>> = {
  ListPorts: 1,
  AddFwRule: 20,
  RemFwRule: 21,
  SetFwRules: 22,
  DumpTcpFlows: 30,
  DumpLayer: 31,
  DumpUft: 32,
  ListLayers: 33,
  ClearUft: 40,
  ClearLft: 41,
  SetVirt2Phys: 50,
  DumpVirt2Phys: 51,
  SetVirt2Boundary: 52,
  ClearVirt2Boundary: 53,
  DumpVirt2Boundary: 54,
  ClearVirt2Phys: 55,
  AddRouterEntry: 60,
  DelRouterEntry: 61,
  CreateXde: 70,
  DeleteXde: 71,
  SetXdeUnderlay: 72,
  ClearXdeUnderlay: 73,
  SetExternalIps: 80,
  AllowCidr: 90,
  RemoveCidr: 91,
  AttachSubnet: 92,
  DetachSubnet: 93,
  SetMcastForwarding: 100,
  ClearMcastForwarding: 101,
  DumpMcastForwarding: 102,
  McastSubscribe: 103,
  McastUnsubscribe: 104,
  SetMcast2Phys: 105,
  ClearMcast2Phys: 106,
  DumpMcastSubscriptions: 107,
  McastUnsubscribeAll: 108,
  DumpMcast2Phys: 109,
};
const NAMES = Object.keys(NUMBERS) as CommandName[];
const WITHOUT_BODY = NAMES.filter((name) => /^(Dump(Virt|Mcast)|ListPorts|ClearXdeUnderlay)/.test(name));
const LACKING: Readonly<Record<(typeof VERSIONS)[number], readonly CommandName[]>> = {
  38: ["AttachSubnet", "DetachSubnet", "DumpMcast2Phys"],
  39: ["DumpMcast2Phys"],
  40: [],
  41: [],
};

/** There and back over the wire. */
function through<T>(codec: Codec<T>, value: T): T {
  const { value: back, trailing } = decode(codec, encode(codec, value));
  expect(trailing).toBe(0);
  return back;
}

describe.each(VERSIONS)("in API %i", (version) => {
  const present = NAMES.filter((name) => !LACKING[version].includes(name));

  it("a command that the version lacks has no number, so it cannot be sent", () => {
    expect(NAMES.filter((name) => wireCommand(version, name) === undefined)).toEqual(LACKING[version]);
  });

  it.each(present)("%s has the driver's number, and a body where it asks for one", (name) => {
    const wire = wireCommand(version, name);
    expect(wire?.number).toBe(NUMBERS[name]);
    expect(wire?.request === undefined).toBe(WITHOUT_BODY.includes(name));
  });

  it.each(present)("%s comes through with any request and any response", (name) => {
    const wire = wireCommand(version, name);
    const [requests, responses] = exchanges(version)[name];
    fc.assert(
      property(requests as fc.Arbitrary<unknown>, responses as fc.Arbitrary<unknown>, (request, response) => {
        const body = wire?.request as Codec<unknown> | undefined;
        if (body !== undefined) expect(through(body, request)).toEqual(request);
        expect(through(wire?.response as Codec<unknown>, response)).toEqual(response);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a source filter", () => {
  const sent = (version: (typeof VERSIONS)[number], filter = include("10.0.0.1")) => {
    const subscribe = wireCommand(version, "McastSubscribe")?.request;
    const forward = wireCommand(version, "SetMcastForwarding")?.request;
    if (subscribe === undefined || forward === undefined) throw new Error("every version has these");
    return [
      () => encode(subscribe, subscription("opte0", "239.1.1.1", filter)),
      () => encode(forward, forwarding("ff04::1", hop("fd00::1", { filter }))),
    ];
  };

  it.each([38, 39] as const)("other than any source cannot be encoded for API %i, which has none", (version) => {
    for (const encoding of sent(version)) expect(encoding).toThrow(EncodeError);
    for (const encoding of sent(version, include())) expect(encoding).toThrow(EncodeError);
    for (const encoding of sent(version, ANY_SOURCE)) expect(encoding).not.toThrow();
  });

  it.each([38, 39] as const)("cannot be told by a driver of API %i either", (version) => {
    const table = wireCommand(version, "DumpMcastSubscriptions")?.response;
    const subscribers = [{ port: "opte0", filter: include() }];
    const dump = [{ underlay: forwarding("ff04::1").underlay, subscribers }];
    expect(table && (() => encode(table, dump))).toThrow(EncodeError);
  });

  it.each([40, 41] as const)("is sent in API %i", (version) => {
    for (const encoding of sent(version)) expect(encoding).not.toThrow();
  });
});

describe("an underlay group outside ff04::/16 in a request", () => {
  it("is refused by the decoder, as the driver's does", () => {
    const codec = wireCommand(NEWEST, "SetMcast2Phys")?.request;
    const bytes = codec && encode(codec, { group: ip("239.1.1.1"), underlay: forwarding("ff04::1").underlay });
    expect(bytes?.[5]).toBe(0xff);
    const outside = bytes?.with(6, 0x05) ?? new Uint8Array();
    expect(codec && (() => decode(codec, outside))).toThrow("Serde Deserialization Error");
  });
});

describe("a domain name's label form", () => {
  it.each([
    ["", [0]],
    [".", [0]],
    ["vm", [2, 118, 109, 0]],
    ["vm.a", [2, 118, 109, 1, 97, 0]],
    ["vm.a.", [2, 118, 109, 1, 97, 0]],
    ["é", [2, 0xc3, 0xa9, 0]],
  ])("is each label's length and bytes, and the root's: %j", (name, labels) => {
    expect(domainLabels(name)).toEqual(labels);
  });

  it("has labels of 63 bytes at most", () => {
    expect(domainLabels("a".repeat(63))[0]).toBe(63);
    expect(() => domainLabels(`x.${"a".repeat(64)}`)).toThrow(EncodeError);
    expect(() => domainLabels("é".repeat(32))).toThrow(EncodeError);
  });
});

describe("an API version", () => {
  it("is known from 38 to 41", () => {
    expect([37, 38, 39, 40, 41, 42, 0, 2 ** 64].map((version) => knownVersion(version))).toEqual([
      undefined,
      38,
      39,
      40,
      41,
      undefined,
      undefined,
      undefined,
    ]);
    expect(knownVersion(41n)).toBe(41);
  });

  it("is served only where filters and the M2P table can be had", () => {
    expect(VERSIONS.filter(isServed)).toEqual(SERVED);
    expect(isServed(41n)).toBe(true);
    expect(SERVED.every((version) => wireCommand(version, "DumpMcast2Phys") !== undefined)).toBe(true);
    expect(SERVED).toContain(NEWEST);
  });
});
