/**
 * What the daemon is told: a TOML file, and flags that override it. Every key and value is checked
 * before anything starts, and what is wrong is named by its key.
 */
import { isIPv4, isIPv6 } from "node:net";
import { kindOf } from "./net/classify.ts";
import { type Ipv6, parseIp, parseIpv6 } from "./net/ip.ts";
import { parseMac } from "./net/mac.ts";
import { vni } from "./net/vni.ts";
import { MAX_PORT_NAME } from "./opte/constants.ts";
import type { InitialPort } from "./opte/model/initial-port.ts";
import { count, distinct, flag, oneOf, type Settings, seconds, text, texts, wrong } from "./settings.ts";

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
  /** Permission bits of a Unix socket. */
  readonly socketMode: number;
  /** A name or a number; undefined: whoever starts the daemon. */
  readonly socketOwner: string | undefined;
  readonly socketGroup: string | undefined;
  /** Files in PEM; with a certificate there is a key, and with a CA there is a certificate. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Clients need a certificate that one of these signed. */
  readonly tlsCa: string | undefined;
  /** Of clients' certificates: common names or alternative names; none: any that the CA signed. */
  readonly tlsAllowedNames: readonly string[];
  /** Clients need one of the tokens in it. */
  readonly tokenFile: string | undefined;
  /** Names by which clients may call a loopback address, besides its own. */
  readonly allowedHosts: readonly string[];
  readonly maxConnections: number;
  /** Bytes of a request's line and headers. */
  readonly maxHeaderBytes: number;
  /** Seconds in which a request must have come in whole. */
  readonly requestSeconds: number;
  /** Requests a second of one client; 0: as many as it likes. */
  readonly rateLimit: number;
}

/** Where the ledger is unless it is said. */
export const DEFAULT_STATE_DIR = process.platform === "sunos" ? "/var/sledcast" : "./.sledcast";

const WILDCARDS = new Set(["0.0.0.0", "::", "::ffff:0.0.0.0"]);
/** Of a Unix socket's path (`sun_path`), without the byte that ends it. A longer one would be cut off in silence. */
const SOCKET_PATH_BYTES = process.platform === "darwin" ? 103 : 107;
const ADDRESS_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+)):(?<port>\d{1,5})$/;

/** For those that are nearly one. */
function whatIsAmiss(given: string, port: number): string {
  if (port > 65_535) return `: ports go up to 65535`;
  const [, name] = /^([a-z][\w.-]*):\d+$/i.exec(given) ?? [];
  return name === undefined ? "" : `: ${name} is a name, and names are not looked up; [::1] is this host`;
}

export function parseListen(key: string, value: unknown, wildcardAllowed: boolean): Listen {
  const given = text(key, value);
  if (given.startsWith("unix:")) {
    const path = given.slice("unix:".length);
    if (!path.startsWith("/")) throw wrong(key, `${given} needs an absolute path: unix:/path`);
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) {
      throw wrong(key, `${given} is too long: the path of a Unix socket has at most ${SOCKET_PATH_BYTES} bytes`);
    }
    return { type: "unix", path };
  }
  const { v6, v4, port: digits } = ADDRESS_PORT.exec(given)?.groups ?? {};
  const host = v6 ?? v4 ?? "";
  const port = Number(digits);
  if (digits === undefined || port > 65_535 || !(v6 === undefined ? isIPv4(host) : isIPv6(host))) {
    throw wrong(key, `${given} is not ADDRESS:PORT, [V6]:PORT or unix:/path${whatIsAmiss(given, port)}`);
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

export const KEYS = [
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
  "socket.mode",
  "socket.owner",
  "socket.group",
  "tls.cert",
  "tls.key",
  "tls.ca",
  "tls.allowed_names",
  "auth.token_file",
  "auth.allowed_hosts",
  "limits.connections",
  "limits.header_bytes",
  "limits.request_seconds",
  "limits.rate",
] as const;

export type Key = (typeof KEYS)[number];

/** Settings that have any number of values. */
export const LISTS: ReadonlySet<string> = new Set<Key>([
  "model.ports",
  "underlay.nics",
  "tls.allowed_names",
  "auth.allowed_hosts",
]);

/** The setting behind each value. */
export const KEY_OF: Readonly<Record<keyof Config, Key>> = {
  listen: "listen",
  driver: "driver",
  xdeDevice: "xde.device",
  setUnderlay: "xde.set_underlay",
  modelState: "model.state",
  modelPorts: "model.ports",
  underlayNics: "underlay.nics",
  underlayIp: "underlay.ip",
  underlayJoin: "underlay.join",
  stateDir: "state_dir",
  logLevel: "log.level",
  logFormat: "log.format",
  auditInterval: "audit.interval",
  auditMode: "audit.mode",
  socketMode: "socket.mode",
  socketOwner: "socket.owner",
  socketGroup: "socket.group",
  tlsCert: "tls.cert",
  tlsKey: "tls.key",
  tlsCa: "tls.ca",
  tlsAllowedNames: "tls.allowed_names",
  tokenFile: "auth.token_file",
  allowedHosts: "auth.allowed_hosts",
  maxConnections: "limits.connections",
  maxHeaderBytes: "limits.header_bytes",
  requestSeconds: "limits.request_seconds",
  rateLimit: "limits.rate",
};

const orNone = (key: string, value: unknown): string | undefined => text(key, value);

function parseMode(key: string, value: unknown): number {
  const given = text(key, value);
  if (!/^0?[0-7]{3}$/.test(given)) throw wrong(key, `${given} is not permission bits in octal, such as 0660`);
  return Number.parseInt(given, 8);
}

/** What only makes sense together. */
function checkTogether(config: Config): void {
  const { listen, tlsCert, tlsKey, tlsCa, tlsAllowedNames, socketOwner, socketGroup } = config;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [missing, given] = tlsCert === undefined ? ["tls.cert", "tls.key"] : ["tls.key", "tls.cert"];
    throw wrong(missing, `is required with ${given}`);
  }
  if (tlsCa !== undefined && tlsCert === undefined) throw wrong("tls.cert", "is required with tls.ca");
  if (tlsAllowedNames.length > 0 && tlsCa === undefined) {
    throw wrong("tls.ca", "is required with tls.allowed_names: without it no client has a certificate");
  }
  if (listen.type === "unix" && tlsCert !== undefined) {
    throw wrong(
      "tls.cert",
      "is for TCP; who reaches a Unix socket is said by socket.mode, socket.owner and socket.group",
    );
  }
  if (listen.type === "tcp" && (socketOwner !== undefined || socketGroup !== undefined)) {
    const key = socketOwner === undefined ? "socket.group" : "socket.owner";
    throw wrong(key, "is for a Unix socket, and listen names an address");
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
  const config: Config = {
    listen: get("listen", (key, value) => parseListen(key, value, wildcardAllowed), {
      type: "tcp",
      host: "::1",
      port: 12_345,
    }),
    driver,
    xdeDevice: get("xde.device", text, "/dev/xde"),
    setUnderlay: get("xde.set_underlay", flag, true),
    modelState: get("model.state", orNone, undefined),
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
    socketMode: get("socket.mode", parseMode, 0o660),
    socketOwner: get("socket.owner", orNone, undefined),
    socketGroup: get("socket.group", orNone, undefined),
    tlsCert: get("tls.cert", orNone, undefined),
    tlsKey: get("tls.key", orNone, undefined),
    tlsCa: get("tls.ca", orNone, undefined),
    tlsAllowedNames: get("tls.allowed_names", distinct, []),
    tokenFile: get("auth.token_file", orNone, undefined),
    allowedHosts: get("auth.allowed_hosts", distinct, []),
    maxConnections: get("limits.connections", (key, value) => count(key, value, 1, 1_000_000), 4096),
    maxHeaderBytes: get("limits.header_bytes", (key, value) => count(key, value, 1024, 1 << 20), 16_384),
    requestSeconds: get("limits.request_seconds", (key, value) => count(key, value, 1, 3600), 60),
    rateLimit: get("limits.rate", (key, value) => count(key, value, 0, 1_000_000), 0),
  };
  checkTogether(config);
  return config;
}
