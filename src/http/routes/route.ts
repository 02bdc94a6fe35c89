/** What every route here has in common: a summary, versions, and a body that is checked before its handler. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { inRange, requestedVersion } from "../api-version.ts";
import { errorAnswers } from "../schemas/basic.ts";
import { type Validator, validator } from "../validation.ts";
import { parametersCheck, parametersOf, parametersSchema } from "./path-parameters.ts";

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

export function addRoute<T>(app: FastifyInstance, route: Route<T>): void {
  const { body, shared, older } = route;
  const parameters = parametersOf(route.path);
  const since = older?.since ?? shared?.since;
  const current: Handler = (request, reply) => {
    const wrong = body?.check(request.body);
    if (wrong !== undefined) throw wrong;
    return route.handle(request, reply, request.body as T);
  };
  const handle = older === undefined ? current : byVersion(older, shared?.since, current);
  const handler: Handler = (request, reply) =>
    request.bodyRoom === undefined ? handle(request, reply) : request.bodyRoom.during(() => handle(request, reply));
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
    ...(parameters.length > 0 && { onRequest: parametersCheck(parameters) }),
    schema: {
      summary: route.summary,
      operationId: route.operationId,
      tags: [route.tag],
      ...(parameters.length > 0 && { params: parametersSchema(parameters) }),
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
