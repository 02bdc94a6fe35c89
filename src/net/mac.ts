/** MAC addresses as canonical text: six pairs of lower-case hexadecimal digits. */
import type { Brand } from "./brand.ts";
import type { MulticastAddr, UnderlayGroup } from "./group.ts";
import { ipBytes, isIpv6 } from "./ip.ts";

export type Mac = Brand<string, "Mac">;

const PART = /^[0-9a-fA-F]{0,2}$/;

const pair = (byte: number) => byte.toString(16).padStart(2, "0");

export function macFromBytes(bytes: readonly number[]): Mac {
  return bytes.map(pair).join(":") as Mac;
}

/** Six parts of at most two digits; missing leading digits (even all of them) are zeros, as the original reads it. */
export function parseMac(text: string): Mac | undefined {
  const parts = text.split(":");
  if (parts.length !== 6 || !parts.every((part) => PART.test(part))) return undefined;
  return parts.map((part) => part.toLowerCase().padStart(2, "0")).join(":") as Mac;
}

/** The Ethernet address frames to a group carry: RFC 1112 §6.4 for IPv4, RFC 2464 §7 for IPv6. */
export function multicastMac(group: MulticastAddr | UnderlayGroup): Mac {
  const bytes = ipBytes(group);
  if (isIpv6(group)) return macFromBytes([0x33, 0x33, ...bytes.slice(12)]);
  const [, b, c, d] = bytes as [number, number, number, number];
  return macFromBytes([0x01, 0x00, 0x5e, b & 0x7f, c, d]);
}
