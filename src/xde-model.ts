#!/usr/bin/env node
/** sledcast-xde-model: the driver model as a process of its own, for fake devices (`scripts/with-fake-xde`). */
import { connect } from "node:net";
import { CommanderError } from "commander";
import { badRequest, messageOf, SledcastError } from "./error.ts";
import { outlive } from "./gone-readers.ts";
import { clearStaleSocket } from "./host/unix-socket.ts";
import type { Log } from "./log.ts";
import { DriverModel } from "./opte/model/model.ts";
import { modelCommand, type Options } from "./xde-model/command-line.ts";
import { controlFrame, parseControlReply } from "./xde-model/frames.ts";
import { XdeModelServer } from "./xde-model/server.ts";

const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** To stderr, in lines for people; stdout says only that it listens. */
function say(level: string, fields: object, message: string): void {
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  process.stderr.write(`sledcast-xde-model: ${level}: ${message}${details.join("")}\n`);
}

const LOG: Log = {
  debug: () => {},
  info: (fields, message) => say("info", fields, message),
  warn: (fields, message) => say("warning", fields, message),
  error: (fields, message) => say("error", fields, message),
};

async function serve({ socket, state, apiVersion, link, portsStart, errno }: Options): Promise<void> {
  // As a driver that was just attached: nothing is set, not even the underlay.
  const model = new DriverModel({
    underlay: false,
    portsStart,
    apiVersion,
    ...(state === undefined ? {} : { state }),
    ...(link === undefined ? {} : { links: link }),
  });
  const server = new XdeModelServer({ model, log: LOG, apiVersion, errnoStyle: errno });
  await clearStaleSocket(socket, `--socket ${socket}`);
  await server.listen(socket);
  const stop = async () => {
    await server.close();
    await model.close();
    process.exit(EXIT.done);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.stdout.write(`listening on ${socket}, OPTE API ${apiVersion}\n`);
}

function exchange(socket: string, frame: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const connection = connect(socket, () => connection.write(frame));
    connection.on("error", (error) => reject(new SledcastError("driver-unavailable", `${socket}: ${error.message}`)));
    connection.on("data", (chunk) => {
      chunks.push(chunk);
      const all = Buffer.concat(chunks);
      if (all.length < 4 || all.length < 4 + all.readUInt32LE(0)) return;
      connection.end();
      resolve(all);
    });
    connection.on("close", () => reject(new SledcastError("driver-unavailable", `${socket}: no answer`)));
  });
}

async function order(socket: string, text: string): Promise<void> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`--order: ${messageOf(error)}`);
  }
  const answer = parseControlReply(await exchange(socket, controlFrame(value))) as { ok?: unknown; error?: string };
  if (answer.error !== undefined) throw badRequest(`--order: ${answer.error}`);
  process.stdout.write(`${JSON.stringify(answer.ok)}\n`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return error instanceof SledcastError && error.kind === "bad-request" ? EXIT.usage : EXIT.failed;
}

outlive(process.stdout);
outlive(process.stderr);

try {
  const options = modelCommand().parse().opts<Options>();
  await (options.order === undefined ? serve(options) : order(options.socket, options.order));
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcast-xde-model: ${messageOf(error)}\n`);
  process.exit(exitCodeOf(error));
}
