/**
 * What the daemon is told: a TOML file, and flags that override it. Every key and value is checked
 * before anything starts, and what is wrong is named by its key.
 */
import { readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";
import { badRequest, messageOf } from "./error.ts";
import { kindOf } from "./net/classify.ts";
import { type Ipv6, parseIp, parseIpv6 } from "./net/ip.ts";
import { parseMac } from "./net/mac.ts";
import { vni } from "./net/vni.ts";
import { MAX_PORT_NAME } from "./opte/constants.ts";
import type { InitialPort } from "./opte/model/initial-port.ts";

export type Listen =
  | { readonly type: "tcp"; readonly host: string; readonly port: number }
  | { readonly type: "unix"; readonly path: string };

/** Whether the audit mends what it finds or only tells. */
export type AuditMode = "repair" | "observe";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

export interface Config {
  readonly listen: Listen;
  readonly driver: "xde" | "model";
  readonly xdeDevice: string;
  readonly setUnderlay: boolean;
  readonly modelState: string | undefined;
  readonly modelPorts: readonly InitialPort[];
  readonly underlayNics: readonly string[];
  readonly underlayIp: Ipv6;
  /** What holds a NIC filter: a mapping, or a subscription to a mapped group. */
  readonly underlayJoin: "mapped" | "subscribed";
  readonly stateDir: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly logFormat: "bunyan" | "pretty";
  /** Seconds; 0: only on request. */
  readonly auditInterval: number;
  readonly auditMode: AuditMode;
}

/** Where the ledger is unless it is said. */
export const DEFAULT_STATE_DIR = process.platform === "sunos" ? "/var/sledcast" : "./.sledcast";

/** Values by key, as the file or the flags give them. */
export type Settings = Readonly<Record<string, unknown>>;

/** A setting that cannot be used; the message begins with its key. */
const wrong = (key: string, why: string) => badRequest(`${key}: ${why}`);

function text(key: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw wrong(key, "must be a text, and not an empty one");
  if (value.includes("\0")) throw wrong(key, "has a NUL in it");
  return value;
}

function flag(key: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw wrong(key, "must be true or false");
  return value;
}

function oneOf<const T extends string>(key: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw wrong(key, `${JSON.stringify(value)} is not one of ${allowed.join(", ")}`);
  return found;
}

function texts(key: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw wrong(key, "must be a list of texts");
  return value.map((one, i) => text(`${key}[${i}]`, one));
}

function distinct(key: string, value: unknown): string[] {
  const all = texts(key, value);
  const twice = all.find((one, i) => all.indexOf(one) !== i);
  if (twice !== undefined) throw wrong(key, `${twice} is named twice`);
  return all;
}

const WILDCARDS = new Set(["0.0.0.0", "::", "::ffff:0.0.0.0"]);
const ADDRESS_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+)):(?<port>\d{1,5})$/;

export function parseListen(key: string, value: unknown, wildcardAllowed: boolean): Listen {
  const given = text(key, value);
  if (given.startsWith("unix:")) {
    const path = given.slice("unix:".length);
    if (!path.startsWith("/")) throw wrong(key, `${given} needs an absolute path: unix:/path`);
    return { type: "unix", path };
  }
  const { v6, v4, port: digits } = ADDRESS_PORT.exec(given)?.groups ?? {};
  const host = v6 ?? v4 ?? "";
  const port = Number(digits);
  if (digits === undefined || port > 65_535 || !(v6 === undefined ? isIPv4(host) : isIPv6(host))) {
    throw wrong(key, `${given} is not ADDRESS:PORT, [V6]:PORT or unix:/path`);
  }
  const canonical = v6 === undefined ? host : (parseIpv6(host.split("%", 1)[0] as string) ?? host);
  if (WILDCARDS.has(canonical) && !wildcardAllowed) {
    throw wrong(
      key,
      `${given} is a wildcard address: anybody could reach the agent; name one address, or set insecure_wildcard`,
    );
  }
  return { type: "tcp", host, port };
}

/** `NAME[,VNI,MAC,IP]` */
export function parseModelPort(key: string, value: unknown): InitialPort {
  const given = text(key, value);
  const [name = "", ...rest] = given.split(",");
  if (!/^[A-Za-z0-9_.-]+$/.test(name) || name.length > MAX_PORT_NAME) {
    throw wrong(
      key,
      `${JSON.stringify(name)} is not a port name of at most ${MAX_PORT_NAME} letters, digits, \`_\`, \`-\` and \`.\``,
    );
  }
  if (rest.length === 0) return { name };
  const [vniText = "", macText = "", ipText = ""] = rest;
  const network = /^\d+$/.test(vniText) ? vni(Number(vniText)) : undefined;
  const mac = parseMac(macText);
  const ip = parseIp(ipText);
  if (rest.length !== 3 || network === undefined || mac === undefined || ip === undefined) {
    throw wrong(key, `${given} is not NAME or NAME,VNI,MAC,IP`);
  }
  return { name, vni: network, mac, ip };
}

function parseUnderlayIp(key: string, value: unknown): Ipv6 {
  const ip = parseIpv6(text(key, value));
  if (ip === undefined || kindOf(ip) !== "unicast") throw wrong(key, `${value} is not a unicast IPv6 address`);
  return ip;
}

/** A flag's text or a file's number. */
function seconds(key: string, given: unknown): number {
  const value = typeof given === "string" && /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : given;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0 || value > 86_400) {
    throw wrong(key, `${JSON.stringify(given)} is not a number of seconds between 0 and 86400`);
  }
  return value;
}

const KEYS = [
  "listen",
  "insecure_wildcard",
  "driver",
  "xde.device",
  "xde.set_underlay",
  "model.state",
  "model.ports",
  "underlay.nics",
  "underlay.ip",
  "underlay.join",
  "state_dir",
  "log.level",
  "log.format",
  "audit.interval",
  "audit.mode",
] as const;

type Key = (typeof KEYS)[number];

const TABLES: ReadonlySet<string> = new Set(
  KEYS.flatMap((key) => (key.includes(".") ? [key.split(".")[0] as string] : [])),
);

/** A file's tables as dotted keys: `[log] level = …` is `log.level`. */
function flatten(table: Settings): Record<string, unknown> {
  // Without a prototype `__proto__` is a key like any other, and refused like one.
  const flat: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(table)) {
    if (!TABLES.has(key)) flat[key] = value;
    else if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(key, "must be a table");
    else for (const [inner, one] of Object.entries(value)) flat[`${key}.${inner}`] = one;
  }
  return flat;
}

export async function readConfigFile(path: string): Promise<Settings> {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw badRequest(`--config ${path}: cannot be read: ${messageOf(error)}`);
  }
  const { parse: parseToml } = await import("smol-toml");
  try {
    return flatten(parseToml(content));
  } catch (error) {
    throw badRequest(`--config ${path}: ${messageOf(error)}`);
  }
}

/** Checks every setting; later sources override earlier ones. */
export function parseConfig(...sources: readonly Settings[]): Config {
  const settings: Record<string, unknown> = Object.assign(Object.create(null), ...sources);
  for (const key of Object.keys(settings)) {
    if (!(KEYS as readonly string[]).includes(key)) throw wrong(key, `no such setting; there are ${KEYS.join(", ")}`);
  }
  const illumos = process.platform === "sunos";
  const get = <T>(key: Key, parse: (key: string, value: unknown) => T, fallback: T): T =>
    settings[key] === undefined ? fallback : parse(key, settings[key]);

  const asked = get("driver", (key, value) => oneOf(key, value, ["auto", "xde", "model"]), "auto");
  const driver = asked === "auto" ? (illumos ? "xde" : "model") : asked;
  const wildcardAllowed = get("insecure_wildcard", flag, false);
  if (driver === "xde" && settings["underlay.ip"] === undefined) {
    throw wrong("underlay.ip", "is required with the xde driver: this sled's underlay address");
  }
  return {
    listen: get("listen", (key, value) => parseListen(key, value, wildcardAllowed), {
      type: "tcp",
      host: "::1",
      port: 12_345,
    }),
    driver,
    xdeDevice: get("xde.device", text, "/dev/xde"),
    setUnderlay: get("xde.set_underlay", flag, true),
    modelState: get("model.state", text, undefined),
    modelPorts: get("model.ports", texts, []).map((one, i) => parseModelPort(`model.ports[${i}]`, one)),
    underlayNics: get("underlay.nics", distinct, []),
    underlayIp: get("underlay.ip", parseUnderlayIp, "fd00::1" as Ipv6),
    underlayJoin: get("underlay.join", (key, value) => oneOf(key, value, ["mapped", "subscribed"]), "mapped"),
    stateDir: get("state_dir", text, DEFAULT_STATE_DIR),
    logLevel: get("log.level", (key, value) => oneOf(key, value, LOG_LEVELS), "info"),
    logFormat: get(
      "log.format",
      (key, value) => oneOf(key, value, ["bunyan", "pretty"]),
      process.stdout.isTTY ? "pretty" : "bunyan",
    ),
    auditInterval: get("audit.interval", seconds, 30),
    auditMode: get("audit.mode", (key, value) => oneOf(key, value, ["repair", "observe"]), "repair"),
  };
}
