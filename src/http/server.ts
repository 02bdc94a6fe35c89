/**
 * The HTTP server: Fastify with dropshot's manners. A plugin-free builder that never listens; the
 * daemon does that, tests inject.
 */
import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { SledAgent } from "../agent/agent.ts";
import { badRequest, messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { requestedVersion, versionStrategy } from "./api-version.ts";
import { acceptJsonBodies, bodyTooLarge } from "./body.ts";
import { answerTo, errorBody } from "./errors.ts";
import { describeApi } from "./openapi.ts";
import { normalizeUrl, pathSegments, RouteTable } from "./paths.ts";
import { healthRoutes } from "./routes/health.ts";
import { networkingRoutes } from "./routes/networking.ts";
import { ownRoutes } from "./routes/own.ts";
import { vmmRoutes } from "./routes/vmms.ts";

export interface ServerOptions {
  readonly agent: SledAgent;
  readonly metrics: Metrics;
  readonly log: Log;
}

const REQUEST_ID = "x-request-id";
const JSON_WITH_CHARSET = "application/json; charset=utf-8";

export async function buildServer({ agent, metrics, log }: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    rewriteUrl: (request) => normalizeUrl(request.url ?? "/"),
    http: { requireHostHeader: false },
    // A closing server ends requests that wait for more bytes; those with a whole request are finished.
    forceCloseConnections: "idle",
    // Until its connection ends, a client of a closing server is served as ever.
    return503OnClosing: false,
    routerOptions: { constraints: { apiVersion: versionStrategy as never } },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, log),
    frameworkErrors: (error, request, reply) => answerFrameworkError(error, request, reply, log),
  });
  // Bodies are checked in their handlers, answers are made by us: Fastify's compilers have nothing to do.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  acceptJsonBodies(app);

  const table = new RouteTable();
  app.addHook("onRoute", ({ method, url, config }) => {
    const { since, until } = config ?? {};
    for (const one of [method].flat()) table.add(url, one, since, until);
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header(REQUEST_ID, request.id);
    if (request.is404 || request.routeOptions.config.shared) {
      const version = requestedVersion(request.raw);
      if (request.url.includes(".") || request.url.includes("%")) pathSegments(request.url);
      if (request.is404) table.refuse(request.url, version, reply);
    }
  });
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onSend", (_request, reply, payload, next) => {
    // The last request of a connection ends it, or the server would wait for the client to.
    if (closing) reply.header("connection", "close");
    // JSON is UTF-8 by definition (RFC 8259); the original's answers name no charset, and neither do ours.
    if (reply.getHeader("content-type") === JSON_WITH_CHARSET) reply.header("content-type", "application/json");
    next(null, payload);
  });
  app.addHook("onResponse", async (request, reply) => {
    const seconds = reply.elapsedTime / 1000;
    metrics.request(request.routeOptions.url ?? "none", reply.statusCode, seconds);
    logRequest(log, request, reply);
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) => table.refuse(request.url, requestedVersion(request.raw), reply));

  await describeApi(app);
  networkingRoutes(app, agent);
  vmmRoutes(app, agent);
  ownRoutes(app, agent);
  healthRoutes(app, agent, metrics);
  answerExpectations(app);
  return app;
}

/** One record a request, with dropshot's field names. */
function logRequest(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  const fields = {
    req_id: request.id,
    remote_addr: request.ip,
    method: request.method,
    uri: request.originalUrl,
    response_code: reply.statusCode,
    latency_us: Math.round(reply.elapsedTime * 1000),
  };
  log.info(fields, "request completed");
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const tooLarge = error instanceof Error && (error as FastifyError).code === "FST_ERR_CTP_BODY_TOO_LARGE";
  const answer = answerTo(tooLarge ? bodyTooLarge() : error, request.id);
  if (answer.retryAfter !== undefined) reply.header("retry-after", answer.retryAfter);
  if (answer.status >= 500) {
    const fields = { req_id: request.id, method: request.method, uri: request.originalUrl, error: causes(error) };
    if (answer.defect)
      log.error({ ...fields, stack: (error as Error).stack }, "request failed by a defect of this program");
    else log.warn(fields, "request failed");
  }
  return reply.code(answer.status).header("content-type", "application/json").send(answer.body);
}

function causes(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${causes(cause)}`;
}

/** A URL that cannot be decoded never reaches a hook. */
function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  reply.header(REQUEST_ID, request.id);
  const undecodable = error.code === "FST_ERR_BAD_URL";
  void answerError(undecodable ? badRequest("invalid path encoding") : error, request, reply, log);
}

const PARSER_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** What is not HTTP gets an answer of the same form, written by hand, and its connection is closed. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, log: Log): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const id = randomUUID();
  const status = PARSER_STATUS[error.code ?? ""] ?? 400;
  const body = errorBody(id, `not a request that can be read: ${error.message}`);
  log.info(
    { req_id: id, remote_addr: socket.remoteAddress, response_code: status, error: error.message },
    "broken request",
  );
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
function answerExpectations(app: FastifyInstance): void {
  app.server.on("checkExpectation", (_request, response) => {
    const id = randomUUID();
    response.writeHead(417, { "content-type": "application/json", [REQUEST_ID]: id });
    response.end(errorBody(id, "the expectation of this request cannot be met; leave the `expect` header out"));
  });
}
