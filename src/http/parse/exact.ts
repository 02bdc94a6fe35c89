/** Integers of 64 bits to the digit: JSON's numbers are doubles here, so beyond 2^53 the body's text is read again. */
import { isInteger, type LosslessNumber, parse as parseLossless } from "lossless-json";
import { badRequest, messageOf } from "../../error.ts";

const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

type Tree = { readonly [key: string]: Tree };

export class ExactNumbers {
  readonly #text: string;
  /** The text with all its digits; read at most once, and only for a number that needs it. */
  #tree: Tree | undefined;

  /** @param text of a body that passed its schema */
  constructor(text: string) {
    this.#text = text;
  }

  /** @param field where the number is, as it is named to the client: `[0].version.version` */
  uint64(value: number, field: string): bigint {
    if (Number.isSafeInteger(value)) return BigInt(value);
    const digits = this.#digits(field);
    if (!isInteger(digits) || BigInt(digits) > MAX_UINT64) {
      throw badRequest(`${field}: ${digits} is not an unsigned integer of 64 bits`);
    }
    return BigInt(digits);
  }

  #digits(field: string): string {
    try {
      this.#tree ??= parseLossless(this.#text, undefined, { onDuplicateKey: ({ newValue }) => newValue }) as Tree;
      const keys = field.match(/[^.[\]]+/g) ?? [];
      const number = keys.reduce<unknown>((tree, key) => (tree as Tree)[key], this.#tree);
      return (number as LosslessNumber).value;
    } catch (error) {
      // Unlike JSON.parse it recurses.
      throw badRequest(`${field}: cannot be read to the digit: ${messageOf(error)}`);
    }
  }
}
