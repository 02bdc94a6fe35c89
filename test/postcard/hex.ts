/** Bytes as people write them, and how decoding ends. */
import type { Codec } from "../../src/postcard/codec.ts";
import { decode, encode } from "../../src/postcard/codec.ts";
import { DecodeError, type DecodeReason } from "../../src/postcard/error.ts";

/** Hexadecimal digits, grouped at will. `00*13` is thirteen zero bytes, and `#` begins a remark to the end of the line. */
export function hex(text: string): Uint8Array {
  const words = text
    .replaceAll(/#.*$/gm, "")
    .split(/\s+/)
    .filter((word) => word !== "");
  const digits = words.map((word) => {
    const [byte = "", count] = word.split("*");
    return count === undefined ? byte : byte.repeat(Number(count));
  });
  const joined = digits.join("");
  if (!/^(?:[0-9a-f]{2})*$/.test(joined)) throw new Error(`the test's own bytes are not hexadecimal: ${text}`);
  return Uint8Array.from(Buffer.from(joined, "hex"));
}

/** Two digits a byte, blanks between them. */
export const spaced = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

export const encoded = <T>(codec: Codec<T>, value: T) => spaced(encode(codec, value));
export const decoded = <T>(codec: Codec<T>, text: string) => decode(codec, hex(text)).value;

/** Why these bytes are refused; undefined: they are taken. Any other error is the test's to see. */
export function refusalOf(codec: Codec<unknown>, bytes: Uint8Array): DecodeReason | undefined {
  try {
    decode(codec, bytes);
  } catch (error) {
    if (error instanceof DecodeError) return error.reason;
    throw error;
  }
  return undefined;
}

export const refused = (codec: Codec<unknown>, text: string) => refusalOf(codec, hex(text));
