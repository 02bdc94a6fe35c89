/**
 * Networks in prefix notation. Host bits that were written are dropped, as OPTE's own clients do
 * (`Ipv4Cidr::new` in opte-api ip.rs): the driver keeps what it is sent and compares masked addresses
 * with it, so a network with host bits would match nothing, and one network could be there twice. What
 * the driver says is taken as it is.
 */
import type { Brand } from "./brand.ts";
import { compareIp, type Ip, type Ipv4, type Ipv6, ipBytes, ipFromBytes, isIpv6, parseIp } from "./ip.ts";

export type Ipv4Cidr = Brand<string, "Cidr" | "Ipv4Cidr">;
export type Ipv6Cidr = Brand<string, "Cidr" | "Ipv6Cidr">;
export type Cidr = Ipv4Cidr | Ipv6Cidr;

const LENGTH = /^(?:0|[1-9][0-9]{0,2})$/;

export function cidrOf(address: Ip, length: number): Cidr {
  return `${address}/${length}` as Cidr;
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  const suffix = text.slice(slash + 1);
  if (ip === undefined || !LENGTH.test(suffix)) return undefined;
  const length = Number(suffix);
  if (length > (isIpv6(ip) ? 128 : 32)) return undefined;
  return cidrOf(ipFromBytes(maskedBytes(cidrOf(ip, length))) as Ip, length);
}

export function cidrAddress(cidr: Ipv4Cidr): Ipv4;
export function cidrAddress(cidr: Ipv6Cidr): Ipv6;
export function cidrAddress(cidr: Cidr): Ip;
export function cidrAddress(cidr: Cidr): Ip {
  return cidr.slice(0, cidr.indexOf("/")) as Ip;
}

export function cidrLength(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf("/") + 1));
}

export function isIpv6Cidr(cidr: Cidr): cidr is Ipv6Cidr {
  return isIpv6(cidrAddress(cidr));
}

export function isIpv4Cidr(cidr: Cidr): cidr is Ipv4Cidr {
  return !isIpv6Cidr(cidr);
}

/** Whether the prefix is as long as the address: one host. */
export function isHostCidr(cidr: Cidr): boolean {
  return cidrLength(cidr) === (isIpv6Cidr(cidr) ? 128 : 32);
}

function maskedBytes(cidr: Cidr): number[] {
  const length = cidrLength(cidr);
  return ipBytes(cidrAddress(cidr)).map(
    (byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff,
  );
}

/** Host bits cleared: OPTE's own parser keeps none. */
export function networkOf<Network extends Cidr>(cidr: Network): Network {
  return cidrOf(ipFromBytes(maskedBytes(cidr)) as Ip, cidrLength(cidr)) as Network;
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  if (isIpv6(ip) !== isIpv6Cidr(cidr)) return false;
  const length = cidrLength(cidr);
  const network = maskedBytes(cidr);
  return maskedBytes(cidrOf(ip, length)).every((byte, i) => byte === network[i]);
}

/** The network address plus one: where OPTE puts a subnet's gateway. */
export function firstHost(cidr: Ipv4Cidr): Ipv4;
export function firstHost(cidr: Ipv6Cidr): Ipv6;
export function firstHost(cidr: Cidr): Ip {
  const bytes = maskedBytes(cidr);
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = ((bytes[i] as number) + 1) & 255;
    if (bytes[i] !== 0) break;
  }
  return ipFromBytes(bytes) as Ip;
}

export function compareCidr(a: Cidr, b: Cidr): number {
  return compareIp(cidrAddress(a), cidrAddress(b)) || cidrLength(a) - cidrLength(b);
}
