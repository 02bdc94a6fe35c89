/**
 * Which names a client may call this agent by. A page in a browser on this host can have its own name
 * resolve to a loopback address (DNS rebinding) and then ask what it likes as if it were at home; but its
 * requests still bear that name in `Host`, and what it sends elsewhere bears it in `Origin`.
 */
import type { IncomingMessage } from "node:http";
import type { Listen } from "../../config.ts";
import { kindOf } from "../../net/classify.ts";
import { parseIp } from "../../net/ip.ts";
import { HttpError } from "../errors.ts";

/** Of an IPv4 address as an IPv6 socket has it. */
const MAPPED = "::ffff:";

export function isLoopback(host: string): boolean {
  const ip = parseIp(host);
  if (ip === undefined) return false;
  const mapped = ip.startsWith(MAPPED) ? parseIp(ip.slice(MAPPED.length)) : undefined;
  return kindOf(mapped ?? ip) === "loopback";
}

const isLocalName = (name: string) => name === "localhost" || name.endsWith(".localhost");

/** `NAME`, `V4` or `[V6]`, and a port or none. */
const AUTHORITY = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^:/?#@[\]\s]+))(?::\d*)?$/;

/** The name of an authority, in its one form: lower case, an address as it is written canonically, without port and final dot. */
function nameIn(authority: string): string | undefined {
  const { v6, name } = AUTHORITY.exec(authority.toLowerCase())?.groups ?? {};
  const found = v6 ?? name?.replace(/\.$/, "");
  return found === undefined || found === "" ? undefined : (parseIp(found) ?? found);
}

/** What a browser says of the page that asks: `null`, or `SCHEME://AUTHORITY`. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(?<authority>[^/]+)$/i;

/** Verdicts that are remembered: clients send one of a few values. */
const MOST_KNOWN = 256;

export class HostRule {
  readonly #allowed: ReadonlySet<string>;
  readonly #known = new Map<string, boolean>();

  private constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((host) => nameIn(host.includes(":") ? `[${host}]` : host) ?? host));
  }

  /** None where anything may be asked for: names are the network's own there, unless the settings name some. */
  static for(listen: Listen, allowed: readonly string[]): HostRule | undefined {
    if (listen.type === "unix") return undefined;
    if (!isLoopback(listen.host) && allowed.length === 0) return undefined;
    return new HostRule([...allowed, listen.host]);
  }

  /** Throws for a request that came by another name. One without a name is from no browser. */
  check({ headers: { host, origin } }: IncomingMessage): void {
    if (host !== undefined && host !== "" && !this.#allows(host)) throw misdirected(host);
    if (origin !== undefined && !this.#allows(ORIGIN.exec(origin)?.groups?.authority ?? "")) throw crossSite(origin);
  }

  #allows(authority: string): boolean {
    const known = this.#known.get(authority);
    if (known !== undefined) return known;
    const name = nameIn(authority);
    const allowed = name !== undefined && (isLocalName(name) || isLoopback(name) || this.#allowed.has(name));
    if (this.#known.size < MOST_KNOWN) this.#known.set(authority, allowed);
    return allowed;
  }
}

/** Of a value that is the client's. */
const shown = (value: string) => JSON.stringify(value.slice(0, 100));
const WAY_OUT = "`localhost`, a loopback address, or a name in the setting auth.allowed_hosts";

function misdirected(host: string): HttpError {
  return new HttpError(421, `header "host": this agent is not ${shown(host)}; call it by ${WAY_OUT}`);
}

function crossSite(origin: string): HttpError {
  return new HttpError(
    421,
    `header "origin": pages from ${shown(origin)} may not ask here; only those from ${WAY_OUT}`,
  );
}
