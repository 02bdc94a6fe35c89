/** From canonical text to bytes without anything in between: what is sent to the driver passes here. */
import type { Ip } from "./ip.ts";

const COLON = 58;
const DOT = 46;

/** Where the dotted part from `at` goes to `into`. */
function readIpv4(text: string, start: number, into: Uint8Array, to: number): void {
  let octet = 0;
  let at = to;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      into[at++] = octet;
      octet = 0;
    } else octet = 10 * octet + code - 48;
  }
  into[at] = octet;
}

const digitOf = (code: number) => (code < COLON ? code - 48 : code - 87);

function isDotted(text: string): boolean {
  return text.charCodeAt(text.length - 2) === DOT || text.indexOf(".") >= 0;
}

/** Bytes behind the gap are written from its place on and then moved to the end. */
function readIpv6(text: string, into: Uint8Array, to: number): void {
  let at = to;
  let gap = -1;
  let group = 0;
  let digits = 0;
  let begin = 0;
  const dotted = isDotted(text);
  const put = () => {
    into[at++] = group >> 8;
    into[at++] = group & 255;
    group = 0;
    digits = 0;
  };
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === COLON) {
      if (digits > 0) put();
      if (text.charCodeAt(i + 1) === COLON) {
        gap = at;
        i++;
      }
      begin = i + 1;
      continue;
    }
    if (dotted && text.indexOf(":", i) < 0) {
      readIpv4(text, begin, into, at);
      at += 4;
      digits = 0;
      break;
    }
    group = 16 * group + digitOf(code);
    digits++;
  }
  if (digits > 0) put();
  if (gap < 0) return;
  const behind = at - gap;
  into.copyWithin(to + 16 - behind, gap, at);
  into.fill(0, gap, to + 16 - behind);
}

/** Bytes that an address takes. */
export function ipSize(ip: Ip): 4 | 16 {
  return ip.indexOf(":") < 0 ? 4 : 16;
}

/** Lays the address's four or sixteen bytes into `into`, from `to` on. The text must be canonical, as an `Ip` is. */
export function writeIpBytes(ip: Ip, into: Uint8Array, to: number): void {
  if (ipSize(ip) === 4) readIpv4(ip, 0, into, to);
  else readIpv6(ip, into, to);
}

const left = new Uint8Array(16);
const right = new Uint8Array(16);

/** Numeric, every IPv4 address before every IPv6 address. */
export function compareIpBytes(a: Ip, b: Ip): number {
  const size = ipSize(a);
  const difference = size - ipSize(b);
  if (difference !== 0) return difference;
  writeIpBytes(a, left, 0);
  writeIpBytes(b, right, 0);
  for (let i = 0; i < size; i++) {
    const order = (left[i] as number) - (right[i] as number);
    if (order !== 0) return order;
  }
  return 0;
}
