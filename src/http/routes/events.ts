/** `GET /multicast/events`: changes as they become true. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { SledAgent } from "../../agent/agent.ts";
import { badRequest, SledcastError } from "../../error.ts";
import { EVENT_KINDS, type EventKind } from "../../events.ts";
import { EventStream } from "../event-stream.ts";
import { eventStream, eventsHeaders, eventsQuery } from "../schemas/events.ts";
import { addRoute } from "./route.ts";

const MOST_STREAMS = 64;

function lastEventId(request: FastifyRequest): number | undefined {
  const text = request.headers["last-event-id"];
  if (text === undefined) return undefined;
  const id = typeof text === "string" && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(id)) throw badRequest(`bad value for header "last-event-id": ${text} is no event's number`);
  return id;
}

function wantedKinds({ query }: FastifyRequest): ReadonlySet<EventKind> | undefined {
  const { kinds } = query as { readonly kinds?: string | readonly string[] };
  if (kinds === undefined) return undefined;
  const names = [kinds].flat().flatMap((list) => list.split(","));
  return new Set(
    names.map((name) => {
      const kind = EVENT_KINDS.find((one) => one === name);
      if (kind === undefined) throw badRequest(`kinds: ${name} is not one of ${EVENT_KINDS.join(", ")}`);
      return kind;
    }),
  );
}

export function eventRoutes(app: FastifyInstance, agent: SledAgent): void {
  const open = new Set<EventStream>();
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
    for (const stream of open) stream.finish();
  });
  addRoute(app, {
    method: "GET",
    path: "/multicast/events",
    tag: "multicast",
    operationId: "multicast_events",
    summary: "Follow what changes on this sled; a client that comes back names the last event it had",
    query: eventsQuery,
    headers: eventsHeaders,
    answers: { 200: eventStream },
    handle: async (request, reply) => {
      const [after, kinds] = [lastEventId(request), wantedKinds(request)];
      if (closing) throw new SledcastError("resource-limit", "the agent is stopping; try again when it is back");
      if (open.size >= MOST_STREAMS) {
        throw new SledcastError(
          "resource-limit",
          `${open.size} clients follow the events already, which is the limit; end one of them first`,
        );
      }
      const stream = new EventStream({ log: agent.events, after, kinds, cut: () => void reply.raw.destroy() });
      open.add(stream);
      stream.once("close", () => open.delete(stream));
      return reply
        .header("content-type", "text/event-stream")
        .header("cache-control", "no-store")
        .header("x-accel-buffering", "no")
        .send(stream);
    },
  });
}
