/** The declared configuration: everything this sled is to hold, in one request. */
import type { FastifyInstance } from "fastify";
import type { SledAgent } from "../../agent/agent.ts";
import type { ConfigOutcome, FailedEntry } from "../../multicast/config-in-force.ts";
import { parseConfig } from "../parse/multicast.ts";
import { done } from "../schemas/basic.ts";
import { type ConfigBody, config, outcome } from "../schemas/config.ts";
import { forwardingBody } from "./networking.ts";
import { addRoute, bodyOf, noContent } from "./route.ts";

const CONFIG = { path: "/multicast/config", tag: "multicast" } as const;
/** Some 100,000 groups. */
const MAX_BODY_BYTES = 32 << 20;

function failureBody(failure: FailedEntry) {
  const entry = failure.thing === "mapping" ? failure.entry : forwardingBody(failure.entry);
  return { entry, action: failure.action, error: failure.error };
}

function outcomeBody({ generation, applied, failed }: ConfigOutcome) {
  return { generation, applied, failed: failed.map(failureBody) };
}

export function configRoutes(app: FastifyInstance, agent: SledAgent): void {
  addRoute(app, {
    ...CONFIG,
    method: "GET",
    operationId: "get_multicast_config",
    summary: "The configuration in force; 404 where there is none",
    answers: { 200: config },
    handle: async () => {
      const { generation, sortedContent: content } = agent.config;
      return { generation, m2p: content.m2p, forwarding: content.forwarding.map(forwardingBody) };
    },
  });
  addRoute(app, {
    ...CONFIG,
    method: "PUT",
    operationId: "put_multicast_config",
    summary:
      "Put a configuration in force: driver and NICs are brought to it by the difference, and kept there. An older generation, or the same with other content, is refused",
    body: bodyOf<ConfigBody>(config),
    bodyLimit: MAX_BODY_BYTES,
    answers: { 200: outcome },
    handle: async (_request, _reply, body) => outcomeBody(await agent.putConfig(parseConfig(body))),
  });
  addRoute(app, {
    ...CONFIG,
    method: "DELETE",
    operationId: "delete_multicast_config",
    summary: "Give control back and forget the generation; the driver stays as it is",
    answers: { 204: done },
    handle: async (_request, reply) => {
      await agent.releaseConfig();
      return noContent(reply);
    },
  });
}
