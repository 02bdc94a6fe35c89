/** Liveness, readiness and metrics. */
import type { FastifyInstance } from "fastify";
import type { SledAgent } from "../../agent/agent.ts";
import type { Metrics } from "../../metrics.ts";
import * as schemas from "../schemas/own.ts";
import { addRoute } from "./route.ts";

const HEALTH = { tag: "health", method: "GET" } as const;

export function healthRoutes(app: FastifyInstance, agent: SledAgent, metrics: Metrics): void {
  addRoute(app, {
    ...HEALTH,
    path: "/healthz",
    operationId: "healthz",
    summary: "The process answers",
    answers: { 200: schemas.health },
    handle: async () => ({ status: "ok" }),
  });
  addRoute(app, {
    ...HEALTH,
    path: "/readyz",
    operationId: "readyz",
    summary:
      "503 until driver, configuration, memberships and NIC joins have each been tried once; 200 after, with what is degraded",
    answers: { 200: schemas.readiness, 503: schemas.readiness },
    handle: async (_request, reply) => {
      const { ready, steps, degraded, running } = agent.readiness;
      return reply.code(ready ? 200 : 503).send({ ready, steps, degraded, running: running ?? null });
    },
  });
  addRoute(app, {
    ...HEALTH,
    path: "/metrics",
    operationId: "metrics",
    summary: "Metrics in Prometheus' text format",
    answers: { 200: { type: "string" } },
    handle: async (_request, reply) => {
      const { contentType, text } = await metrics.scrape();
      return reply.header("content-type", contentType).send(text);
    },
  });
}
