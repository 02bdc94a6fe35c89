/**
 * Why bytes could not be decoded, in the words of the postcard crate: OPTE's driver puts its
 * decoder's text into the error it answers with, and the driver model must answer the same.
 */
export type DecodeReason = "end" | "varint" | "bool" | "char" | "utf8" | "option" | "custom";

/** `postcard::Error`'s Display, postcard 1.x `src/error.rs`. */
const TEXT: Readonly<Record<DecodeReason, string>> = {
  end: "Hit the end of buffer, expected more data",
  varint: "Found a varint that didn't terminate. Is the usize too big for this platform?",
  bool: "Found a bool that wasn't 0 or 1",
  char: "Found an invalid unicode char",
  utf8: "Tried to parse invalid utf-8",
  option: "Found an Option discriminant that wasn't 0 or 1",
  custom: "Serde Deserialization Error",
};

export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly reason: DecodeReason;
  /** How many bytes had been read. */
  readonly at: number;

  constructor(reason: DecodeReason, at: number) {
    super(TEXT[reason]);
    this.reason = reason;
    this.at = at;
  }
}

/** A value that its wire type cannot hold: a defect of who asked for it to be encoded. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
}
