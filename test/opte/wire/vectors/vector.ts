/** One value of a wire type and its bytes, put together by hand from the rules of the format. */
import { hex } from "../../../postcard/hex.ts";

export interface Vector {
  readonly type: string;
  readonly versions: readonly number[];
  readonly name: string;
  readonly value: unknown;
  readonly bytes: Uint8Array;
}

/** API versions in which a type has these bytes. */
export const ALL = [38, 39, 40, 41];
export const BEFORE_FILTERS = [38, 39];
export const WITH_FILTERS = [40, 41];
export const WITH_SUBNETS = [39, 40, 41];

/** `bytes` is one part a line, with a remark on what it is. */
export function vector(type: string, versions: readonly number[], name: string, value: unknown, bytes: string): Vector {
  return { type, versions, name, value, bytes: hex(bytes) };
}

/** The same bytes under another name: messages of one layout. */
export const alsoAs = (vectors: readonly Vector[], from: string, ...types: readonly string[]): readonly Vector[] =>
  types.flatMap((type) => vectors.filter((one) => one.type === from).map((one) => ({ ...one, type })));
