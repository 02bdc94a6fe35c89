/** Values made of values: options, tuples, structs, enums. */
import type { Codec, ValueOf } from "./codec.ts";
import { DecodeError, EncodeError } from "./error.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

type AnyCodec = Codec<never> | Codec<unknown>;
/** A codec whose type was checked where it was declared; the combinators below only pass values through. */
type Opaque = Codec<unknown>;

/** Nothing: the payload of an enum's bare variant. */
export const unit: Codec<undefined> = {
  read: () => undefined,
  write: () => {},
  compare: () => 0,
  least: 0,
};
type Unit = typeof unit;

/** Codecs whose values can be `null`. */
const OPTIONS = new WeakSet<object>();

/**
 * `null` or the value, as JSON has it, so that the value of an optional field is always there. An
 * option of an option could not be told from the option alone, so there is none.
 */
export function option<T>(inner: Codec<T>): Codec<T | null> {
  if (OPTIONS.has(inner)) throw new EncodeError("an option of an option has two ways to be null");
  const codec: Codec<T | null> = {
    read: (from) => {
      const tag = from.byte();
      if (tag > 1) throw new DecodeError("option", from.at);
      return tag === 0 ? null : inner.read(from);
    },
    write: (to, value) => {
      to.byte(value === null ? 0 : 1);
      if (value !== null) inner.write(to, value);
    },
    compare: (a, b) => (a === null || b === null ? Number(a !== null) - Number(b !== null) : inner.compare(a, b)),
    least: 1,
  };
  OPTIONS.add(codec);
  return codec;
}

/** Two values, one behind the other. Apart from `tuple` because large tables are lists of pairs. */
export function pair<A, B>(first: Codec<A>, second: Codec<B>): Codec<readonly [A, B]> {
  return {
    read: (from) => [first.read(from), second.read(from)],
    write: (to, [a, b]) => {
      first.write(to, a);
      second.write(to, b);
    },
    compare: ([a0, a1], [b0, b1]) => first.compare(a0, b0) || second.compare(a1, b1),
    least: first.least + second.least,
  };
}

/** Fields in the order of their declaration, without names on the wire. */
export type StructValue<F> = { readonly [K in keyof F]: ValueOf<F[K]> };

export function struct<const F extends Readonly<Record<string, AnyCodec>>>(fields: F): Codec<StructValue<F>> {
  const entries = Object.entries(fields) as [string, Opaque][];
  const read = (from: Reader) => {
    const value: Record<string, unknown> = {};
    for (const [name, codec] of entries) value[name] = codec.read(from);
    return value as StructValue<F>;
  };
  const write = (to: Writer, value: StructValue<F>) => {
    for (const [name, codec] of entries) codec.write(to, (value as Record<string, unknown>)[name]);
  };
  const compare = (a: StructValue<F>, b: StructValue<F>) => {
    for (const [name, codec] of entries) {
      const order = codec.compare((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]);
      if (order !== 0) return order;
    }
    return 0;
  };
  return { read, write, compare, least: entries.reduce((sum, [, codec]) => sum + codec.least, 0) };
}

/** A bare variant is its name, another one an object of one key: `"Any"`, `{ Ip: … }`, as serde writes enums in JSON. */
export type EnumValue<V> = {
  [K in keyof V]: V[K] extends Unit ? K : { readonly [P in K]: ValueOf<V[K]> };
}[keyof V];

/** Variants in the order of their declaration: the ordinal is what is sent, whatever discriminants they have. */
export function enumeration<const V extends Readonly<Record<string, AnyCodec>>>(variants: V): Codec<EnumValue<V>> {
  const entries = Object.entries(variants) as [string, Opaque][];
  const ordinals = new Map(entries.map(([name], ordinal) => [name, ordinal]));
  const nameOf = (value: EnumValue<V>): string => {
    if (typeof value === "string") return value;
    for (const name in value as object) return name;
    return "";
  };
  const ordinalOf = (name: string): number => {
    const ordinal = ordinals.get(name);
    if (ordinal === undefined) throw new EncodeError(`no variant ${JSON.stringify(name)}`);
    return ordinal;
  };
  const codecOf = (ordinal: number) => (entries[ordinal] as [string, Opaque])[1];
  const payloadOf = (value: EnumValue<V>, name: string) =>
    typeof value === "string" ? undefined : (value as Record<string, unknown>)[name];
  return {
    read: (from) => {
      const entry = entries[from.varint(32)];
      if (entry === undefined) throw new DecodeError("custom", from.at);
      const [name, codec] = entry;
      return (codec === unit ? name : { [name]: codec.read(from) }) as EnumValue<V>;
    },
    write: (to, value) => {
      const name = nameOf(value);
      const ordinal = ordinalOf(name);
      to.varint(ordinal, 32);
      codecOf(ordinal).write(to, payloadOf(value, name));
    },
    compare: (a, b) => {
      const [nameA, nameB] = [nameOf(a), nameOf(b)];
      const ordinal = ordinalOf(nameA);
      if (nameA !== nameB) return ordinal - ordinalOf(nameB);
      return codecOf(ordinal).compare(payloadOf(a, nameA), payloadOf(b, nameB));
    },
    least: 1 + Math.min(...entries.map(([, codec]) => codec.least)),
    // The ordinal comes first, in one byte, and equal ones have payloads of one type behind them.
    bytewise: entries.length < 0x80 && entries.every(([, codec]) => codec === unit || codec.bytewise === true),
  };
}

/** Rust's `RangeInclusive`: both ends belong to it. */
export function rangeInclusive<T>(inner: Codec<T>): Codec<{ readonly start: T; readonly end: T }> {
  return struct({ start: inner, end: inner }) as Codec<{ readonly start: T; readonly end: T }>;
}
