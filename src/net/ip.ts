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

const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const DOTTED_QUAD = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
/** Longest text an IPv6 address can have: six full groups and a dotted tail. */
const MAX_TEXT = 45;
const COLON = 58;
const DOT = 46;

/** The value of a hexadecimal digit by its character code; -1 for any other character. */
function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Reads up to five digits of a group, one more than it may have: [value, digits]. */
function readGroup(text: string, at: number): readonly [number, number] {
  let value = 0;
  let digits = 0;
  for (; digits < 5; digits++) {
    const digit = at + digits < text.length ? hexValue(text.charCodeAt(at + digits)) : -1;
    if (digit < 0) break;
    value = value * 16 + digit;
  }
  return [value, digits];
}

/** What may follow a group: nothing, another group, or a gap. Where the next one starts; -1 for anything else. */
function afterGroup(text: string, at: number): number {
  if (at === text.length) return at;
  if (text.charCodeAt(at) !== COLON) return -1;
  if (text.charCodeAt(at + 1) === COLON) return at;
  return at + 1 < text.length ? at + 1 : -1;
}

/** The groups as written and where `::` stands among them (-1: nowhere); undefined for what is no address. */
function readGroups(text: string): { readonly groups: number[]; readonly gap: number } | undefined {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) === COLON) {
      if (text.charCodeAt(at + 1) !== COLON || gap >= 0) return undefined;
      gap = groups.length;
      at += 2;
      continue;
    }
    const [value, digits] = readGroup(text, at);
    if (digits === 0 || digits > 4) return undefined;
    if (text.charCodeAt(at + digits) === DOT) {
      const tail = text.slice(at);
      if (!DOTTED_QUAD.test(tail)) return undefined;
      const [a, b, c, d] = tail.split(".").map(Number) as [number, number, number, number];
      groups.push((a << 8) | b, (c << 8) | d);
      break;
    }
    groups.push(value);
    at = afterGroup(text, at + digits);
    if (at < 0) return undefined;
  }
  return { groups, gap };
}

/** The eight 16-bit groups of an IPv6 text, or undefined. */
function parseHextets(text: string): number[] | undefined {
  const read = text.length > MAX_TEXT ? undefined : readGroups(text);
  if (read === undefined) return undefined;
  const { groups, gap } = read;
  if (gap < 0) return groups.length === 8 ? groups : undefined;
  // `::` stands for at least one group.
  if (groups.length > 7) return undefined;
  const all = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < gap; i++) all[i] = groups[i] as number;
  for (let i = groups.length - 1, to = 7; i >= gap; i--, to--) all[to] = groups[i] as number;
  return all;
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

/**
 * Texts that parsed not long ago: every address is met twice, by the check of a body and by what
 * makes use of it, and a control plane sends the same ones pass after pass. Of two generations the
 * older goes when the younger is full, so that what is in use stays; a configuration of 10,000
 * groups has 20,000 addresses and more.
 */
const GENERATION = 16_384;
let young = new Map<string, Ip>();
let old: ReadonlyMap<string, Ip> = new Map();

function parseAnew(text: string): Ip | undefined {
  if (!text.includes(":")) return DOTTED_QUAD.test(text) ? (text as Ipv4) : undefined;
  const groups = parseHextets(text);
  return groups === undefined ? undefined : ipv6FromHextets(groups);
}

export function parseIp(text: string): Ip | undefined {
  const known = young.get(text);
  if (known !== undefined) return known;
  const ip = old.get(text) ?? parseAnew(text);
  if (ip === undefined) return undefined;
  if (young.size >= GENERATION) {
    old = young;
    young = new Map();
  }
  young.set(text, ip);
  return ip;
}

export function parseIpv4(text: string): Ipv4 | undefined {
  return text.includes(":") ? undefined : (parseIp(text) as Ipv4 | undefined);
}

export function parseIpv6(text: string): Ipv6 | undefined {
  return text.includes(":") ? (parseIp(text) as Ipv6 | undefined) : undefined;
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
  // A group has as many bits as one unit of a string, and strings are compared unit by unit.
  const units = isIpv4(ip) ? ipBytes(ip) : (parseHextets(ip) as number[]);
  return `${isIpv4(ip) ? 4 : 6}${String.fromCharCode(...units)}`;
}

export function compareIp(a: Ip, b: Ip): number {
  if (a === b) return 0;
  return ipSortKey(a) < ipSortKey(b) ? -1 : 1;
}

/** Ascending by one of their addresses. Comparing two addresses costs what their keys cost, so each has its key made once. */
export function sortedByIp<T>(items: Iterable<T>, ipOf: (item: T) => Ip): T[] {
  const keyed = [...items].map((item) => ({ item, key: ipSortKey(ipOf(item)) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ item }) => item);
}

/** Ascending, without duplicates. */
export function sortedUnique(ips: Iterable<Ip>): Ip[] {
  const unique = [...new Set(ips)];
  return unique.length < 2 ? unique : unique.sort(compareIp);
}
