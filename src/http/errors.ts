/** Errors as answers: the table from kinds to status and `error_code`, and the body they all have. */
import { STATUS_CODES } from "node:http";
import { type ErrorKind, messageOf, SledcastError } from "../error.ts";

interface Answer {
  readonly status: number;
  readonly code?: string;
}

const ANSWERS: Readonly<Record<ErrorKind, Answer>> = {
  "bad-request": { status: 400 },
  "not-found": { status: 404 },
  "no-such-instance": { status: 404, code: "NO_SUCH_INSTANCE" },
  conflict: { status: 409, code: "CONFLICT" },
  "managed-by-config": { status: 409, code: "MANAGED_BY_CONFIG" },
  "subnet-attached": { status: 409, code: "SUBNET_ALREADY_ATTACHED" },
  generation: { status: 409, code: "GENERATION" },
  "underlay-join-failed": { status: 503, code: "UNDERLAY_JOIN_FAILED" },
  "driver-unavailable": { status: 503, code: "DRIVER_UNAVAILABLE" },
  "driver-refused": { status: 409, code: "DRIVER_REFUSED" },
  "driver-busy": { status: 503, code: "DRIVER_REFUSED" },
  "resource-limit": { status: 503, code: "RESOURCE_LIMIT" },
  "lane-full": { status: 503, code: "LANE_FULL" },
  internal: { status: 500, code: "Internal" },
};

type Headers = Readonly<Record<string, string>>;

/** A refusal that HTTP itself makes: no such path, a wrong method, too large a body, a closed door. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  /** What the status asks for beside its message. */
  readonly headers: Headers;

  constructor(status: number, message: string, headers: Headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Headers;
  /** Ours to mend: to be logged with its cause. */
  readonly defect: boolean;
}

export function errorBody(requestId: string, message: string, code?: string): string {
  const body = { request_id: requestId, message, ...(code === undefined ? {} : { error_code: code }) };
  return `${JSON.stringify(body, undefined, 2)}\n`;
}

/** Fastify's and Node's own errors have a statusCode; what is below 500 is the client's to know. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500 ? status : 500;
}

export function answerTo(error: unknown, requestId: string): ErrorAnswer {
  if (error instanceof HttpError) {
    const { status, headers, message } = error;
    return { status, body: errorBody(requestId, message), headers, defect: false };
  }
  if (error instanceof SledcastError && error.kind !== "internal") {
    const { status, code } = ANSWERS[error.kind];
    // Seconds after which it is worth trying again.
    const retry = error.kind === "lane-full" ? { headers: { "retry-after": "1" } } : {};
    return { status, body: errorBody(requestId, error.message, code), defect: false, ...retry };
  }
  const status = statusOf(error);
  if (status < 500) return { status, body: errorBody(requestId, messageOf(error)), defect: false };
  // Only the standard phrase leaves the house; the cause is in the log under the request's id.
  return { status, body: errorBody(requestId, STATUS_CODES[500] as string, ANSWERS.internal.code), defect: true };
}
