/** The two kinds of multicast group, as types that hold nothing else. */
import type { Brand } from "./brand.ts";
import { isMulticast, isUnderlayScope } from "./classify.ts";
import { type Ip, type Ipv6, parseIp } from "./ip.ts";

/** An underlay group: an IPv6 address inside ff04::/16. */
export type UnderlayGroup = Brand<Ipv6, "UnderlayGroup">;

/**
 * An overlay group: any multicast address that is not itself an underlay group. The driver would
 * take an ff04::/16 group as its own underlay key and then never let it go again (its unsubscribe
 * needs a mapping), so such a group does not exist here.
 */
export type MulticastAddr = Brand<Ip, "MulticastAddr">;

export function underlayGroup(ip: Ip): UnderlayGroup | undefined {
  return isUnderlayScope(ip) ? (ip as UnderlayGroup) : undefined;
}

export function multicastAddr(ip: Ip): MulticastAddr | undefined {
  return isMulticast(ip) && !isUnderlayScope(ip) ? (ip as MulticastAddr) : undefined;
}

export function parseUnderlayGroup(text: string): UnderlayGroup | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : underlayGroup(ip);
}

export function parseMulticastAddr(text: string): MulticastAddr | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : multicastAddr(ip);
}
