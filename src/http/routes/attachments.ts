/** The original's endpoints for what is attached to a VMM: external addresses and subnets. */
import type { FastifyInstance } from "fastify";
import type { NetworkOperations } from "../../agent/network.ts";
import { ADD_ATTACHED_SUBNETS } from "../api-version.ts";
import {
  parseAttachedSubnet,
  parseAttachedSubnets,
  parseExternalIp,
  parseNewExternalIp,
} from "../parse/attachments.ts";
import { done } from "../schemas/basic.ts";
import * as schemas from "../schemas/nic.ts";
import { propolisId, subnetInPath } from "./path-parameters.ts";
import { addRoute, bodyOf, noContent } from "./route.ts";

const EXTERNAL_IP = { path: "/vmms/:propolis_id/external-ip", tag: "vmms", shared: {} } as const;
const SUBNETS = {
  path: "/vmms/:propolis_id/attached-subnets",
  tag: "vmms",
  shared: { since: ADD_ATTACHED_SUBNETS },
} as const;

export function attachmentRoutes(app: FastifyInstance, network: NetworkOperations): void {
  addRoute(app, {
    ...EXTERNAL_IP,
    method: "PUT",
    operationId: "vmm_put_external_ip",
    summary: "Attach an external address to a VMM's primary port, which can have one ephemeral address of each family",
    body: bodyOf<schemas.ExternalIpBody>(schemas.externalIp),
    answers: { 204: done },
    handle: async (request, reply, body) => {
      await network.attachExternalIp(propolisId(request), parseNewExternalIp(body));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...EXTERNAL_IP,
    method: "DELETE",
    operationId: "vmm_delete_external_ip",
    summary: "Detach an external address from a VMM's primary port; one that is not attached is gone already",
    body: bodyOf<schemas.ExternalIpBody>(schemas.externalIp),
    answers: { 204: done },
    handle: async (request, reply, body) => {
      await network.detachExternalIp(propolisId(request), parseExternalIp(body));
      return noContent(reply);
    },
  });
  subnetRoutes(app, network);
}

function subnetRoutes(app: FastifyInstance, network: NetworkOperations): void {
  addRoute(app, {
    ...SUBNETS,
    method: "PUT",
    operationId: "vmm_put_attached_subnets",
    summary: "Attach exactly these subnets to a VMM's primary port",
    body: bodyOf<schemas.AttachedSubnetsBody>(schemas.attachedSubnets),
    answers: { 204: done },
    handle: async (request, reply, { subnets }) => {
      await network.replaceAttachedSubnets(propolisId(request), parseAttachedSubnets(subnets, "subnets"));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...SUBNETS,
    method: "POST",
    operationId: "vmm_post_attached_subnet",
    summary: "Attach a subnet to a VMM's primary port; one that is attached already is refused",
    body: bodyOf<schemas.AttachedSubnetBody>(schemas.attachedSubnet),
    answers: { 204: done },
    handle: async (request, reply, body) => {
      await network.attachSubnet(propolisId(request), parseAttachedSubnet(body));
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...SUBNETS,
    method: "DELETE",
    operationId: "vmm_delete_attached_subnets",
    summary: "Detach all subnets from a VMM's primary port",
    answers: { 204: done },
    handle: async (request, reply) => {
      await network.replaceAttachedSubnets(propolisId(request), []);
      return noContent(reply);
    },
  });
  addRoute(app, {
    ...SUBNETS,
    path: `${SUBNETS.path}/:subnet`,
    method: "DELETE",
    operationId: "vmm_delete_attached_subnet",
    summary: "Detach a subnet from a VMM's primary port; one that is not attached is gone already",
    answers: { 204: done },
    handle: async (request, reply) => {
      await network.detachSubnet(propolisId(request), subnetInPath(request));
      return noContent(reply);
    },
  });
}
