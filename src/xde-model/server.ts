/**
 * Serves a driver model to fake devices: one connection for each thread that makes ioctls, an
 * exchange at a time on each. What would have been a kernel panic ends the connection, loudly.
 */
import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import { IoctlModel, type IoctlReply } from "../opte/model/ioctl.ts";
import type { DriverModel } from "../opte/model/model.ts";
import { KernelPanic } from "../opte/model/refuse.ts";
import { type ApiVersion, NEWEST } from "../opte/versions.ts";
import { type ErrnoStyle, errnoFor, illumosErrnoNamed } from "./errno.ts";
import { controlReply, type Frame, FrameReader, openReply, replyFrame } from "./frames.ts";
import { CutOff, type Moods, obey } from "./script.ts";

export interface XdeModelOptions {
  readonly model: DriverModel;
  readonly log: Log;
  readonly apiVersion?: ApiVersion;
  readonly errnoStyle?: ErrnoStyle;
}

export class XdeModelServer {
  readonly #model: DriverModel;
  readonly #log: Log;
  readonly #style: ErrnoStyle;
  readonly #moods: Moods;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  /** What would have brought the kernel down. */
  readonly panics: string[] = [];

  constructor({ model, log, apiVersion = NEWEST, errnoStyle = "linux" }: XdeModelOptions) {
    this.#model = model;
    this.#log = log;
    this.#style = errnoStyle;
    this.#moods = { version: apiVersion, openFails: undefined };
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** What a script may change; tests that hold the server do it directly. */
  get moods(): Moods {
    return this.#moods;
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, resolve);
    });
  }

  /** Ends every connection: the device goes away. The model stays. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    const reader = new FrameReader();
    let turn = Promise.resolve();
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    // A device's process can be killed at any time.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      try {
        for (const frame of reader.push(chunk)) turn = turn.then(() => this.#answer(socket, frame));
      } catch (error) {
        this.#log.error({ error: messageOf(error) }, "what a connection sent is not the protocol; it is ended");
        socket.destroy();
      }
    });
  }

  async #answer(socket: Socket, frame: Frame): Promise<void> {
    try {
      const reply = await this.#replyTo(frame);
      if (!socket.destroyed) socket.write(reply);
    } catch (error) {
      if (error instanceof KernelPanic) {
        this.panics.push(error.message);
        this.#log.error({ error: error.message }, "the kernel would have panicked");
      } else if (!(error instanceof CutOff)) {
        this.#log.error({ error: messageOf(error) }, "a command could not be answered");
      }
      socket.destroy();
    }
  }

  async #replyTo(frame: Frame): Promise<Buffer> {
    switch (frame.kind) {
      case "open":
        return openReply(errnoFor(this.#style, illumosErrnoNamed(this.#moods.openFails ?? "") ?? 0));
      case "command":
        return replyFrame(this.#inNumbersOfCaller(await this.#ioctl(frame.request)));
      case "control":
        return controlReply(this.#obey(frame.text));
    }
  }

  #ioctl(request: Parameters<IoctlModel["answer"]>[0]): Promise<IoctlReply> {
    return new IoctlModel(this.#model, this.#moods.version).answer(request);
  }

  #inNumbersOfCaller(reply: IoctlReply): IoctlReply {
    return { ...reply, errno: errnoFor(this.#style, reply.errno) };
  }

  #obey(text: string): unknown {
    try {
      return { ok: obey(this.#model, this.#moods, JSON.parse(text)) };
    } catch (error) {
      return { error: messageOf(error) };
    }
  }
}
