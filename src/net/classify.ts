/** What an address is for, with the boundaries OPTE draws (opte-api `ip.rs`). */
import { type Ip, type Ipv4, type Ipv6, isIpv6 } from "./ip.ts";

export type AddressKind = "unspecified" | "loopback" | "broadcast" | "link-local" | "multicast" | "unicast";

// Asked of every address of every request, so answered from the canonical text, without its bytes.

function kindOfIpv4(ip: Ipv4): AddressKind {
  if (ip === "0.0.0.0") return "unspecified";
  if (ip === "255.255.255.255") return "broadcast";
  if (ip.startsWith("127.")) return "loopback";
  if (ip.startsWith("169.254.")) return "link-local";
  return isMulticast(ip) ? "multicast" : "unicast";
}

/** fe80::/10: a first group of four digits from fe80 to febf. */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/;

function kindOfIpv6(ip: Ipv6): AddressKind {
  if (ip === "::") return "unspecified";
  if (ip === "::1") return "loopback";
  if (isMulticast(ip)) return "multicast";
  return LINK_LOCAL.test(ip) ? "link-local" : "unicast";
}

/** An IPv4-mapped address (`::ffff:a.b.c.d`) is an IPv6 address here, so never multicast. */
export function kindOf(ip: Ip): AddressKind {
  return isIpv6(ip) ? kindOfIpv6(ip) : kindOfIpv4(ip);
}

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
