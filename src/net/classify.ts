/** What an address is for, with the boundaries OPTE draws (opte-api `ip.rs`). */
import { type Ip, type Ipv6, ipBytes, isIpv6 } from "./ip.ts";

export type AddressKind = "unspecified" | "loopback" | "broadcast" | "link-local" | "multicast" | "unicast";

function kindOfIpv4(bytes: readonly number[]): AddressKind {
  const [a, b] = bytes as [number, number];
  if (bytes.every((x) => x === 0)) return "unspecified";
  if (bytes.every((x) => x === 255)) return "broadcast";
  if (a === 127) return "loopback";
  if (a === 169 && b === 254) return "link-local";
  return a >= 224 && a < 240 ? "multicast" : "unicast";
}

function kindOfIpv6(bytes: readonly number[]): AddressKind {
  const [a, b] = bytes as [number, number];
  if (a === 0xff) return "multicast";
  if (a === 0xfe && (b & 0xc0) === 0x80) return "link-local";
  if (bytes.slice(0, 15).some((x) => x !== 0)) return "unicast";
  if (bytes[15] === 0) return "unspecified";
  return bytes[15] === 1 ? "loopback" : "unicast";
}

/** An IPv4-mapped address (`::ffff:a.b.c.d`) is an IPv6 address here, so never multicast. */
export function kindOf(ip: Ip): AddressKind {
  const bytes = ipBytes(ip);
  return isIpv6(ip) ? kindOfIpv6(bytes) : kindOfIpv4(bytes);
}

// Asked of every request, so answered from the canonical text, without its bytes.

export function isMulticast(ip: Ip): boolean {
  // A first group of four digits that begins with ff: the text has no leading zeros, so `ff:a::` is 00ff:000a.
  if (isIpv6(ip)) return ip.startsWith("ff") && ip.indexOf(":") === 4;
  const first = Number.parseInt(ip, 10);
  return first >= 224 && first < 240;
}

/** Inside ff04::/16, admin-local scope with no flags: the range of underlay groups. */
export function isUnderlayScope(ip: Ip): ip is Ipv6 {
  return ip.startsWith("ff04:");
}
