/** Arbitrary addresses, and texts that are addresses or nearly so. */
import fc from "fast-check";
import { type Ip, ipFromBytes } from "../../src/net/ip.ts";

const byte = fc.integer({ min: 0, max: 255 });

/** Zeros are common, so that runs of them are. */
const hextet = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
  { weight: 1, arbitrary: fc.constantFrom(1, 0xffff, 0xff04, 0xfe80, 0x100, 0x0f) },
);

export const hextets = fc.array(hextet, { minLength: 8, maxLength: 8 });
export const bytes4 = fc.array(byte, { minLength: 4, maxLength: 4 });
export const bytes16 = fc.oneof(
  hextets.map((groups) => groups.flatMap((group) => [group >> 8, group & 255])),
  fc.array(byte, { minLength: 16, maxLength: 16 }),
  bytes4.map((tail) => [...new Array<number>(10).fill(0), 255, 255, ...tail]),
);

export const addressBytes = fc.oneof(bytes4, bytes16);
export const address: fc.Arbitrary<Ip> = addressBytes.map((bytes) => ipFromBytes(bytes) as Ip);
export const ipv4Text = bytes4.map((bytes) => bytes.join("."));

interface Spelling {
  readonly groups: readonly number[];
  readonly gap: { readonly at: number; readonly length: number } | undefined;
  readonly upper: boolean;
  readonly padded: boolean;
  readonly dotted: boolean;
}

function spell({ groups, gap, upper, padded, dotted }: Spelling): string {
  const hex = (part: readonly number[]) => part.map((g) => g.toString(16).padStart(padded ? 4 : 1, "0"));
  const tail = groups.slice(6).flatMap((g) => [g >> 8, g & 255]);
  const gapEnd = gap === undefined ? 0 : gap.at + gap.length;
  const ending = dotted && gapEnd <= 6 ? [...hex(groups.slice(gapEnd, 6)), tail.join(".")] : hex(groups.slice(gapEnd));
  const text = gap === undefined ? ending.join(":") : `${hex(groups.slice(0, gap.at)).join(":")}::${ending.join(":")}`;
  return upper ? text.toUpperCase() : text;
}

/** Every way to write an IPv6 address: any run of zeros (also a single one) left out, padded, upper case, dotted tail. */
export const ipv6Text: fc.Arbitrary<string> = fc
  .record({
    groups: hextets,
    gap: fc.option(fc.record({ at: fc.integer({ min: 0, max: 7 }), length: fc.integer({ min: 1, max: 8 }) }), {
      nil: undefined,
    }),
    upper: fc.boolean(),
    padded: fc.boolean(),
    dotted: fc.boolean(),
  })
  .map(({ groups, gap, ...rest }) => {
    const fitting = gap && { at: gap.at, length: Math.min(gap.length, 8 - gap.at) };
    const inGap = (i: number) => fitting !== undefined && i >= fitting.at && i < fitting.at + fitting.length;
    return spell({ ...rest, gap: fitting, groups: groups.map((group, i) => (inGap(i) ? 0 : group)) });
  });

const addressChar = fc.constantFrom(..."0123456789abcdefABCDEF::::....%/[] x-+");
const addressLike = fc.string({ unit: addressChar, maxLength: 48 });

/** A valid address with one place of it cut out, doubled or replaced. */
const damaged = fc
  .tuple(
    fc.oneof(ipv6Text, ipv4Text),
    fc.nat(50),
    fc.integer({ min: 0, max: 3 }),
    fc.string({ unit: addressChar, maxLength: 3 }),
  )
  .map(([text, at, length, put]) => text.slice(0, at) + put + text.slice(at + length));

/** Texts around the border of what is an address. */
export const nearAddress = fc.oneof(ipv4Text, ipv6Text, damaged, addressLike);

export const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ maxLength: 200 }),
  nearAddress,
);

export const asNumber = (bytes: readonly number[]) => bytes.reduce((sum, b) => (sum << 8n) | BigInt(b), 0n);

/** A property whose check speaks by throwing; what it returns means nothing. */
export function property<A>(a: fc.Arbitrary<A>, check: (a: A) => void): fc.IRawProperty<[A]>;
export function property<A, B>(
  a: fc.Arbitrary<A>,
  b: fc.Arbitrary<B>,
  check: (a: A, b: B) => void,
): fc.IRawProperty<[A, B]>;
export function property(...args: unknown[]): unknown {
  const check = args.at(-1) as (...values: unknown[]) => void;
  const arbitraries = args.slice(0, -1) as [fc.Arbitrary<unknown>];
  return fc.property(...arbitraries, (...values) => {
    check(...values);
  });
}
