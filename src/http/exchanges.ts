/** What is under way on a connection: what is done to the connection must not get in before its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Those begun on each connection, in their order, which is that of their answers; the last stays when it is over.
 * A client may send its next request before it has its answer (RFC 9112, section 9.3.2).
 */
const exchanges = new WeakMap<Socket, Exchange[]>();

export function followExchange(request: IncomingMessage, response: ServerResponse): void {
  const begun = exchanges.get(request.socket);
  if (begun === undefined) {
    exchanges.set(request.socket, [{ request, response }]);
    return;
  }
  while (begun[0]?.response.writableFinished) begun.shift();
  begun.push({ request, response });
}

export function lastExchange(socket: Socket): Exchange | undefined {
  return exchanges.get(socket)?.at(-1);
}

/** One whose answer was begun and goes on, as one without end does. */
const goesOn = ({ response }: Exchange) => response.headersSent && !response.writableEnded;

/** The requests that are being answered without end. */
export function requestsThatGoOn(socket: Socket): IncomingMessage[] {
  return (exchanges.get(socket) ?? []).filter(goesOn).map(({ request }) => request);
}

/** Ends a connection when its last request is answered. An answer without end is broken off. */
export function endAfterAnswer(socket: Socket): void {
  const last = lastExchange(socket);
  if (last === undefined || last.response.writableFinished) socket.destroy();
  else if (requestsThatGoOn(socket).length > 0) socket.destroy();
  else last.response.once("finish", () => socket.end());
}
