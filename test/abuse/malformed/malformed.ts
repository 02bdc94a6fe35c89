/** A request that no client has a right to an effect of, as bytes. */
import type { Chance } from "../../harness/chance.ts";

export interface Malformed {
  readonly bytes: Buffer;
  /** The server has all that it waits for. */
  readonly whole: boolean;
  /** So many good requests are before it on the connection, whose answers are due. */
  readonly after?: number;
}

export type Family = (chance: Chance) => Malformed;

/** Good in itself: that this mapping is there afterwards means that something was let through. */
export const MAPPING = JSON.stringify({ group: "239.66.6.6", underlay: "ff04::66" });
export const M2P = "/networking/mcast-m2p";
/** What a smuggler hides behind another request. */
export const HIDDEN = `PUT ${M2P} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${MAPPING.length}\r\n\r\n${MAPPING}`;

export const PATHS = [
  "/networking/mcast-m2p",
  "/networking/mcast-fwd",
  "/multicast/config",
  "/vmms/bbbbbbbb-0000-4000-8000-000000000001",
  "/vmms/bbbbbbbb-0000-4000-8000-000000000001/multicast-group",
  "/vmms/bbbbbbbb-0000-4000-8000-000000000001/external-ip",
  "/vmms/bbbbbbbb-0000-4000-8000-000000000001/attached-subnets",
  "/vpc/99999999-0000-4000-8000-000000000001/firewall/rules",
  "/v2p",
  "/eip-gateways",
] as const;

/** Characters as bytes, one each. */
export const whole = (text: string): Malformed => ({ bytes: Buffer.from(text, "latin1"), whole: true });
export const cut = (text: string): Malformed => ({ bytes: Buffer.from(text, "latin1"), whole: false });

/** A head whose connection ends with its answer; `line` without its version. */
export const head = (line: string, headers: readonly string[] = []) =>
  [`${line} HTTP/1.1`, "host: 127.0.0.1", "connection: close", ...headers, "", ""].join("\r\n");

export const noise = (chance: Chance, length: number) =>
  Array.from({ length }, () => String.fromCharCode(chance.below(256))).join("");
