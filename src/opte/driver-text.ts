/** Addresses in the words of the driver's own messages and of opteadm. */
import { type Cidr, cidrAddress, cidrLength } from "../net/cidr.ts";
import { type Ip, ipBytes, isIpv4 } from "../net/ip.ts";
import type { Mac } from "../net/mac.ts";

/**
 * An address as the driver prints it (smoltcp's `Display`): unlike RFC 5952, the FIRST run of zero
 * groups is compressed, even a single one. IPv4-mapped addresses are dotted, as everywhere.
 */
export function driverText(ip: Ip): string {
  if (isIpv4(ip) || ip.includes(".")) return ip;
  const bytes = ipBytes(ip);
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  const start = groups.indexOf(0);
  if (start < 0) return text(groups);
  let end = start;
  while (groups[end] === 0) end++;
  return `${text(groups.slice(0, start))}::${text(groups.slice(end))}`;
}

export function driverCidr(cidr: Cidr): string {
  return `${driverText(cidrAddress(cidr) as Ip)}/${cidrLength(cidr)}`;
}

/** In capitals (opte-api mac.rs). */
export function driverMac(mac: Mac): string {
  return mac.toUpperCase();
}
