/** Bodies of the endpoints that the original does not have. */
import type { FromSchema } from "json-schema-to-ts";
import { ip, ipv6, listOf, nullable, uint64, uuid } from "./basic.ts";
import { sourceFilter } from "./multicast.ts";
import { vmmState } from "./vmm.ts";

const string = { type: "string" } as const;
const integer = { type: "integer" } as const;
const number = { type: "number" } as const;
const boolean = { type: "boolean" } as const;

function object<const P extends Record<string, object>, const R extends readonly (keyof P & string)[]>(
  title: string,
  properties: P,
  required: R,
) {
  return { title, type: "object", properties, required } as const;
}

export const subscriptions = listOf(
  object(
    "Subscription",
    {
      underlay: ipv6,
      subscribers: listOf(object("Subscriber", { port: string, filter: sourceFilter }, ["port", "filter"])),
    },
    ["underlay", "subscribers"],
  ),
);

export const filters = listOf(
  object(
    "Filter",
    {
      underlay: ipv6,
      holders: { ...listOf(ip), description: "Overlay groups for which the NICs are joined" },
      nics: listOf(
        object("FilterNic", { name: string, index: nullable(integer), joined: boolean, error: string }, [
          "name",
          "index",
          "joined",
        ]),
      ),
    },
    ["underlay", "holders", "nics"],
  ),
);

export const ports = listOf(
  object(
    "Port",
    {
      name: string,
      mac: string,
      vni: { ...nullable(integer), description: "null for a port of somebody else's whose network is not known" },
      ips: listOf(ip),
      state: string,
      owner: { type: "string", enum: ["registered", "adopted", "foreign"] },
      propolis_id: uuid,
      stats: {
        ...nullable({ type: "object", additionalProperties: uint64 } as const),
        description:
          "The port's kstat, by the driver's names, with `stats=true`; null where it has none that can be read",
      },
    },
    ["name", "mac", "vni", "ips", "state", "owner"],
  ),
);

export const portsQuery = {
  type: "object",
  properties: { stats: { ...boolean, default: false, description: "With the counters of each port" } },
} as const;

export const vmms = listOf(
  object(
    "Vmm",
    {
      propolis_id: uuid,
      instance_id: uuid,
      origin: { type: "string", enum: ["registered", "adopted"] },
      ports: listOf(object("VmmPort", { name: string, primary: boolean }, ["name", "primary"])),
      state: vmmState,
    },
    ["propolis_id", "origin", "ports", "state"],
  ),
);

export const memberships = listOf(
  object(
    "MembershipStatus",
    {
      group_ip: ip,
      sources: listOf(ip),
      state: { type: "string", enum: ["applied", "pending", "degraded"] },
      reason: string,
    },
    ["group_ip", "sources", "state"],
  ),
);

export const adoption = {
  ...object(
    "Adoption",
    {
      ports: {
        ...listOf({ ...string, format: "port-name" }),
        minItems: 1,
        description: "Ports that exist in the driver",
      },
      primary: { ...string, format: "port-name", description: "The one that memberships are for" },
    },
    ["ports", "primary"],
  ),
} as const;

export type AdoptionBody = FromSchema<typeof adoption>;

const degraded = listOf(
  object("Degraded", { thing: string, subject: string, reason: string }, ["thing", "subject", "reason"]),
);
const operation = nullable(object("Operation", { name: string, seconds: number }, ["name", "seconds"]));

export const auditReport = object(
  "AuditReport",
  {
    time: string,
    mode: { type: "string", enum: ["repair", "observe"] },
    seconds: number,
    found: { ...integer, description: "How many findings there were; the status lists the first hundred" },
    findings: listOf(
      object(
        "AuditFinding",
        { what: string, subject: { type: "object", additionalProperties: string }, repaired: boolean, error: string },
        ["what", "subject", "repaired"],
      ),
    ),
  },
  ["time", "mode", "seconds", "found", "findings"],
);

export const status = object(
  "Status",
  {
    version: string,
    counts: { type: "object", additionalProperties: number },
    generation: { ...nullable(integer), description: "Of the configuration in force; null: there is none" },
    pending: listOf(
      object("Pending", { group: string, port: string, propolis_id: uuid, reason: string }, ["group", "reason"]),
    ),
    degraded,
    audits: { ...listOf(auditReport), description: "The last few, newest first" },
    driver: object(
      "DriverStatus",
      {
        kind: { type: "string", enum: ["model", "xde"] },
        api_version: integer,
        through: string,
        binding: {
          ...nullable({ type: "string", enum: ["addon", "koffi"] } as const),
          description: "What makes the system calls; null: the model needs none",
        },
        unavailable: { ...string, description: "Why it cannot be worked with at the moment" },
        busy_with: nullable(object("DriverCall", { command: string, seconds: number }, ["command", "seconds"])),
      },
      ["kind", "api_version", "through", "binding", "busy_with"],
    ),
    join_binding: string,
    nics: listOf(string),
    lane: object(
      "Lane",
      {
        running: operation,
        waiting: integer,
        capacity: { ...integer, description: "How many may wait; one more is answered with 503 LANE_FULL" },
      },
      ["running", "waiting", "capacity"],
    ),
  },
  ["version", "counts", "generation", "pending", "degraded", "audits", "driver", "join_binding", "nics", "lane"],
);

export const health = object("Health", { status: { const: "ok" } }, ["status"]);

export const readiness = object(
  "Readiness",
  {
    ready: boolean,
    steps: {
      type: "object",
      description: "The steps of the start, and what each found then; /multicast/status says how it is now",
      additionalProperties: object("ReadinessStep", { done: boolean, detail: string }, ["done", "detail"]),
    },
    degraded,
    running: operation,
  },
  ["ready", "steps", "degraded", "running"],
);
