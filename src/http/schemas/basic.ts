/**
 * JSON schemas: the one source for validation, for the types of what passed it (`FromSchema`) and
 * for the OpenAPI document. A `title` makes a named component of a schema in the document.
 * Formats are this program's own parsers (`validation.ts`), so a text that passes will parse.
 */
export const ip = { type: "string", format: "ip" } as const;
export const ipv4 = { type: "string", format: "ipv4" } as const;
export const ipv6 = { type: "string", format: "ipv6" } as const;
export const uuid = { type: "string", format: "uuid" } as const;
export const dateTime = { type: "string", format: "date-time" } as const;
export const mac = { title: "MacAddr", type: "string", format: "mac", examples: ["a8:40:25:00:00:01"] } as const;
export const ipNet = { title: "IpNet", type: "string", format: "cidr", examples: ["192.168.1.0/24"] } as const;
export const ipv4Net = { title: "Ipv4Net", type: "string", format: "ipv4-cidr", examples: ["192.168.1.0/24"] } as const;
export const ipv6Net = { title: "Ipv6Net", type: "string", format: "ipv6-cidr", examples: ["fd12:3456::/64"] } as const;
export const vni = {
  title: "Vni",
  description: "A Geneve virtual network identifier: 24 bits",
  type: "integer",
  minimum: 0,
  maximum: 0xff_ff_ff,
} as const;

export const uint8 = { type: "integer", minimum: 0, maximum: 0xff } as const;
export const uint16 = { type: "integer", minimum: 0, maximum: 0xff_ff } as const;
export const uint32 = { type: "integer", minimum: 0, maximum: 0xff_ff_ff_ff } as const;
/** The bound is 2^64 as a double: validation sees a double, the exact number is read from the text. */
export const uint64 = { type: "integer", minimum: 0, maximum: 2 ** 64 } as const;

export function nullable<const S extends object>(schema: S) {
  return { anyOf: [schema, { type: "null" }] } as const;
}

export function listOf<const S extends object>(items: S) {
  return { type: "array", items } as const;
}

/** A union told apart by `type`; where a variant has content it is in `value`. */
export function tagged<const V extends readonly object[]>(title: string, oneOf: V) {
  return { title, type: "object", discriminator: { propertyName: "type" }, required: ["type"], oneOf } as const;
}

export function variant<const T extends string, const S extends object>(tag: T, value: S) {
  return { type: "object", properties: { type: { const: tag }, value }, required: ["type", "value"] } as const;
}

export function bare<const T extends string>(tag: T) {
  return { type: "object", properties: { type: { const: tag } }, required: ["type"] } as const;
}

export const error = {
  title: "Error",
  description: "What every refused or failed request is answered with",
  type: "object",
  properties: {
    request_id: { type: "string", description: "Also in the x-request-id header, and in the log" },
    message: { type: "string" },
    error_code: { type: "string", description: "Absent where the message is all there is to say" },
  },
  required: ["request_id", "message"],
} as const;

/** Error answers for a route's `response`. */
export const errorAnswers = {
  "4xx": { ...error, description: "The request is refused; nothing was changed" },
  "5xx": {
    ...error,
    description: "The request failed; with the code `LANE_FULL` a Retry-After header says when to try again",
  },
} as const;

export const done = { description: "It is so", type: "null" } as const;
