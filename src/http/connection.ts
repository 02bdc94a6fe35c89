/** What happens below requests: bytes that are no request, expectations that nobody meets. */
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errorBody } from "./errors.ts";
import { lastExchange } from "./exchanges.ts";
import type { RequestLog } from "./request-log.ts";

export const REQUEST_ID = "x-request-id";

/** For the answer to be read, and the client's side to be ended. */
const END_WITHIN_MS = 2000;

type ParserError = Error & { readonly code?: string };

/** Of errors that Node's parser and its clock have; anything else is 400. */
const PARSER_ANSWERS: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "the headers are larger than this agent reads (limits.header_bytes)" },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    message: "the request did not come in whole within the time it has (limits.request_seconds)",
  },
};

/** What is not HTTP gets an answer of the same form, written by hand, and its connection is closed. */
export function answerBrokenRequests(requests: RequestLog): (error: ParserError, socket: Socket) => void {
  return (error, socket) => {
    const last = lastExchange(socket);
    const unanswered = last !== undefined && !last.request.complete && !last.response.headersSent;
    const request = unanswered ? last.request : undefined;
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    // Refused already, and what still comes of its body is no new request.
    if (last?.response.headersSent && !last.request.complete) {
      socket.destroySoon();
      return;
    }
    const answer = () => answerBroken(error, socket, request, requests);
    // A request that is not whole is the broken one itself and will never be answered.
    if (last?.request.complete && !last.response.writableFinished) last.response.once("finish", answer);
    else answer();
  };
}

function answerBroken(
  error: ParserError,
  socket: Socket,
  request: IncomingMessage | undefined,
  requests: RequestLog,
): void {
  const id = randomUUID();
  const { status, message } = PARSER_ANSWERS[error.code ?? ""] ?? {
    status: 400,
    message: `not a request that can be read: ${error.message}`,
  };
  // A connection on which nothing came has asked nothing.
  if (socket.bytesRead > 0) requests.unhandled(socket, request, { id, status, error: error.message });
  endWith(socket, id, status, message);
}

function endWith(socket: Duplex, id: string, status: number, message: string): void {
  if (!socket.writable) return;
  const body = errorBody(id, message);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID}: ${id}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // A client that never ends its side would keep the connection: for as long as it likes after a CONNECT.
  const late = setTimeout(() => socket.destroy(), END_WITHIN_MS).unref();
  socket.once("close", () => clearTimeout(late));
}

/** Node answers an `Expect` it does not know with an empty 417, and a CONNECT not at all. */
export function answerTheUnexpected(server: Server, requests: RequestLog): void {
  server.on("checkExpectation", (request, response) => {
    const id = randomUUID();
    const message = "the expectation of this request cannot be met; leave the `expect` header out";
    requests.unhandled(request.socket, request, { id, status: 417, error: message });
    response.writeHead(417, { "content-type": "application/json", [REQUEST_ID]: id });
    response.end(errorBody(id, message));
  });
  server.on("connect", (request: IncomingMessage, socket: Duplex) => {
    const id = randomUUID();
    const message = "this agent is no proxy";
    requests.unhandled(request.socket, request, { id, status: 405, error: message });
    socket.on("error", () => socket.destroy());
    endWith(socket, id, 405, message);
  });
}
