/** The original's VMM endpoints: registration, state, membership. */
import type { FastifyInstance } from "fastify";
import type { SledAgent } from "../../agent/agent.ts";
import { badRequest } from "../../error.ts";
import type { Vmm, VmmState } from "../../vmm/vmm.ts";
import { MCAST_M2P_FORWARDING, MULTICAST_SUPPORT } from "../api-version.ts";
import { parseGroup, parseMembership } from "../parse/multicast.ts";
import { parseRegistration } from "../parse/registration.ts";
import { done } from "../schemas/basic.ts";
import { type MembershipBody, membership, type TaggedMembershipBody, taggedMembership } from "../schemas/multicast.ts";
import * as schemas from "../schemas/vmm.ts";
import { sendExact } from "./answers.ts";
import { propolisId } from "./path-parameters.ts";
import { addRoute, bodyOf, noContent } from "./route.ts";

const VMM = { path: "/vmms/:propolis_id", tag: "vmms", shared: {} } as const;
const STATE = { path: "/vmms/:propolis_id/state", tag: "vmms", shared: {} } as const;
const GROUP = {
  path: "/vmms/:propolis_id/multicast-group",
  tag: "vmms",
  shared: { since: MCAST_M2P_FORWARDING },
} as const;

function sledVmmState(vmm: Vmm) {
  const { state, gen, timeUpdated } = vmm.runtime;
  const migration = vmm.origin === "registered" ? vmm.registration.migrationId : undefined;
  const migrationIn = migration && {
    migration_id: migration,
    state: "pending",
    gen: 1,
    time_updated: vmm.origin === "registered" ? vmm.registeredAt : timeUpdated,
  };
  return {
    vmm_state: { state, gen, time_updated: timeUpdated },
    migration_in: migrationIn ?? null,
    migration_out: null,
  };
}

const REQUESTED: Readonly<Record<string, VmmState>> = {
  running: "running",
  reboot: "running",
  stopped: "stopped",
  migration_target: "migrating",
};

export function vmmRoutes(app: FastifyInstance, agent: SledAgent): void {
  addRoute(app, {
    ...VMM,
    method: "PUT",
    operationId: "vmm_register",
    summary: "Register a VMM: its ports and memberships are made at once. Again for the same instance changes nothing",
    body: bodyOf<schemas.EnsureBody>(schemas.ensureBody),
    keepText: true,
    answers: { 200: schemas.sledVmmState },
    handle: async (request, reply, body) => {
      const registration = parseRegistration(body, request.bodyText as string);
      return sendExact(reply, sledVmmState(await agent.register(propolisId(request), registration)));
    },
  });
  addRoute(app, {
    ...VMM,
    method: "DELETE",
    operationId: "vmm_unregister",
    summary: "Forget a VMM: its ports are deleted if they were made here, unsubscribed if they were adopted",
    answers: { 200: { ...schemas.updatedRuntime, title: "VmmUnregisterResponse" } },
    handle: async (request, reply) => {
      const vmm = await agent.unregister(propolisId(request));
      return sendExact(reply, { updated_runtime: vmm === undefined ? null : sledVmmState(vmm) });
    },
  });
  addRoute(app, {
    ...STATE,
    method: "GET",
    operationId: "vmm_get_state",
    summary: "A VMM's current state",
    answers: { 200: schemas.sledVmmState },
    handle: async (request, reply) => sendExact(reply, sledVmmState(agent.vmm(propolisId(request)))),
  });
  addRoute(app, {
    ...STATE,
    method: "PUT",
    operationId: "vmm_put_state",
    summary: "Keep what the control plane says of a VMM's state; its ports stay until it is unregistered",
    body: bodyOf<schemas.PutStateBody>(schemas.putStateBody),
    answers: { 200: schemas.updatedRuntime },
    handle: async (request, reply, body) => {
      const state = REQUESTED[body.state.type] as VmmState;
      const vmm = await agent.putVmmState(propolisId(request), state);
      return sendExact(reply, { updated_runtime: sledVmmState(vmm) });
    },
  });
  membershipRoutes(app, agent);
}

function membershipRoutes(app: FastifyInstance, agent: SledAgent): void {
  const tagged = { since: MULTICAST_SUPPORT, body: bodyOf<never>(taggedMembership) };
  addRoute(app, {
    ...GROUP,
    method: "PUT",
    operationId: "vmm_join_multicast_group",
    summary: "Join a VMM to a group; what waits for a mapping or a port is accepted, and joins when it comes",
    body: bodyOf<MembershipBody>(membership),
    answers: { 204: done },
    handle: async (request, reply, body) => {
      await agent.join(propolisId(request), parseMembership(body));
      return noContent(reply);
    },
    older: {
      ...tagged,
      handle: async (request, reply) => {
        const { join } = request.body as TaggedMembershipBody;
        if (join === undefined) throw badRequest("Join endpoint cannot process Leave operations");
        await agent.join(propolisId(request), parseMembership(join, "join."));
        return noContent(reply);
      },
    },
  });
  addRoute(app, {
    ...GROUP,
    method: "DELETE",
    operationId: "vmm_leave_multicast_group",
    summary: "End a VMM's membership of a group; the sources are required and ignored",
    body: bodyOf<MembershipBody>(membership),
    answers: { 204: done },
    handle: async (request, reply, body) => {
      await agent.leave(propolisId(request), parseGroup(body.group_ip, "group_ip"));
      return noContent(reply);
    },
    older: {
      ...tagged,
      handle: async (request, reply) => {
        const { leave } = request.body as TaggedMembershipBody;
        if (leave === undefined) throw badRequest("Leave endpoint cannot process Join operations");
        await agent.leave(propolisId(request), parseGroup(leave.group_ip, "leave.group_ip"));
        return noContent(reply);
      },
    },
  });
}
