/**
 * Typed codecs for postcard 1.x (the format of Rust's postcard crate; its wire format document).
 * A wire type is declared once, from the combinators beside this file; its TypeScript type, both
 * directions and its order follow from the declaration.
 */
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

export interface Codec<T> {
  read(from: Reader): T;
  write(to: Writer, value: T): void;
  /** Rust's derived `Ord`: sets and maps are written in this order. */
  compare(a: T, b: T): number;
  /** Fewest bytes that a value takes. A sequence's elements take at least one, so that a short input cannot hold many. */
  readonly least: number;
  /** That order is the one of the encodings' bytes: then what was just written can be compared instead of the values. */
  readonly bytewise?: boolean;
}

/** What a codec's values are. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

export interface Decoded<T> {
  readonly value: T;
  /** Bytes behind the value: Rust's decoder ignores them, and so do we, but somebody should hear of them. */
  readonly trailing: number;
}

/** @throws DecodeError */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): Decoded<T> {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  return { value, trailing: reader.left };
}

/** Encoding is synchronous and never re-entered, so one buffer serves all of it. */
const shared = new Writer();

/** @throws EncodeError for a value that its type cannot hold on the wire. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  shared.clear();
  codec.write(shared, value);
  return shared.take();
}

/** The same bytes under another type: values are made by `from` after reading and taken apart by `to` before writing. */
export function mapped<Inner, Outer>(
  inner: Codec<Inner>,
  from: (value: Inner) => Outer,
  to: (value: Outer) => Inner,
): Codec<Outer> {
  return {
    read: (reader) => from(inner.read(reader)),
    write: (writer, value) => inner.write(writer, to(value)),
    compare: (a, b) => inner.compare(to(a), to(b)),
    least: inner.least,
  };
}
