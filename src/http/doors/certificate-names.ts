/** Which names a client's certificate bears, and which of them may ask. */
import type { PeerCertificate } from "node:tls";
import { parseIp } from "../../net/ip.ts";

export interface ClientCertificate {
  /** The subject's common name; where it has several the first, and where it has none another name of it. */
  readonly name: string;
  /** SHA-256, as pairs of hexadecimal digits. */
  readonly fingerprint: string;
  /** Its last moment, in milliseconds of the clock. */
  readonly validTo: number;
  /** All, in the form in which they are compared. */
  readonly names: ReadonlySet<string>;
}

/** One form for each name: DNS names in lower case (RFC 4343), addresses canonical, all else as it is. */
function comparable(name: string): string {
  return parseIp(name) ?? (/^[A-Za-z0-9*._-]+$/.test(name) ? name.toLowerCase() : name);
}

/** Node quotes, as JSON, a value with anything in it that would make the list ambiguous. */
const ALTERNATIVE = /(?:^|, )(?:(DNS|URI|IP Address)|[^:]+):("(?:[^"\\]|\\.)*"|[^",]*)/g;

function alternativeNames(list: string): string[] {
  const found = [...list.matchAll(ALTERNATIVE)].filter(([, type]) => type !== undefined);
  return found.map(([, , value = ""]) => (value.startsWith('"') ? String(JSON.parse(value)) : value));
}

export function clientCertificate(peer: PeerCertificate): ClientCertificate {
  // Node gives a list where the subject has several.
  const common = [(peer.subject?.CN as string | readonly string[] | undefined) ?? []].flat();
  const names = [...common, ...alternativeNames(peer.subjectaltname ?? "")];
  const fingerprint = peer.fingerprint256;
  return {
    name: names[0] ?? fingerprint,
    fingerprint,
    validTo: Date.parse(peer.valid_to),
    names: new Set(names.map(comparable)),
  };
}

export class AllowedNames {
  readonly #allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    this.#allowed = allowed.map(comparable);
  }

  has({ names }: ClientCertificate): boolean {
    return this.#allowed.some((name) => names.has(name));
  }
}
