/** The data of the events, one schema a kind. */
import { EVENT_KINDS, type EventKind } from "../../events.ts";
import { dateTime, ip, ipv6, listOf, nullable, uuid } from "./basic.ts";
import { nextHop } from "./multicast.ts";

const string = { type: "string" } as const;
const oneOf = <const T extends readonly string[]>(...values: T) => ({ type: "string", enum: values }) as const;
const by = { ...oneOf("agent", "others"), description: "others: found so in the driver" } as const;

const data = (
  title: string,
  description: string,
  properties: Record<string, object>,
  optional: readonly string[] = [],
) => ({
  title,
  description,
  type: "object",
  properties: { time: dateTime, ...properties },
  required: ["time", ...Object.keys(properties).filter((name) => !optional.includes(name))],
});

const KINDS: Readonly<Record<EventKind, object>> = {
  mapping: data("MappingEvent", "`mapping`: what the group travels in from now on; null: nothing", {
    group: ip,
    underlay: nullable(ipv6),
    before: nullable(ipv6),
    by,
  }),
  forwarding: data("ForwardingEvent", "`forwarding`: the whole entry from now on; null: it is gone", {
    underlay: ipv6,
    next_hops: nullable(listOf(nextHop)),
    by,
  }),
  membership: data(
    "MembershipEvent",
    "`membership`: how far it has come; the port is null for a VMM without a primary port",
    {
      port: nullable(string),
      group: ip,
      propolis_id: uuid,
      state: oneOf("applied", "pending", "degraded", "ended"),
      sources: listOf(ip),
      reason: string,
    },
    ["propolis_id", "reason"],
  ),
  filter: data(
    "FilterEvent",
    "`filter`: an underlay group on the NICs; with null that many `groups` at once",
    {
      underlay: nullable(ipv6),
      change: oneOf("joined", "left", "degraded", "mended"),
      groups: { type: "integer" },
      reason: string,
    },
    ["groups", "reason"],
  ),
  port: data(
    "PortEvent",
    "`port`: a port of a VMM's, or one that memberships need",
    {
      name: string,
      change: oneOf("created", "deleted", "busy", "adopted", "released", "gone", "appeared"),
      propolis_id: uuid,
    },
    ["propolis_id"],
  ),
  drift: data(
    "DriftEvent",
    "`drift`: what an audit found different from what should be; what is left as it is, once while it lasts",
    {
      what: string,
      subject: { type: "object", additionalProperties: string },
      repaired: { type: "boolean" },
      error: string,
    },
    ["error"],
  ),
};

const reset = {
  title: "ResetEvent",
  description: "`reset`: events were missed; what was listed before is to be listed again",
  type: "object",
  properties: { reason: string },
  required: ["reason"],
};

export const eventStream = {
  description: "Server-sent events, without end. `id` is a sequence number, `event` the kind, `data` JSON as below",
  content: {
    "text/event-stream": { schema: { title: "Event", oneOf: [...Object.values(KINDS), reset] } },
  },
};

export const eventsQuery = {
  type: "object",
  properties: { kinds: { ...string, description: `Only these, comma-separated: ${EVENT_KINDS.join(", ")}` } },
};

export const eventsHeaders = {
  type: "object",
  properties: {
    "last-event-id": { ...string, description: "The last event that was had; what came after it is sent first" },
  },
};
