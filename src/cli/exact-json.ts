/** JSON with integers of 64 bits to the digit, which the platform's own reads as doubles. */
import { parse, stringify } from "lossless-json";

const numberOf = (text: string): number | bigint => {
  const value = Number(text);
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : BigInt(text);
};

/** Integers that a double cannot say are bigints. */
export function parseExact(text: string): unknown {
  return parse(text, undefined, numberOf);
}

/** As `JSON.stringify`, with bigints as the integers they are. */
export function stringifyExact(value: unknown, space?: number): string {
  return stringify(value, undefined, space) as string;
}
