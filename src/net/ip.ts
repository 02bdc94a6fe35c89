/**
 * IP addresses as their canonical text.
 *
 * An address is a branded string: it can be compared with `===`, key a Map, be logged and be sent
 * as JSON without conversion. The text is the one Rust's standard library prints (RFC 5952: lower
 * case, the longest run of zero groups compressed, `::ffff:a.b.c.d` dotted), because that is what
 * clients of the original see. Ordering is numeric, every IPv4 address before every IPv6 address.
 *
 * The accepted grammar is Rust's `Ipv4Addr`/`Ipv6Addr` parser: no leading zeros, no zone, no
 * prefix length, no blanks, at most four hexadecimal digits a group, a dotted tail is allowed.
 */
import type { Brand } from "./brand.ts";

export type Ipv4 = Brand<string, "Ip" | "Ipv4">;
export type Ipv6 = Brand<string, "Ip" | "Ipv6">;
export type Ip = Ipv4 | Ipv6;

const DECIMAL_OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const HEX_GROUP = /^[0-9a-fA-F]{1,4}$/;
/** Longest text an IPv6 address can have: six full groups and a dotted tail. */
const MAX_TEXT = 45;

/** The four octets of a strict dotted quad, or undefined. */
function parseOctets(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets: number[] = [];
  for (const part of parts) {
    if (!DECIMAL_OCTET.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    octets.push(value);
  }
  return octets;
}

/** The groups on one side of `::`; the last part of the address may be a dotted quad (two groups). */
function parseGroups(text: string, dottedTailAllowed: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (HEX_GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const octets = dottedTailAllowed && i === parts.length - 1 ? parseOctets(part) : undefined;
    if (octets === undefined) return undefined;
    const [a, b, c, d] = octets as [number, number, number, number];
    groups.push((a << 8) | b, (c << 8) | d);
  }
  return groups;
}

/** The eight 16-bit groups of an IPv6 text, or undefined. */
function parseHextets(text: string): number[] | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const sides = text.split("::");
  if (sides.length === 1) {
    const groups = parseGroups(text, true);
    return groups?.length === 8 ? groups : undefined;
  }
  if (sides.length !== 2) return undefined;
  const [left, right] = sides as [string, string];
  const head = parseGroups(left, false);
  const tail = parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  // `::` stands for at least one group.
  const gap = 8 - head.length - tail.length;
  return gap >= 1 ? [...head, ...new Array<number>(gap).fill(0), ...tail] : undefined;
}

/** The longest run of at least two zero groups, the first of equals: [start, length]. */
function longestZeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (let i = 0; i <= 8; i++) {
    if (i < 8 && groups[i] === 0) continue;
    if (i - start > best[1]) best = [start, i - start];
    start = i + 1;
  }
  return best[1] >= 2 ? best : [0, 0];
}

const hex = (groups: readonly number[]) => groups.map((g) => g.toString(16)).join(":");

/** Canonical text of eight groups. */
export function ipv6FromHextets(groups: readonly number[]): Ipv6 {
  const mapped = groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff;
  if (mapped) {
    const [high, low] = groups.slice(6) as [number, number];
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` as Ipv6;
  }
  const [start, length] = longestZeroRun(groups);
  if (length === 0) return hex(groups) as Ipv6;
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}` as Ipv6;
}

export function parseIpv4(text: string): Ipv4 | undefined {
  return parseOctets(text) === undefined ? undefined : (text as Ipv4);
}

export function parseIpv6(text: string): Ipv6 | undefined {
  const groups = parseHextets(text);
  return groups === undefined ? undefined : ipv6FromHextets(groups);
}

export function parseIp(text: string): Ip | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

export function isIpv6(ip: Ip): ip is Ipv6 {
  return ip.includes(":");
}

export function isIpv4(ip: Ip): ip is Ipv4 {
  return !ip.includes(":");
}

export function sameFamily(a: Ip, b: Ip): boolean {
  return isIpv6(a) === isIpv6(b);
}

/** The four or sixteen bytes of an address, network order. */
export function ipBytes(ip: Ip): number[] {
  if (isIpv4(ip)) return ip.split(".").map(Number);
  const groups = parseHextets(ip) as number[];
  return groups.flatMap((g) => [g >> 8, g & 255]);
}

/** The address that four or sixteen bytes spell; undefined for any other number of bytes. */
export function ipFromBytes(bytes: ArrayLike<number>): Ip | undefined {
  if (bytes.length === 4) return Array.from(bytes).join(".") as Ipv4;
  if (bytes.length !== 16) return undefined;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  return ipv6FromHextets(groups);
}

/**
 * A string whose plain `<` order is the order of addresses (IPv4 first, then numeric). Worth
 * keeping beside an entry where a table is sorted again and again.
 */
export function ipSortKey(ip: Ip): string {
  return `${isIpv6(ip) ? 6 : 4}${String.fromCharCode(...ipBytes(ip))}`;
}

export function compareIp(a: Ip, b: Ip): number {
  if (a === b) return 0;
  return ipSortKey(a) < ipSortKey(b) ? -1 : 1;
}

/** Ascending, without duplicates. */
export function sortedUnique(ips: Iterable<Ip>): Ip[] {
  return [...new Set(ips)].sort(compareIp);
}
