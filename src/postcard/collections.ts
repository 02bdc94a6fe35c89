/** Many values of one type: sequences, fixed arrays, sets and maps. */
import type { Codec } from "./codec.ts";
import { EncodeError } from "./error.ts";
import type { Writer } from "./writer.ts";

function compareLists<T>(inner: Codec<T>, a: readonly T[], b: readonly T[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = inner.compare(a[i] as T, b[i] as T);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * A count, then the elements. Elements are read until they are all there or the input ends, so
 * the count alone allocates nothing: a sequence holds at most as many as the input has bytes.
 */
export function seq<T>(inner: Codec<T>): Codec<readonly T[]> {
  if (inner.least === 0) throw new EncodeError("a sequence of nothings could be longer than any memory");
  return {
    read: (from) => {
      const count = from.length();
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(inner.read(from));
      return values;
    },
    write: (to, values) => {
      to.length64(values.length);
      for (const value of values) inner.write(to, value);
    },
    compare: (a, b) => compareLists(inner, a, b),
    least: 1,
  };
}

/** Exactly `count` elements, without a count in front. */
export function array<T>(inner: Codec<T>, count: number): Codec<readonly T[]> {
  return {
    read: (from) => {
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(inner.read(from));
      return values;
    },
    write: (to, values) => {
      if (values.length !== count) throw new EncodeError(`${values.length} elements where ${count} are due`);
      for (const value of values) inner.write(to, value);
    },
    compare: (a, b) => compareLists(inner, a, b),
    least: inner.least * count,
  };
}

/** Ascending by `compare`; of equals the last stays, as when Rust collects into a BTreeMap. */
function ordered<T>(values: readonly T[], compare: (a: T, b: T) => number): readonly T[] {
  let sorted = true;
  for (let i = 1; sorted && i < values.length; i++) sorted = compare(values[i - 1] as T, values[i] as T) < 0;
  if (sorted) return values;
  const all = [...values].sort(compare);
  return all.filter((value, i) => i === all.length - 1 || compare(value, all[i + 1] as T) !== 0);
}

/** Whether the bytes from `before` to `at` are less than those from `at` to `end`. */
function isLess(bytes: Uint8Array, before: number, at: number, end: number): boolean {
  const length = Math.min(at - before, end - at);
  for (let i = 0; i < length; i++) {
    const order = (bytes[before + i] as number) - (bytes[at + i] as number);
    if (order !== 0) return order < 0;
  }
  return at - before < end - at;
}

/** Writes the values as they come; where they turn out not to ascend, nothing, and answers false. */
function writeAscending<T>(inner: Codec<T>, to: Writer, values: readonly T[]): boolean {
  const start = to.length;
  to.length64(values.length);
  let before = -1;
  for (const value of values) {
    const at = to.length;
    inner.write(to, value);
    if (before >= 0 && !isLess(to.bytes, before, at, to.length)) {
      to.rewind(start);
      return false;
    }
    before = at;
  }
  return true;
}

/** Rust's `BTreeSet`: ascending, no duplicates, whatever order comes in. */
export function set<T>(inner: Codec<T>): Codec<readonly T[]> {
  const list = seq(inner);
  return {
    ...list,
    read: (from) => ordered(list.read(from), inner.compare),
    write: (to, values) => {
      if (inner.bytewise && writeAscending(inner, to, values)) return;
      list.write(to, ordered(values, inner.compare));
    },
    compare: (a, b) => list.compare(ordered(a, inner.compare), ordered(b, inner.compare)),
  };
}

/** Rust's `BTreeMap`, as pairs: ascending by key, no key twice; of equal keys the last one's value counts. */
export function map<K, V>(key: Codec<K>, value: Codec<V>): Codec<readonly (readonly [K, V])[]> {
  const list = seq<readonly [K, V]>({
    read: (from) => [key.read(from), value.read(from)],
    write: (to, [k, v]) => {
      key.write(to, k);
      value.write(to, v);
    },
    compare: ([a, x], [b, y]) => key.compare(a, b) || value.compare(x, y),
    least: key.least + value.least,
  });
  const byKey = (a: readonly [K, V], b: readonly [K, V]) => key.compare(a[0], b[0]);
  return {
    ...list,
    read: (from) => ordered(list.read(from), byKey),
    write: (to, entries) => list.write(to, ordered(entries, byKey)),
    compare: (a, b) => list.compare(ordered(a, byKey), ordered(b, byKey)),
  };
}
