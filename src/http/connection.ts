/** What happens below requests: bytes that are no request, expectations that nobody meets. */
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Log } from "../log.ts";
import { errorBody } from "./errors.ts";

export const REQUEST_ID = "x-request-id";

const PARSER_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The last exchange begun on each connection: what is written by hand must not get in before its answer. */
const exchanges = new WeakMap<Socket, Exchange>();

export function followExchange(request: IncomingMessage, response: ServerResponse): void {
  exchanges.set(request.socket, { request, response });
}

/** What is not HTTP gets an answer of the same form, written by hand, and its connection is closed. */
export function answerBrokenRequests(log: Log): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const last = exchanges.get(socket);
    const answer = () => answerBroken(error, socket, log);
    // A request that is not whole is the broken one itself and will never be answered.
    if (last?.request.complete && !last.response.writableFinished) last.response.once("finish", answer);
    else answer();
  };
}

function answerBroken(error: Error & { code?: string }, socket: Socket, log: Log): void {
  const id = randomUUID();
  const status = PARSER_STATUS[error.code ?? ""] ?? 400;
  const body = errorBody(id, `not a request that can be read: ${error.message}`);
  log.info(
    { req_id: id, remote_addr: socket.remoteAddress, response_code: status, error: error.message },
    "broken request",
  );
  if (!socket.writable) return;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID}: ${id}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Node answers an `Expect` it does not know with an empty 417. */
export function answerExpectations(server: Server): void {
  server.on("checkExpectation", (_request, response) => {
    const id = randomUUID();
    response.writeHead(417, { "content-type": "application/json", [REQUEST_ID]: id });
    response.end(errorBody(id, "the expectation of this request cannot be met; leave the `expect` header out"));
  });
}
