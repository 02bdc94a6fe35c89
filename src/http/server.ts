/**
 * The HTTP server: Fastify with dropshot's manners. A plugin-free builder that never listens; the
 * daemon does that, tests inject.
 */
import { randomUUID } from "node:crypto";
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from "fastify";
import type { SledAgent } from "../agent/agent.ts";
import type { NetworkOperations } from "../agent/network.ts";
import { badRequest, messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { inRange, requestedVersion } from "./api-version.ts";
import { acceptJsonBodies, bodyTooLarge, MAX_BODY_BYTES, unsupportedType } from "./body.ts";
import { answerBrokenRequests, answerTheUnexpected, REQUEST_ID } from "./connection.ts";
import { Doors } from "./doors/doors.ts";
import { answerTo } from "./errors.ts";
import { followExchange } from "./exchanges.ts";
import { describeApi } from "./openapi.ts";
import { normalizeUrl, pathSegments, RouteTable } from "./paths.ts";
import { RequestLog } from "./request-log.ts";
import { attachmentRoutes } from "./routes/attachments.ts";
import { configRoutes } from "./routes/config.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { networkingRoutes } from "./routes/networking.ts";
import { ownRoutes } from "./routes/own.ts";
import { vmmRoutes } from "./routes/vmms.ts";
import { vpcRoutes } from "./routes/vpc.ts";

export interface ServerOptions {
  readonly agent: SledAgent;
  /** What belongs to ports beside multicast; left out: the agent does it. */
  readonly network?: NetworkOperations;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Writes at every level of the log; left out: the log. */
  readonly audit?: Log;
  /** Left out: limits, and nothing else that is asked of a request. */
  readonly doors?: Doors;
}

/**
 * Bodies are checked in their handlers, answers are made by us: Fastify's compilers have nothing to
 * do, and said here, they are not even loaded.
 */
const NO_COMPILERS = {
  compilersFactory: {
    buildValidator: () => () => () => true,
    buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
  },
} as unknown as NonNullable<FastifyServerOptions["schemaController"]>;

/** Longer than Node lets a request line be. */
const MAX_URL = 1 << 16;

export async function buildServer({
  agent,
  network = agent.network,
  metrics,
  log,
  audit = log,
  doors = new Doors(),
}: ServerOptions): Promise<FastifyInstance> {
  const requests = new RequestLog(log, audit, doors);
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    rewriteUrl: (request) => normalizeUrl(request.url ?? "/"),
    bodyLimit: MAX_BODY_BYTES,
    serverFactory: (handle) => doors.listener(handle, log, metrics),
    // Those with a whole request are finished.
    forceCloseConnections: "idle",
    // Until its connection ends, a client of a closing server is served as ever.
    return503OnClosing: false,
    routerOptions: {
      // An id that is too long is no UUID, which is said in our words, not the router's.
      maxParamLength: MAX_URL,
    },
    schemaController: NO_COMPILERS,
    clientErrorHandler: answerBrokenRequests(requests),
    frameworkErrors: (error, request, reply) => answerFrameworkError(error, request, reply, { doors, requests, log }),
  });
  acceptJsonBodies(app);

  const table = new RouteTable();
  app.addHook("onRoute", ({ method, url, config }) => {
    const { since, shared = false } = config ?? {};
    for (const one of [method].flat()) table.add(url, { method: one, shared, since });
  });
  app.addHook("onRequest", (request, reply, next) => {
    reply.header(REQUEST_ID, request.id);
    followExchange(request.raw, reply.raw);
    requests.begin(request);
    doors.admit(request.raw, request.routeOptions.url);
    // A version that is none is told first; in one that lacks the endpoint the path is as good as unknown.
    const { shared, since } = request.routeOptions.config;
    const served = !request.is404 && (!shared || inRange(requestedVersion(request.raw), since));
    if (!served) table.refuse(request.url, () => requestedVersion(request.raw), reply);
    if (request.url.includes(".") || request.url.includes("%")) pathSegments(request.url);
    next();
  });
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
    doors.closing();
  });
  // JSON is UTF-8 by definition (RFC 8259): the original's answers name no charset, and neither do ours. Only values that
  // are still to be made JSON come here; what is JSON already is sent as bytes, to which no charset is added.
  app.addHook("preSerialization", (_request, reply, payload, next) => {
    reply.header("content-type", "application/json");
    next(null, payload);
  });
  app.addHook("onSend", (request, reply, payload, next) => {
    requests.decided(request, reply);
    next(null, payload);
  });
  app.addHook("onResponse", (request, reply, next) => {
    const seconds = reply.elapsedTime / 1000;
    metrics.request(request.routeOptions.url ?? "none", reply.statusCode, seconds);
    requests.answered(request, reply);
    // A connection whose last request was answered would keep a closing server waiting for its client.
    if (closing) app.server.closeIdleConnections();
    next();
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, { requests, log }));
  // Never reached, the hook above refuses first; without it Fastify would make its own.
  app.setNotFoundHandler((request, reply) => table.refuse(request.url, () => requestedVersion(request.raw), reply));

  describeApi(app);
  networkingRoutes(app, agent);
  vmmRoutes(app, agent);
  attachmentRoutes(app, network);
  vpcRoutes(app, network);
  ownRoutes(app, agent);
  configRoutes(app, agent);
  eventRoutes(app, agent);
  healthRoutes(app, agent, metrics);
  answerTheUnexpected(app.server, requests);
  return app;
}

interface Refusing {
  readonly requests: RequestLog;
  readonly log: Log;
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { requests, log }: Refusing,
): FastifyReply {
  const answer = answerTo(inOurWords(error, request), request.id);
  const { message } = JSON.parse(answer.body) as { readonly message: string };
  requests.refused(request, message);
  if (answer.headers !== undefined) reply.headers(answer.headers);
  if (answer.status >= 500) {
    const fields = { req_id: request.id, method: request.method, uri: request.originalUrl, error: causes(error) };
    if (answer.defect)
      log.error({ ...fields, stack: (error as Error).stack }, "request failed by a defect of this program");
    else log.warn(fields, "request failed");
  }
  return reply.code(answer.status).header("content-type", "application/json").send(Buffer.from(answer.body));
}

/** Refusals that Fastify makes before our code is asked. */
function inOurWords(error: unknown, request: FastifyRequest): unknown {
  switch (error instanceof Error ? (error as FastifyError).code : undefined) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return bodyTooLarge(request.routeOptions.bodyLimit);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return unsupportedType(request.headers["content-type"]);
    case "FST_ERR_BAD_URL":
      return badRequest("invalid path encoding");
    default:
      return error;
  }
}

function causes(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${causes(cause)}`;
}

/** A URL that cannot be decoded never reaches a hook; doors are before it, and a bad version, all the same. */
function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  { doors, requests, log }: Refusing & { readonly doors: Doors },
): void {
  reply.header(REQUEST_ID, request.id);
  followExchange(request.raw, reply.raw);
  let refusal: unknown = error;
  try {
    doors.admit(request.raw, undefined);
    requestedVersion(request.raw);
  } catch (earlier) {
    refusal = earlier;
  }
  void answerError(refusal, request, reply, { requests, log });
  requests.decided(request, reply);
  reply.raw.once("finish", () => requests.answered(request, reply));
}
