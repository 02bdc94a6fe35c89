/** What this agent tells beyond the original: tables, VMMs, adoption, audit, status. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { stringify } from "lossless-json";
import type { SledAgent } from "../../agent/agent.ts";
import type { PortSummary } from "../../agent/port-list.ts";
import { badRequest } from "../../error.ts";
import { countersOf, type XdeCounters } from "../../opte/kstats.ts";
import { VERSION } from "../../version.ts";
import type { Vmm } from "../../vmm/vmm.ts";
import { done } from "../schemas/basic.ts";
import * as schemas from "../schemas/own.ts";
import { ensureBody } from "../schemas/vmm.ts";
import { sendJson, sendList } from "./answers.ts";
import { propolisId } from "./path-parameters.ts";
import { addRoute, bodyOf, noContent } from "./route.ts";

function portBody({ propolisId: id, vni, ...port }: PortSummary) {
  return { ...port, vni: vni ?? null, propolis_id: id };
}

function portBodyWithStats(port: PortSummary, counters: XdeCounters | undefined) {
  const stats = counters && countersOf(counters, port.name);
  return { ...portBody(port), stats: stats === undefined ? null : Object.fromEntries(stats) };
}

function wantsStats({ query }: FastifyRequest): boolean {
  const { stats = "false" } = query as { readonly stats?: string | readonly string[] };
  if (stats !== "true" && stats !== "false") throw badRequest(`stats: ${stats} is neither true nor false`);
  return stats === "true";
}

function vmmBody({ id, origin, ports, runtime, ...vmm }: Vmm) {
  const instance = "registration" in vmm ? { instance_id: vmm.registration.instanceId } : {};
  return { propolis_id: id, ...instance, origin, ports, state: runtime.state };
}

export function ownRoutes(app: FastifyInstance, agent: SledAgent): void {
  addRoute(app, {
    method: "GET",
    path: "/networking/mcast-subs",
    tag: "networking",
    operationId: "list_mcast_subs",
    summary: "The driver's subscriptions, by underlay group",
    answers: { 200: schemas.subscriptions },
    handle: async (_request, reply) =>
      sendList(reply, await agent.listSubscriptions(), (entries) => JSON.stringify(entries)),
  });
  addRoute(app, {
    method: "GET",
    path: "/networking/mcast-filters",
    tag: "networking",
    operationId: "list_mcast_filters",
    summary: "The underlay groups joined on the NICs, and for which overlay groups",
    answers: { 200: schemas.filters },
    handle: async () =>
      agent.listFilters().map(({ nics, ...filter }) => ({
        ...filter,
        nics: nics.map((nic) => ({ ...nic, index: nic.index ?? null })),
      })),
  });
  addRoute(app, {
    method: "GET",
    path: "/networking/ports",
    tag: "networking",
    operationId: "list_ports",
    summary: "The driver's ports and whose they are",
    query: schemas.portsQuery,
    answers: { 200: schemas.ports },
    handle: async (request, reply) => {
      const withStats = wantsStats(request);
      const ports = await agent.listPorts();
      if (!withStats) return sendList(reply, ports, (entries) => JSON.stringify(entries.map(portBody)));
      // After the list, so that a port in it has its counters unless it went since. They have 64 bits.
      const counters = await agent.counters();
      return sendList(
        reply,
        ports,
        (entries) => stringify(entries.map((port) => portBodyWithStats(port, counters))) as string,
      );
    },
  });
  vmmInspectionRoutes(app, agent);
  multicastRoutes(app, agent);
}

function vmmInspectionRoutes(app: FastifyInstance, agent: SledAgent): void {
  addRoute(app, {
    method: "GET",
    path: "/vmms",
    tag: "vmms",
    operationId: "list_vmms",
    summary: "The VMMs of this sled",
    answers: { 200: schemas.vmms },
    handle: async () => agent.listVmms().map(vmmBody),
  });
  addRoute(app, {
    method: "GET",
    path: "/vmms/:propolis_id/registration",
    tag: "vmms",
    operationId: "get_vmm_registration",
    summary: "What a VMM was registered with, as it was sent",
    answers: { 200: ensureBody },
    handle: async (request, reply) => sendJson(reply, agent.registrationOf(propolisId(request))),
  });
  addRoute(app, {
    method: "GET",
    path: "/vmms/:propolis_id/multicast-group",
    tag: "vmms",
    operationId: "list_vmm_multicast_groups",
    summary: "A VMM's memberships, by group, and how far each has come",
    answers: { 200: schemas.memberships },
    handle: async (request) =>
      agent
        .memberships(propolisId(request))
        .map(({ group, sources, status }) => ({ group_ip: group, sources, ...status })),
  });
  addRoute(app, {
    method: "PUT",
    path: "/vmms/:propolis_id/ports",
    tag: "vmms",
    operationId: "adopt_ports",
    summary:
      "Take ports that exist in the driver as a VMM's own; again replaces the list. Adopted ports are never deleted",
    body: bodyOf<schemas.AdoptionBody>(schemas.adoption),
    answers: { 204: done },
    handle: async (request, reply, { ports, primary }) => {
      if (new Set(ports).size !== ports.length) throw badRequest("ports: a port is listed twice");
      if (!ports.includes(primary)) throw badRequest(`primary: ${primary} is not one of the ports`);
      await agent.adopt(propolisId(request), ports, primary);
      return noContent(reply);
    },
  });
}

function multicastRoutes(app: FastifyInstance, agent: SledAgent): void {
  addRoute(app, {
    method: "POST",
    path: "/multicast/audit",
    tag: "multicast",
    operationId: "run_audit",
    summary: "Hold the driver's tables against what should be, now; answers what was found and done",
    answers: { 200: schemas.auditReport },
    handle: async () => agent.audit(),
  });
  addRoute(app, {
    method: "GET",
    path: "/multicast/status",
    tag: "multicast",
    operationId: "multicast_status",
    summary: "Counts, what is pending and why, what is degraded and why, the last audits, the driver",
    answers: { 200: schemas.status },
    handle: async () => {
      const { driver, joinBinding, lane, pending, generation, ...status } = agent.status();
      return {
        version: VERSION,
        ...status,
        generation: generation ?? null,
        pending: pending.map(({ propolisId: id, ...rest }) => ({ ...rest, propolis_id: id })),
        driver: {
          kind: driver.kind,
          api_version: driver.apiVersion,
          through: driver.through,
          binding: driver.binding ?? null,
          ...(driver.unavailable === undefined ? {} : { unavailable: driver.unavailable }),
          busy_with: driver.busyWith ?? null,
        },
        join_binding: joinBinding,
        lane: { ...lane, running: lane.running ?? null },
      };
    },
  });
}
