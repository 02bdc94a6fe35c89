/** How what is not made JSON by Fastify is sent: lists with their age, and numbers that a double cannot say. */
import type { FastifyReply } from "fastify";
import { stringify } from "lossless-json";
import type { Listed } from "../../agent/lists.ts";

/** What is JSON already. */
export function sendJson(reply: FastifyReply, json: string): FastifyReply {
  return reply.header("content-type", "application/json").send(Buffer.from(json));
}

/** A list that is not fresh says how old it is (RFC 9111 §5.1). */
export function sendList<T>(
  reply: FastifyReply,
  listed: Listed<T>,
  json: (entries: readonly T[]) => string,
): FastifyReply {
  if (listed.age !== undefined) reply.header("age", listed.age);
  return sendJson(reply, json(listed.entries));
}

/** Generations and versions have 64 bits, which `JSON.stringify` cannot say. */
export function sendExact(reply: FastifyReply, body: object): FastifyReply {
  return sendJson(reply, stringify(body) as string);
}

/**
 * Entries whose JSON is put together by hand: what is in them is canonical text and numbers, which
 * hold nothing that JSON escapes.
 */
export function listJson<T>(entries: readonly T[], entryJson: (entry: T) => string): string {
  let json = "";
  for (const entry of entries) json += json === "" ? entryJson(entry) : `,${entryJson(entry)}`;
  return `[${json}]`;
}
