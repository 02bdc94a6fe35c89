/** A server for the fake /dev/xde that answers each frame as a test says, and remembers what came (native/fake-xde/protocol.h). */
import { createServer, type Server, type Socket } from "node:net";

export interface OpenFrame {
  readonly kind: "open";
  readonly flags: number;
}

export interface CommandFrame {
  readonly kind: "command";
  readonly cmd: number;
  readonly apiVersion: bigint;
  readonly reqLen: bigint;
  readonly respLen: bigint;
  readonly faults: number;
  readonly request: Buffer;
  /** Which connection it came over, counted from 0 in the order of acceptance. */
  readonly connection: number;
}

export interface Reply {
  readonly errno?: number;
  /** Copied out to the caller. */
  readonly bytes?: Uint8Array;
  /** Without bytes: what the reply would need. */
  readonly needed?: number;
}

/** A reply, the raw bytes of a frame (its length included), or the end of the connection. */
export type Answer = Reply | Buffer | "hang up";

const ECHO = (command: CommandFrame): Answer => ({ bytes: command.request });

export class FrameServer {
  readonly opens: OpenFrame[] = [];
  readonly commands: CommandFrame[] = [];
  /** Connections accepted since the start, and those of them still open. */
  accepted = 0;
  readonly open = new Set<Socket>();
  onOpen: (frame: OpenFrame) => Answer = () => ({});
  onCommand: (frame: CommandFrame) => Answer = ECHO;
  #server: Server | undefined;

  constructor(readonly path: string) {}

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.path, resolve);
    });
  }

  /** Stops listening (the socket file goes too) and ends every connection. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  /** Ends the connections that are open now, and goes on listening. */
  async hangUp(): Promise<void> {
    const ended = [...this.open].map((socket) => new Promise((resolve) => socket.once("close", resolve).destroy()));
    await Promise.all(ended);
  }

  /** When no connection is open (any more). */
  async drained(): Promise<void> {
    await Promise.all([...this.open].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  #serve(socket: Socket): void {
    const connection = this.accepted++;
    // Joined only when a frame is whole: a large one comes in hundreds of pieces.
    let pieces: Buffer[] = [];
    let have = 0;
    let needed = 4;
    this.open.add(socket);
    socket.once("close", () => this.open.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (piece) => {
      pieces.push(piece);
      have += piece.length;
      while (have >= needed) {
        const waiting = Buffer.concat(pieces);
        const end = 4 + waiting.readUInt32LE();
        if (have >= end) this.#reply(socket, this.#answer(waiting.subarray(4, end), connection));
        const rest = have >= end ? waiting.subarray(end) : waiting;
        pieces = [rest];
        have = rest.length;
        needed = have === waiting.length ? end : 4;
      }
    });
  }

  #reply(socket: Socket, answer: Answer): void {
    if (answer === "hang up") socket.destroy();
    else socket.write(Buffer.isBuffer(answer) ? answer : encode(answer));
  }

  #answer(frame: Buffer, connection: number): Answer {
    const kind = frame.readUInt32LE();
    if (kind === 1 && frame.length === 8) {
      const open: OpenFrame = { kind: "open", flags: frame.readUInt32LE(4) };
      this.opens.push(open);
      return this.onOpen(open);
    }
    const command: CommandFrame = {
      kind: "command",
      cmd: frame.readInt32LE(4),
      apiVersion: frame.readBigUInt64LE(8),
      reqLen: frame.readBigUInt64LE(16),
      respLen: frame.readBigUInt64LE(24),
      faults: frame.readUInt32LE(32),
      request: frame.subarray(40),
      connection,
    };
    if (kind !== 2 || frame.readUInt32LE(36) !== 0) throw new Error(`not a frame: ${frame.toString("hex")}`);
    this.commands.push(command);
    return this.onCommand(command);
  }
}

function encode({ errno = 0, bytes, needed = 0 }: Reply): Buffer {
  return rawReply(errno, bytes === undefined ? 0 : 1, BigInt(bytes?.length ?? needed), bytes ?? Buffer.alloc(0));
}

/** A reply frame with whatever in its fields, true or not. */
export function rawReply(errno: number, flags: number, respLenActual: bigint, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(16 + bytes.length);
  head.writeInt32LE(errno, 4);
  head.writeUInt32LE(flags, 8);
  head.writeBigUInt64LE(respLenActual, 12);
  return Buffer.concat([head, bytes]);
}
