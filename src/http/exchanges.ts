/** What is under way on a connection: what is done to the connection must not get in before its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The last exchange begun on each connection. */
const exchanges = new WeakMap<Socket, Exchange>();

export function followExchange(request: IncomingMessage, response: ServerResponse): void {
  exchanges.set(request.socket, { request, response });
}

export function lastExchange(socket: Socket): Exchange | undefined {
  return exchanges.get(socket);
}

/** Ends a connection when its last request is answered. An answer without end is broken off. */
export function endAfterAnswer(socket: Socket): void {
  const response = exchanges.get(socket)?.response;
  if (response === undefined || response.writableFinished) socket.destroy();
  else if (response.headersSent && !response.writableEnded) socket.destroy();
  else response.once("finish", () => socket.end());
}
