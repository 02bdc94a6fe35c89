/**
 * Bodies against their schemas. Nothing is coerced, filled in or removed: what passes is what was
 * sent. The formats are the parsers that make values of the text later.
 */
import { createRequire } from "node:module";
import type { Ajv, ErrorObject } from "ajv";
import { badRequest, type SledcastError } from "../error.ts";
import { isIpv4Cidr, isIpv6Cidr, parseCidr } from "../net/cidr.ts";
import { parseIp, parseIpv4, parseIpv6 } from "../net/ip.ts";
import { parseMac } from "../net/mac.ts";
import { parseUuid } from "../uuid.ts";

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
/** What xde can be asked for; a longer name could not be a port of the driver's. */
const PORT_NAME = /^[A-Za-z0-9_.-]{1,31}$/;

const parses = (parse: (text: string) => unknown) => (text: string) => parse(text) !== undefined;

const require = createRequire(import.meta.url);

/**
 * Compiling a schema costs milliseconds, and ajv itself 60 of them: what is never used costs
 * nothing, and a start not either.
 */
const compiler = (() => {
  let ajv: Ajv | undefined;
  return () => {
    if (ajv !== undefined) return ajv;
    const { Ajv } = require("ajv") as typeof import("ajv");
    ajv = new Ajv({
      discriminator: true,
      strict: true,
      strictTypes: false,
      strictRequired: false,
      formats: {
        ip: parses(parseIp),
        ipv4: parses(parseIpv4),
        ipv6: parses(parseIpv6),
        uuid: parses(parseUuid),
        mac: parses(parseMac),
        cidr: parses(parseCidr),
        "ipv4-cidr": (text: string) => isCidr(text, isIpv4Cidr),
        "ipv6-cidr": (text: string) => isCidr(text, isIpv6Cidr),
        "date-time": (text: string) => RFC3339.test(text) && !Number.isNaN(Date.parse(text)),
        "socket-address": isSocketAddress,
        "port-name": PORT_NAME,
      },
    });
    return ajv;
  };
})();

/** Before the first body comes: later there may be no descriptor left to load it with. */
export function loadCompiler(): void {
  compiler();
}

function isCidr(text: string, family: (cidr: NonNullable<ReturnType<typeof parseCidr>>) => boolean): boolean {
  const cidr = parseCidr(text);
  return cidr !== undefined && family(cidr);
}

const SOCKET_ADDRESS = /^(?:\[(?<v6>[^\]%]+)(?:%\d+)?\]|(?<v4>[^:]+)):(?<port>\d{1,5})$/;

/** `V4:PORT` or `[V6]:PORT`, a numeric scope allowed (Rust's `SocketAddr`). */
function isSocketAddress(text: string): boolean {
  const { v6, v4, port } = SOCKET_ADDRESS.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) return false;
  return v6 === undefined ? parseIpv4(v4 ?? "") !== undefined : parseIpv6(v6) !== undefined;
}

const FORMAT_TEXT: Readonly<Record<string, string>> = {
  ip: "invalid IP address syntax",
  ipv4: "invalid IPv4 address syntax",
  ipv6: "invalid IPv6 address syntax",
  cidr: "invalid IP network, expected ADDRESS/LENGTH",
  "ipv4-cidr": "invalid IPv4 network, expected ADDRESS/LENGTH",
  "ipv6-cidr": "invalid IPv6 network, expected ADDRESS/LENGTH",
  uuid: "invalid UUID",
  "socket-address": "invalid socket address, expected V4:PORT or [V6]:PORT",
  mac: "invalid MAC address, expected six pairs of hexadecimal digits",
  "date-time": "invalid time, expected RFC 3339",
  "port-name": "invalid port name, expected 1 to 31 of letters, digits, `_`, `-` and `.`",
};

/** A JSON pointer as a path: `/next_hops/0/replication` is `next_hops[0].replication`. */
function fieldPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === "" ? part : `${path}.${part}`), "");
}

function explain({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case "required":
      return `missing field \`${params.missingProperty}\``;
    case "additionalProperties":
      return `unknown field \`${params.additionalProperty}\``;
    case "type":
      return `invalid type, expected ${params.type}`;
    case "enum":
      return `unknown variant, expected one of ${params.allowedValues.map((v: unknown) => `\`${v}\``).join(", ")}`;
    case "discriminator":
      return params.error === "mapping" ? `unknown variant of \`${params.tag}\`` : `missing field \`${params.tag}\``;
    case "format":
      return FORMAT_TEXT[params.format] ?? `invalid ${params.format}`;
    default:
      return message ?? keyword;
  }
}

/** Of the alternatives of an `anyOf` that all failed, the error that lies deepest says most. */
function mostTelling(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const weight = ({ instancePath, keyword, params }: ErrorObject) => {
    const notNull = keyword === "type" && params.type === "null" ? -1 : 0;
    return 2 * instancePath.split("/").length + notNull - (keyword === "anyOf" || keyword === "oneOf" ? 1 : 0);
  };
  return [...errors].sort((a, b) => weight(b) - weight(a))[0];
}

function refusal(errors: readonly ErrorObject[]): SledcastError {
  const error = mostTelling(errors);
  if (error === undefined) return badRequest("unable to parse JSON body");
  // A missing tag is the tag's error, at the object that should have it.
  const path = fieldPath(error.instancePath);
  return badRequest(`unable to parse JSON body: ${path === "" ? "" : `${path}: `}${explain(error)}`);
}

export type Validator = (body: unknown) => SledcastError | undefined;

/** Answers what is wrong with a body, if anything. */
export function validator(schema: object): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const made = lazyValidator(schema);
  validators.set(schema, made);
  return made;
}

const validators = new WeakMap<object, Validator>();

function lazyValidator(schema: object): Validator {
  let compiled: ReturnType<Ajv["compile"]> | undefined;
  return (body) => {
    compiled ??= compiler().compile(schema);
    return compiled(body) ? undefined : refusal(compiled.errors ?? []);
  };
}
