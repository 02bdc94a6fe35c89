/** The driver's errors in the program's terms, and the number that ioctl(2) fails with beside each. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { illumosErrno, type OpteError } from "../../../src/opte/error.ts";
import { opteError } from "../../../src/opte/wire/terms.ts";
import { decode, encode } from "../../../src/postcard/codec.ts";
import { property } from "../../net/arbitraries.ts";
import { cidr, mac, text, vni } from "./arbitraries.ts";

type Variant = OpteError["variant"];
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** What a variant holds beside its name. */
const BARE = fc.constant({});
const TEXT = text.map((words) => ({ text: words }));

/** In the order of the ordinals: the payload, and the errno (opte-api `OpteError::to_errno`, illumos). */
const VARIANTS: readonly (readonly [Variant, fc.Arbitrary<object>, number])[] = [
  ["BadApiVersion", fc.record({ user: u64, kernel: u64 }), 71],
  ["BadLayerPos", fc.record({ layer: text, pos: text }), 22],
  ["BadName", BARE, 22],
  ["BadState", TEXT, 22],
  ["CopyinReq", BARE, 14],
  ["CopyoutResp", BARE, 14],
  ["DeserCmdErr", TEXT, 35],
  ["DeserCmdReq", TEXT, 35],
  ["FlowExists", TEXT, 17],
  ["InvalidRouterEntry", fc.record({ dest: cidr, target: text }), 22],
  ["InvalidUnderlayMulticast", TEXT, 22],
  ["LayerNotFound", TEXT, 2],
  ["MacExists", fc.record({ port: text, vni, mac }), 17],
  ["MaxCapacity", u64.map((limit) => ({ limit })), 23],
  ["NoRequestBody", BARE, 22],
  ["PortCreate", TEXT, 22],
  ["PortExists", TEXT, 17],
  ["PortNotFound", TEXT, 2],
  ["RespTooLarge", fc.record({ needed: u64, given: u64 }), 132],
  ["RuleNotFound", u64.map((id) => ({ id })), 2],
  ["SerCmdErr", TEXT, 35],
  ["SerCmdResp", TEXT, 35],
  ["InvalidIpCfg", BARE, 22],
];

describe("an error of the driver", () => {
  it.each(VARIANTS)("comes through with whatever it holds, and has its errno: %s", (variant, payload, errno) => {
    fc.assert(
      property(payload, (held) => {
        const error = { variant, ...held } as OpteError;
        expect(decode(opteError, encode(opteError, error))).toEqual({ value: error, trailing: 0 });
        expect(illumosErrno(error)).toBe(errno);
      }),
    );
  });

  it("of the system says its own errno", () => {
    fc.assert(
      property(fc.integer(), text, (errno, msg) => {
        const error = { variant: "System", errno, msg } as const;
        expect(decode(opteError, encode(opteError, error)).value).toEqual(error);
        expect(illumosErrno(error)).toBe(errno);
      }),
    );
  });

  it("is one of 24, each with its place", () => {
    const ordinals = VARIANTS.map(([variant, payload]) => {
      const [held] = fc.sample(payload, 1);
      return encode(opteError, { variant, ...held } as OpteError)[0];
    });
    // System is the 23rd, between SerCmdResp and InvalidIpCfg.
    expect(ordinals).toEqual([...Array(22).keys(), 23]);
    expect(encode(opteError, { variant: "System", errno: 0, msg: "" })[0]).toBe(22);
  });
});
