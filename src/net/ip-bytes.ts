/**
 * Canonical address text straight from bytes. A dump holds tens of thousands of addresses, and
 * their text is nearly the whole cost of decoding it. Characters are laid into one small buffer and
 * taken out as one flat string: texts joined by `+` look faster until they are first used, when V8
 * has to flatten each (`npm run bench -- codec`).
 */
import type { Ipv4, Ipv6 } from "./ip.ts";

/** The longest text, eight full groups, is 39 characters. */
const text = Buffer.alloc(64);
const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) => String(octet));
const COLON = 58;

/** The address in the four bytes from `at`. */
export function ipv4At(bytes: Uint8Array, at: number): Ipv4 {
  const octet = (i: number) => OCTETS[bytes[at + i] as number];
  return `${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}` as Ipv4;
}

function putGroup(value: number, at: number): number {
  let end = at;
  if (value > 0xfff) text[end++] = DIGITS[value >> 12] as number;
  if (value > 0xff) text[end++] = DIGITS[(value >> 8) & 15] as number;
  if (value > 0xf) text[end++] = DIGITS[(value >> 4) & 15] as number;
  text[end++] = DIGITS[value & 15] as number;
  return end;
}

/** The longest run of at least two zero groups, the first of equals: 16 × start + length; 128 for none. */
function longestZeroRun(bytes: Uint8Array, at: number): number {
  let best = 128;
  let longest = 1;
  let start = 0;
  for (let i = 0; i < 8; i++) {
    if (bytes[at + 2 * i] !== 0 || bytes[at + 2 * i + 1] !== 0) start = i + 1;
    else if (i - start + 1 > longest) {
      longest = i - start + 1;
      best = 16 * start + longest;
    }
  }
  return best;
}

function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}

/** The address in the sixteen bytes from `at`; RFC 5952 as Rust prints it. */
export function ipv6At(bytes: Uint8Array, at: number): Ipv6 {
  if (bytes[at] === 0 && isMapped(bytes, at)) return `::ffff:${ipv4At(bytes, at + 12)}` as Ipv6;
  const run = longestZeroRun(bytes, at);
  const gap = run >> 4;
  let end = 0;
  let group = 0;
  while (group < 8) {
    if (group === gap) {
      text[end++] = COLON;
      group += run & 15;
      if (group === 8) text[end++] = COLON;
      continue;
    }
    if (group > 0) text[end++] = COLON;
    end = putGroup(((bytes[at + 2 * group] as number) << 8) | (bytes[at + 2 * group + 1] as number), end);
    group++;
  }
  return text.toString("latin1", 0, end) as Ipv6;
}
