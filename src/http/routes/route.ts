/** What every route here has in common: a summary, versions, and a body that is checked before its handler. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { badRequest } from "../../error.ts";
import { parseUuid, type Uuid } from "../../uuid.ts";
import { inRange, requestedVersion } from "../api-version.ts";
import { errorAnswers, uuid } from "../schemas/basic.ts";
import { type Validator, validator } from "../validation.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Of the sled-agent API, from this version on; left out of ours, which have no versions. */
    readonly since?: string;
    /** One of the original's paths, on which the version header counts. */
    readonly shared?: boolean;
  }
}

/** A body's schema, with the type of what passes it. */
export interface Body<T> {
  readonly schema: object;
  readonly check: Validator;
  /** Only for the compiler. */
  readonly passed?: T;
}

/** `T` is `FromSchema` of the schema, or, where that says too little, said by hand. */
export function bodyOf<T>(schema: object): Body<T> {
  return { schema, check: validator(schema) };
}

export interface OlderVariant {
  /** The first version that has it. */
  readonly since: string;
  readonly body: Body<never>;
  handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}

export interface Route<T> {
  readonly method: HTTPMethods;
  readonly path: string;
  readonly summary: string;
  readonly operationId: string;
  readonly tag: "networking" | "vmms" | "multicast" | "health";
  /** One of the original's paths, and the version it is in from; left out for paths of our own. */
  readonly shared?: { readonly since?: string };
  readonly body?: Body<T>;
  /** Bytes; left out: 1 MiB. */
  readonly bodyLimit?: number;
  /** For the document; the handler reads them. */
  readonly query?: object;
  readonly headers?: object;
  readonly keepText?: boolean;
  /** Success: status and what it says. */
  readonly answers: Readonly<Record<number, object>>;
  /** The same path and method in versions before `shared.since`: another body. */
  readonly older?: OlderVariant;
  handle(request: FastifyRequest, reply: FastifyReply, body: T): Promise<unknown>;
}

const idParams = { type: "object", properties: { propolis_id: uuid }, required: ["propolis_id"] } as const;

/** The id was checked before anything else of the request. */
export function propolisId(request: FastifyRequest): Uuid {
  return parseUuid((request.params as { propolis_id: string }).propolis_id) as Uuid;
}

/** A bad id is told before a bad body, as in the original: it is looked at before the body is read. */
async function checkPropolisId(request: FastifyRequest): Promise<void> {
  const text = (request.params as { propolis_id: string }).propolis_id;
  if (parseUuid(text) === undefined) throw badRequest(`bad parameter in URL path: propolis_id: ${text} is not a UUID`);
}

export function addRoute<T>(app: FastifyInstance, route: Route<T>): void {
  const { body, shared, older } = route;
  const hasId = route.path.includes(":propolis_id");
  const since = older?.since ?? shared?.since;
  const current: Handler = (request, reply) => {
    const wrong = body?.check(request.body);
    if (wrong !== undefined) throw wrong;
    return route.handle(request, reply, request.body as T);
  };
  const handle = older === undefined ? current : byVersion(older, shared?.since, current);
  const handler: Handler = (request, reply) => app.largeBodies.during(request.bodyBytes, () => handle(request, reply));
  app.route({
    method: route.method,
    url: route.path,
    config: {
      shared: shared !== undefined,
      hasBody: body !== undefined,
      ...(since !== undefined && { since }),
      ...(route.keepText && { keepText: true }),
    },
    ...(route.bodyLimit !== undefined && { bodyLimit: route.bodyLimit }),
    ...(hasId && { onRequest: checkPropolisId }),
    schema: {
      summary: route.summary,
      operationId: route.operationId,
      tags: [route.tag],
      ...(hasId && { params: idParams }),
      ...(route.query !== undefined && { querystring: route.query }),
      ...(route.headers !== undefined && { headers: route.headers }),
      ...(body !== undefined && { body: body.schema }),
      response: { ...route.answers, ...errorAnswers },
    },
    handler,
  });
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

function byVersion(older: OlderVariant, since: string | undefined, current: Handler): Handler {
  return (request, reply) => {
    if (inRange(requestedVersion(request.raw), since)) return current(request, reply);
    const wrong = older.body.check(request.body);
    if (wrong !== undefined) throw wrong;
    return older.handle(request, reply);
  };
}

/** The answer to a change: it is so, and there is nothing to say. */
export function noContent(reply: FastifyReply): FastifyReply {
  return reply.code(204).send();
}
