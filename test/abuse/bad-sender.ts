/** Sends bytes over a connection of their own, and reads what comes of it. */
import { connect, type Socket } from "node:net";
import { parseAnswers, type WireAnswer } from "../http/wire.ts";

export interface Outcome {
  readonly answers: readonly WireAnswer[];
  /** Neither an answer nor an end of the connection came. */
  readonly hung: boolean;
}

/** Long after every answer; one that needs it is reported. */
const HUNG_AFTER_MS = 10_000;

/** `whole`: the server has all it waits for, and has to end the connection. Otherwise the client ends its half. */
export function sendBad(port: number, bytes: Buffer, whole: boolean): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let hung = false;
    const socket: Socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const timer = setTimeout(() => {
      hung = true;
      socket.destroy();
    }, HUNG_AFTER_MS);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // The server may close before it has read everything.
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(timer);
      resolve({ answers: parseAnswers(Buffer.concat(chunks).toString("latin1")), hung });
    });
    if (whole) socket.write(bytes);
    else socket.end(bytes);
  });
}
