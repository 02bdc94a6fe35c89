/** The declared configuration, and what came of putting it in force. */
import type { FromSchema } from "json-schema-to-ts";
import { listOf } from "./basic.ts";
import { forwardingEntry, mapping } from "./multicast.ts";

export const config = {
  title: "MulticastConfig",
  description: "The whole M2P and forwarding state of this sled; order does not matter",
  type: "object",
  properties: {
    generation: {
      type: "integer",
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "Goes up with every change of the content",
    },
    m2p: { ...listOf(mapping), description: "No group twice" },
    forwarding: {
      ...listOf(forwardingEntry),
      description: "No underlay group twice; each entry has exactly these next hops",
    },
  },
  required: ["generation", "m2p", "forwarding"],
} as const;

export const outcome = {
  title: "MulticastConfigOutcome",
  type: "object",
  properties: {
    generation: config.properties.generation,
    applied: {
      type: "integer",
      description: "Mappings and forwarding entries of the configuration that are in effect",
    },
    failed: {
      type: "array",
      description: "What could not be done; it is kept and tried again",
      items: {
        title: "MulticastConfigFailure",
        type: "object",
        properties: {
          entry: { anyOf: [mapping, forwardingEntry] },
          action: { type: "string", enum: ["set", "clear"], description: "What was to be done with the entry" },
          error: { type: "string" },
        },
        required: ["entry", "action", "error"],
      },
    },
  },
  required: ["generation", "applied", "failed"],
} as const;

export type ConfigBody = FromSchema<typeof config>;
