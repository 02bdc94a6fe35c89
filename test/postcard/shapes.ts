/**
 * Random types: a codec, values for it, and Rust's order of them, written here once more and by
 * other means, so that nothing is held against itself. Sets and maps come as Rust keeps them.
 */
import fc from "fast-check";
import type { Codec } from "../../src/postcard/codec.ts";
import { array, map, seq, set } from "../../src/postcard/collections.ts";
import { enumeration, option, pair, rangeInclusive, struct } from "../../src/postcard/composites.ts";
import * as scalar from "../../src/postcard/scalars.ts";

type Order = (a: unknown, b: unknown) => number;

export interface Shape {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly values: fc.Arbitrary<unknown>;
  readonly order: Order;
  readonly [fc.toStringMethod]: () => string;
}

const numeric: Order = (a, b) => ((a as number | bigint) < (b as number | bigint) ? -1 : a === b ? 0 : 1);
const bytewise: Order = (a, b) => Buffer.from(a as string).compare(Buffer.from(b as string));
const lexicographic =
  (orders: (at: number) => Order): Order =>
  (a, b) => {
    const [left, right] = [a as readonly unknown[], b as readonly unknown[]];
    const at = left.findIndex((one, i) => i < right.length && orders(i)(one, right[i]) !== 0);
    return at < 0 ? left.length - right.length : orders(at)(left[at], right[at]);
  };

function leaf<T>(name: string, codec: Codec<T>, values: fc.Arbitrary<T>, order: Order): Shape {
  // A report of a failure tells the type by its name, not by its functions.
  return { name, codec: codec as Codec<unknown>, values, order, [fc.toStringMethod]: () => name };
}

const whole = (bits: number, sign: boolean) =>
  fc.integer({ min: sign ? -(2 ** (bits - 1)) : 0, max: 2 ** (sign ? bits - 1 : bits) - 1 });

const LEAVES: readonly Shape[] = [
  leaf("u8", scalar.u8, whole(8, false), numeric),
  leaf("u16", scalar.u16, whole(16, false), numeric),
  leaf("u32", scalar.u32, whole(32, false), numeric),
  leaf("u64", scalar.u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), numeric),
  leaf("i8", scalar.i8, whole(8, true), numeric),
  leaf("i16", scalar.i16, whole(16, true), numeric),
  leaf("i32", scalar.i32, whole(32, true), numeric),
  leaf("i64", scalar.i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), numeric),
  leaf("bool", scalar.bool, fc.boolean(), numeric),
  leaf("char", scalar.char, fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), bytewise),
  leaf("String", scalar.string, fc.string({ unit: "binary", maxLength: 6 }), bytewise),
];

/** Without an option right inside: `Some(None)` and `None` would both be `null`. */
function optionOf({ name, codec, values, order }: Shape): Shape {
  return leaf(`Option<${name}>`, option(codec) as Codec<unknown>, fc.option(values, { nil: null }), (a, b) =>
    a === null || b === null ? Number(b === null) - Number(a === null) : order(a, b),
  );
}

function listOf({ name, codec, values, order }: Shape): Shape {
  return leaf(
    `Vec<${name}>`,
    seq(codec),
    fc.array(values, { maxLength: 4 }),
    lexicographic(() => order),
  );
}

function arrayOf({ name, codec, values, order }: Shape): Shape {
  const sized = fc.array(values, { minLength: 3, maxLength: 3 });
  return leaf(
    `[${name}; 3]`,
    array(codec, 3),
    sized,
    lexicographic(() => order),
  );
}

function setOf({ name, codec, values, order }: Shape): Shape {
  const distinct = fc.uniqueArray(values, { maxLength: 4, comparator: (a, b) => order(a, b) === 0 });
  return leaf(
    `BTreeSet<${name}>`,
    set(codec),
    distinct.map((list) => list.sort(order)),
    lexicographic(() => order),
  );
}

function pairOf(a: Shape, b: Shape): Shape {
  const order = lexicographic((at) => (at === 0 ? a.order : b.order));
  return leaf<readonly [unknown, unknown]>(
    `(${a.name}, ${b.name})`,
    pair(a.codec, b.codec),
    fc.tuple(a.values, b.values),
    order,
  );
}

function mapOf(key: Shape, value: Shape): Shape {
  const { values, order } = pairOf(key, value);
  const entry = values as fc.Arbitrary<[unknown, unknown]>;
  const distinct = fc.uniqueArray(entry, { maxLength: 4, comparator: (a, b) => key.order(a[0], b[0]) === 0 });
  const sorted = distinct.map((list) => list.sort((a, b) => key.order(a[0], b[0])));
  return leaf<readonly (readonly [unknown, unknown])[]>(
    `BTreeMap<${key.name}, ${value.name}>`,
    map(key.codec, value.codec),
    sorted,
    lexicographic(() => order),
  );
}

function structOf(a: Shape, b: Shape): Shape {
  const order = lexicographic((at) => (at === 0 ? a.order : b.order));
  return leaf<{ readonly first: unknown; readonly second: unknown }>(
    `{ ${a.name}, ${b.name} }`,
    struct({ first: a.codec, second: b.codec }),
    fc.tuple(a.values, b.values).map(([first, second]) => ({ first, second })),
    (x, y) => order(Object.values(x as object), Object.values(y as object)),
  );
}

function enumOf(a: Shape, b: Shape): Shape {
  type Value = { readonly A: unknown } | { readonly B: unknown };
  return leaf<Value>(
    `A(${a.name}) | B(${b.name})`,
    enumeration({ A: a.codec, B: b.codec }) as Codec<Value>,
    fc.oneof(
      a.values.map((A) => ({ A })),
      b.values.map((B) => ({ B })),
    ),
    (x, y) => {
      const [[left, l] = ["", 0], [right, r] = ["", 0]] = [
        Object.entries(x as Value)[0],
        Object.entries(y as Value)[0],
      ];
      return bytewise(left, right) || (left === "A" ? a.order(l, r) : b.order(l, r));
    },
  );
}

function rangeOf({ name, codec, values, order }: Shape): Shape {
  const both = fc.record({ start: values, end: values }, { noNullPrototype: true });
  const ends = (value: unknown) => [(value as { start: unknown }).start, (value as { end: unknown }).end];
  return leaf(`RangeInclusive<${name}>`, rangeInclusive(codec), both, (a, b) =>
    lexicographic(() => order)(ends(a), ends(b)),
  );
}

const leaves = fc.constantFrom(...LEAVES);

/** A type of at most that many layers. */
export function shape(depth: number): fc.Arbitrary<Shape> {
  if (depth === 0) return leaves;
  const inner = shape(depth - 1);
  const two = fc.tuple(inner, inner);
  return fc.oneof(
    leaves,
    inner.map((one) => (one.name.startsWith("Option<") ? one : optionOf(one))),
    inner.map(listOf),
    inner.map(arrayOf),
    inner.map(setOf),
    inner.map(rangeOf),
    two.map(([a, b]) => pairOf(a, b)),
    two.map(([a, b]) => mapOf(a, b)),
    two.map(([a, b]) => structOf(a, b)),
    two.map(([a, b]) => enumOf(a, b)),
  );
}

/** A random type and some values of it. */
export function shapeAndValues(count: number): fc.Arbitrary<readonly [Shape, readonly unknown[]]> {
  return shape(3).chain((one) =>
    fc.array(one.values, { minLength: count, maxLength: count }).map((values) => [one, values] as const),
  );
}
