/**
 * The record of a request: one each, with dropshot's field names. That of a change says who asked for
 * it, and is written at every level of the log: it is the audit trail.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../log.ts";
import type { Doors } from "./doors/doors.ts";

/** Of a message, which can hold what the client sent. */
const LOGGED_CHARACTERS = 500;

/** What terminals obey, or write the other way round, and JSON does not escape: DEL, the C1 controls, marks of direction. */
const OBEYED = /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const escaped = (one: string) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** What of a request is known where no handler saw it. */
export interface Unhandled {
  readonly id: string;
  readonly status: number;
  readonly error: string;
}

export const isChange = (method: string | undefined) => method !== "GET" && method !== "HEAD";

export class RequestLog {
  readonly #log: Log;
  readonly #audit: Log;
  readonly #doors: Doors;
  /** What refused requests were told: who has a request's id is to find the reason in the log. */
  readonly #refusals = new WeakMap<IncomingMessage, string>();
  /** Requests of which nothing more is to be said, although their handling may still end. */
  readonly #unhandled = new WeakSet<IncomingMessage>();

  /** `audit` writes whatever the level of `log` is. */
  constructor(log: Log, audit: Log, doors: Doors) {
    this.#log = log;
    this.#audit = audit;
    this.#doors = doors;
  }

  refused(request: FastifyRequest, message: string): void {
    this.#refusals.set(request.raw, message.slice(0, LOGGED_CHARACTERS).replace(OBEYED, escaped));
  }

  /** Before it is known how a change ends: a client that goes away takes its address along. */
  begin({ raw }: FastifyRequest): void {
    if (isChange(raw.method)) this.#doors.callerOf(raw.socket);
  }

  /**
   * The answer is decided. That of a change is written now: a client that goes away before it has read
   * the answer has asked all the same.
   */
  decided(request: FastifyRequest, reply: FastifyReply): void {
    if (isChange(request.method)) this.#write(request, reply);
  }

  answered(request: FastifyRequest, reply: FastifyReply): void {
    if (!isChange(request.method)) this.#write(request, reply);
  }

  /** Bytes that are no request, and requests that are none of ours. `request`: where its head could be read. */
  unhandled(socket: Socket, request: IncomingMessage | undefined, { id, status, error }: Unhandled): void {
    if (request !== undefined) this.#unhandled.add(request);
    const fields = {
      req_id: id,
      remote_addr: socket.remoteAddress,
      ...(request && { method: request.method, uri: request.url }),
      response_code: status,
      error,
    };
    // What cannot be read may have been meant to change something.
    if (request !== undefined && !isChange(request.method)) this.#log.info(fields, "broken request");
    else this.#audit.info({ ...fields, audit: true, asked_by: this.#doors.callerOf(socket).seen }, "broken request");
  }

  /** Each kind of record is written out whole: putting them together of parts costs more than all else that is done for one. */
  #write(request: FastifyRequest, reply: FastifyReply): void {
    const { raw, id, method } = request;
    if (this.#unhandled.has(raw)) return;
    const refusal = this.#refusals.get(raw);
    const uri = request.originalUrl;
    const status = reply.statusCode;
    const latency = Math.round(reply.elapsedTime * 1000);
    const address = request.ip;
    if (isChange(method)) {
      const askedBy = this.#doors.askedBy(raw);
      const message = "change requested";
      if (refusal === undefined) {
        this.#audit.info(
          {
            req_id: id,
            remote_addr: address,
            method,
            uri,
            response_code: status,
            latency_us: latency,
            audit: true,
            asked_by: askedBy,
          },
          message,
        );
        return;
      }
      this.#audit.info(
        {
          req_id: id,
          remote_addr: address,
          method,
          uri,
          response_code: status,
          latency_us: latency,
          error_message_external: refusal,
          audit: true,
          asked_by: askedBy,
        },
        message,
      );
      return;
    }
    const fields = { req_id: id, remote_addr: address, method, uri, response_code: status, latency_us: latency };
    if (refusal === undefined) this.#log.info(fields, "request completed");
    else this.#log.info({ ...fields, error_message_external: refusal }, "request completed");
  }
}
