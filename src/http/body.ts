/**
 * Request bodies: JSON, with dropshot's rules for content types. No content type is JSON, any
 * `+json` is JSON, and what is sent besides the JSON value is refused.
 */
import { isUtf8 } from "node:buffer";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { badRequest, messageOf, type SledcastError } from "../error.ts";
import { HttpError } from "./errors.ts";
import { type BodyRoom, countedInto, LargeBodies } from "./large-bodies.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Keep the body's text beside its value, for what has to be kept as it was sent. */
    readonly keepText?: boolean;
    /** Whether the route has a body; what is sent to one that has none is read and ignored. */
    readonly hasBody?: boolean;
  }
  interface FastifyInstance {
    largeBodies: LargeBodies;
  }
  interface FastifyRequest {
    /** Where its body is a large one. */
    bodyRoom: BodyRoom | undefined;
    bodyText?: string;
  }
}

export const MAX_BODY_BYTES = 1 << 20;
/** Types that dropshot knows, but not for these endpoints. */
const OTHER_KNOWN = new Set(["application/x-www-form-urlencoded", "application/octet-stream", "multipart/form-data"]);
const VISIBLE_ASCII = /^[\x20-\x7e]*$/;
const JSON_TYPE = /^application\/(?:[^\s;]+\+)?json$/;

function checkContentType(header: string | undefined): void {
  if (header === undefined || header === "application/json") return;
  const type = (header.split(";", 1)[0] as string).trim().toLowerCase();
  if (!VISIBLE_ASCII.test(header) || !JSON_TYPE.test(type)) throw unsupportedType(header);
}

export function unsupportedType(header = ""): SledcastError {
  if (!VISIBLE_ASCII.test(header)) return badRequest("invalid content type: not ASCII");
  const type = (header.split(";", 1)[0] as string).trim().toLowerCase();
  return badRequest(
    OTHER_KNOWN.has(type)
      ? `expected content type "application/json", got "${type}"`
      : `unsupported content-type: ${header}`,
  );
}

function parseJson(bytes: Buffer): { readonly value: unknown; readonly text: string } {
  if (bytes.length === 0) throw badRequest("unable to parse JSON body: the body is empty");
  if (!isUtf8(bytes)) throw badRequest("unable to parse JSON body: not UTF-8");
  const text = bytes.toString("utf8");
  try {
    return { value: JSON.parse(text), text };
  } catch (error) {
    throw badRequest(`unable to parse JSON body: ${messageOf(error)}`);
  }
}

function parseBody(request: FastifyRequest, bytes: Buffer): unknown {
  const { hasBody, keepText } = request.routeOptions.config;
  if (!hasBody) return undefined;
  checkContentType(request.headers["content-type"]);
  const { value, text } = parseJson(bytes);
  if (keepText) request.bodyText = text;
  return value;
}

export function acceptJsonBodies(app: FastifyInstance): void {
  const largeBodies = new LargeBodies();
  app.decorate("largeBodies", largeBodies);
  app.decorateRequest("bodyRoom", undefined);
  // The last that is asked before a body is read: who may not ask takes no room.
  app.addHook("preParsing", (request, reply, payload, next) => {
    const { headers, routeOptions } = request;
    const limit = routeOptions.bodyLimit ?? MAX_BODY_BYTES;
    const room = largeBodies.admit(headers, limit, reply.raw);
    request.bodyRoom = room;
    const isCounted = room !== undefined && headers["content-length"] === undefined;
    next(null, isCounted ? countedInto(room, payload, limit) : payload);
  });
  app.removeAllContentTypeParsers();
  // Named besides the rest: Fastify finds a named type much faster.
  for (const type of ["application/json", "*"]) {
    app.addContentTypeParser(
      type,
      { parseAs: "buffer", bodyLimit: MAX_BODY_BYTES },
      (request: FastifyRequest, bytes: Buffer, done) => {
        let value: unknown;
        try {
          value = parseBody(request, bytes);
        } catch (error) {
          done(error as Error);
          return;
        }
        done(null, value);
      },
    );
  }
}

/** Fastify's word for a body over the limit, in ours. `limit`: the route's own, if it has one. */
export function bodyTooLarge(limit: number = MAX_BODY_BYTES): HttpError {
  return new HttpError(413, `request body exceeded maximum size of ${limit} bytes`);
}
