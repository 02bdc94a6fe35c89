/**
 * Addresses between bytes and canonical text, for tables of tens of thousands: their text is nearly
 * the whole cost of a dump. Texts joined by `+` look cheap until they are first used, when V8 has
 * to flatten each; and a call into Node for each is dear. So characters are laid into a buffer for
 * many addresses, taken out as one flat text, and cut (`npm run bench -- codec`).
 */
import type { Ip, Ipv4, Ipv6 } from "./ip.ts";

/** Addresses in a block. A text that is kept keeps its block's text, about a kilobyte. */
const BLOCK = 32;
/** The longest text, eight full groups, is 39 characters. */
const LONGEST = 40;
const COLON = 58;
const DOT = 46;
const ZERO = 48;
const DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

function putOctet(into: Uint8Array, at: number, octet: number): number {
  let end = at;
  if (octet > 99) into[end++] = ZERO + Math.floor(octet / 100);
  if (octet > 9) into[end++] = ZERO + (Math.floor(octet / 10) % 10);
  into[end++] = ZERO + (octet % 10);
  return end;
}

function putIpv4(into: Uint8Array, at: number, bytes: Uint8Array, from: number): number {
  let end = putOctet(into, at, bytes[from] as number);
  for (let i = 1; i < 4; i++) {
    into[end++] = DOT;
    end = putOctet(into, end, bytes[from + i] as number);
  }
  return end;
}

function putGroup(into: Uint8Array, at: number, value: number): number {
  let end = at;
  if (value > 0xfff) into[end++] = DIGITS[value >> 12] as number;
  if (value > 0xff) into[end++] = DIGITS[(value >> 8) & 15] as number;
  if (value > 0xf) into[end++] = DIGITS[(value >> 4) & 15] as number;
  into[end++] = DIGITS[value & 15] as number;
  return end;
}

/** The longest run of at least two zero groups, the first of equals: 16 × start + length; 128 for none. */
function longestZeroRun(bytes: Uint8Array, from: number): number {
  let best = 128;
  let longest = 1;
  let start = 0;
  for (let i = 0; i < 8; i++) {
    if (bytes[from + 2 * i] !== 0 || bytes[from + 2 * i + 1] !== 0) start = i + 1;
    else if (i - start + 1 > longest) {
      longest = i - start + 1;
      best = 16 * start + longest;
    }
  }
  return best;
}

function isMapped(bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[from + i] !== 0) return false;
  return bytes[from + 10] === 0xff && bytes[from + 11] === 0xff;
}

const MAPPED = Uint8Array.from("::ffff:", (char) => char.charCodeAt(0));

/** RFC 5952 as Rust prints it. */
function putIpv6(into: Uint8Array, at: number, bytes: Uint8Array, from: number): number {
  if (bytes[from] === 0 && isMapped(bytes, from)) {
    into.set(MAPPED, at);
    return putIpv4(into, at + MAPPED.length, bytes, from + 12);
  }
  const run = longestZeroRun(bytes, from);
  const gap = run >> 4;
  let end = at;
  let group = 0;
  while (group < 8) {
    if (group === gap) {
      into[end++] = COLON;
      group += run & 15;
      if (group === 8) into[end++] = COLON;
      continue;
    }
    if (group > 0) into[end++] = COLON;
    end = putGroup(into, end, ((bytes[from + 2 * group] as number) << 8) | (bytes[from + 2 * group + 1] as number));
    group++;
  }
  return end;
}

/** Texts of up to `AddressTexts.MOST` addresses, made together: put them all, then `take`. */
export class AddressTexts {
  static readonly MOST = BLOCK;
  readonly #characters = Buffer.alloc(BLOCK * LONGEST);
  readonly #ends = new Uint16Array(BLOCK);
  #count = 0;
  #end = 0;

  putIpv4(bytes: Uint8Array, from: number): void {
    this.#end = putIpv4(this.#characters, this.#end, bytes, from);
    this.#ends[this.#count++] = this.#end;
  }

  putIpv6(bytes: Uint8Array, from: number): void {
    this.#end = putIpv6(this.#characters, this.#end, bytes, from);
    this.#ends[this.#count++] = this.#end;
  }

  /** Hands each text to `use`, in the order they were put, two by two; and begins anew. */
  takePairs(use: (first: Ip, second: Ip) => void): void {
    const text = this.#characters.toString("latin1", 0, this.#end);
    let start = 0;
    for (let i = 0; i < this.#count; i += 2) {
      const middle = this.#ends[i] as number;
      const end = this.#ends[i + 1] as number;
      use(text.slice(start, middle) as Ip, text.slice(middle, end) as Ip);
      start = end;
    }
    this.clear();
  }

  clear(): void {
    this.#count = 0;
    this.#end = 0;
  }
}

const single = Buffer.alloc(LONGEST);

/** The address in the four bytes from `from`. */
export function ipv4At(bytes: Uint8Array, from: number): Ipv4 {
  return single.toString("latin1", 0, putIpv4(single, 0, bytes, from)) as Ipv4;
}

/** The address in the sixteen bytes from `from`. */
export function ipv6At(bytes: Uint8Array, from: number): Ipv6 {
  return single.toString("latin1", 0, putIpv6(single, 0, bytes, from)) as Ipv6;
}
