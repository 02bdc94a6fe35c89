/** A scripted device: the server that the preloaded stand-in (`native/fake-xde`) forwards ioctls to. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

export interface Command {
  readonly cmd: number;
  readonly apiVersion: number;
  readonly capacity: number;
  readonly request: Buffer;
}

export interface Said {
  readonly errno?: number;
  /** Copied out, if there. */
  readonly reply?: Uint8Array;
  /** For a reply that did not fit. */
  readonly actual?: number;
}

export type Script = (command: Command) => Said | Promise<Said>;

/** Why there can be no fake device in this process; undefined: there can. */
export const noFakeDevice = process.env.SLEDCAST_TEST_PRELOADED?.includes("libfake-xde")
  ? undefined
  : "libfake-xde.so is not preloaded";

/** For processes that are to have it too. */
export const withFakeDevice = { ...process.env, LD_PRELOAD: process.env.SLEDCAST_TEST_PRELOADED };

/** Where all must be there, a missing piece fails; elsewhere its tests are skipped. */
export const mustRun = process.platform === "linux" && (process.env.CI === "true" || process.env.CI === "1");

export class ScriptedDevice {
  readonly path: string;
  readonly commands: Command[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, file: string) {
    this.#server = server;
    this.path = file;
  }

  static async listen(script: Script): Promise<ScriptedDevice> {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "binding-")), "xde");
    const server = createServer();
    const device = new ScriptedDevice(server, file);
    server.on("connection", (socket) => device.#serve(socket, script));
    await new Promise<void>((resolve) => server.listen(file, resolve));
    return device;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(path.dirname(this.path), { recursive: true });
  }

  #serve(socket: Socket, script: Script): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", async (data) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
        const frame = received.subarray(4, 4 + received.readUInt32LE(0));
        received = received.subarray(4 + frame.length);
        socket.write(await this.#answer(frame, script));
      }
    });
  }

  async #answer(frame: Buffer, script: Script): Promise<Buffer> {
    if (frame.readUInt32LE(0) === 1) return replyFrame({});
    const command = {
      cmd: frame.readInt32LE(4),
      apiVersion: Number(frame.readBigUInt64LE(8)),
      capacity: Number(frame.readBigUInt64LE(24)),
      request: Buffer.from(frame.subarray(40)),
    };
    this.commands.push(command);
    return replyFrame(await script(command));
  }
}

function replyFrame({ errno = 0, reply, actual = reply?.length ?? 0 }: Said): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(16 + (reply?.length ?? 0), 0);
  head.writeInt32LE(errno, 4);
  head.writeUInt32LE(reply === undefined ? 0 : 1, 8);
  head.writeBigUInt64LE(BigInt(actual), 12);
  return Buffer.concat([head, reply ?? Buffer.alloc(0)]);
}
