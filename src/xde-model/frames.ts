/** The fake device's protocol, the server's side of it (`native/fake-xde/protocol.h` is the other, and describes it). */
import type { IoctlReply, IoctlRequest } from "../opte/model/ioctl.ts";

const KIND = { open: 1, command: 2, control: 3 } as const;
const COMMAND_HEADER = 40;
const REPLY_HEADER = 16;
const REQUEST_UNREADABLE = 1;
const RESP_COPY_OUT = 1;
/** A command's 16 MiB of body and its header; nothing honest is longer. */
const LONGEST_FRAME = 17 * 1024 * 1024;

export type Frame =
  | { readonly kind: "open" }
  | { readonly kind: "command"; readonly request: IoctlRequest }
  /** From a script, not from a device: JSON. */
  | { readonly kind: "control"; readonly text: string };

/** What the other side sent is no frame; it is not answered. */
export class BadFrame extends Error {
  override readonly name = "BadFrame";
}

function parseCommand(body: Buffer): Frame {
  if (body.length < COMMAND_HEADER) throw new BadFrame("a command shorter than its header");
  return {
    kind: "command",
    request: {
      cmd: body.readInt32LE(4),
      apiVersion: body.readBigUInt64LE(8),
      capacity: body.readBigUInt64LE(24),
      unreadable: (body.readUInt32LE(32) & REQUEST_UNREADABLE) !== 0,
      body: body.subarray(COMMAND_HEADER),
    },
  };
}

function parseFrame(body: Buffer): Frame {
  if (body.length < 8) throw new BadFrame("a frame without a header");
  const kind = body.readUInt32LE(0);
  if (kind === KIND.open) return { kind: "open" };
  if (kind === KIND.command) return parseCommand(body);
  if (kind === KIND.control) return { kind: "control", text: body.toString("utf8", 8) };
  throw new BadFrame(`a frame of kind ${kind}`);
}

/** Puts what arrives together into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;

  /** @throws BadFrame */
  *push(chunk: Buffer): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) yield frame;
  }

  #next(): Frame | undefined {
    if (this.#size < 4) return undefined;
    if (this.#chunks.length > 1) {
      // Joined only when a frame may be whole: a long one arrives in many pieces.
      const first = this.#chunks[0] as Buffer;
      if (first.length >= 4 && this.#size < 4 + first.readUInt32LE(0)) return undefined;
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    const all = this.#chunks[0] as Buffer;
    const length = all.readUInt32LE(0);
    if (length > LONGEST_FRAME) throw new BadFrame(`a frame of ${length} bytes`);
    if (all.length < 4 + length) return undefined;
    this.#chunks = all.length === 4 + length ? [] : [all.subarray(4 + length)];
    this.#size = all.length - 4 - length;
    return parseFrame(all.subarray(4, 4 + length));
  }
}

const NOTHING = new Uint8Array();

/** `errno` in the caller's numbers. */
export function replyFrame({ errno, copiedOut, actual, reply }: IoctlReply): Buffer {
  const body = copiedOut ? reply : NOTHING;
  const frame = Buffer.allocUnsafe(4 + REPLY_HEADER + body.length);
  frame.writeUInt32LE(REPLY_HEADER + body.length, 0);
  frame.writeInt32LE(errno, 4);
  frame.writeUInt32LE(copiedOut ? RESP_COPY_OUT : 0, 8);
  frame.writeBigUInt64LE(BigInt(actual), 12);
  frame.set(body, 4 + REPLY_HEADER);
  return frame;
}

export function openReply(errno: number): Buffer {
  return replyFrame({ errno, copiedOut: false, actual: 0, reply: NOTHING });
}

export function controlFrame(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const frame = Buffer.allocUnsafe(12 + text.length);
  frame.writeUInt32LE(8 + text.length, 0);
  frame.writeUInt32LE(KIND.control, 4);
  frame.writeUInt32LE(0, 8);
  frame.set(text, 12);
  return frame;
}

/** Behind the header is JSON. */
export function controlReply(value: unknown): Buffer {
  const reply = Buffer.from(JSON.stringify(value));
  return replyFrame({ errno: 0, copiedOut: true, actual: reply.length, reply });
}

export function parseControlReply(frame: Buffer): unknown {
  return JSON.parse(frame.toString("utf8", 4 + REPLY_HEADER));
}
