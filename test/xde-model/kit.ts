/** Frames as a fake device writes them (native/fake-xde/protocol.h), and one connection to send them over. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Frame } from "../../src/xde-model/frames.ts";

export interface CommandParts {
  readonly cmd: number;
  readonly apiVersion: bigint;
  readonly capacity: bigint;
  readonly unreadable: boolean;
  readonly body: Uint8Array;
}

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

export function openFrame(): Buffer {
  return ofKind(1, Buffer.alloc(4));
}

/** A frame of any kind, with whatever behind it. */
export function ofKind(kind: number, rest: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(kind);
  return framed(Buffer.concat([head, rest]));
}

export function commandFrame({ cmd, apiVersion, capacity, unreadable, body }: CommandParts): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt32LE(2);
  head.writeInt32LE(cmd, 4);
  head.writeBigUInt64LE(apiVersion, 8);
  head.writeBigUInt64LE(BigInt(body.length), 16);
  head.writeBigUInt64LE(capacity, 24);
  head.writeUInt32LE(unreadable ? 1 : 0, 32);
  return framed(Buffer.concat([head, body]));
}

/** A frame with its bytes as plain numbers, so that one is like another whatever buffer it came from. */
export function plain(frame: Frame): unknown {
  if (frame.kind !== "command") return frame;
  return { ...frame, request: { ...frame.request, body: [...frame.request.body] } };
}

export interface ReplyParts {
  readonly errno: number;
  readonly copiedOut: boolean;
  readonly actual: number;
  readonly reply: readonly number[];
}

export function parseReply(frame: Buffer): ReplyParts {
  return {
    errno: frame.readInt32LE(4),
    copiedOut: frame.readUInt32LE(8) === 1,
    actual: Number(frame.readBigUInt64LE(12)),
    reply: [...frame.subarray(20)],
  };
}

/** Replies come back one for one, until the other side ends. */
export class Connection {
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;
  #bytes = Buffer.alloc(0);

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.on("error", () => {});
    this.#closed = once(this.#socket, "close").then(() => "closed");
    this.#socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    });
  }

  send(...frames: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(frames));
  }

  /** The next reply; "closed" where the other side ended instead. */
  async reply(): Promise<ReplyParts | "closed"> {
    while (this.#bytes.length < 4 || this.#bytes.length < 4 + this.#bytes.readUInt32LE()) {
      if ((await Promise.race([this.#closed, once(this.#socket, "data")])) === "closed") return "closed";
    }
    const end = 4 + this.#bytes.readUInt32LE();
    const frame = this.#bytes.subarray(0, end);
    this.#bytes = this.#bytes.subarray(end);
    return parseReply(frame);
  }

  end(): void {
    this.#socket.destroy();
  }
}
