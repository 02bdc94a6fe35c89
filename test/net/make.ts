/** Checked values from text, for tests: text that is not acceptable is a mistake of the test. */
import { type Cidr, type Ipv4Cidr, type Ipv6Cidr, isIpv4Cidr, isIpv6Cidr, parseCidr } from "../../src/net/cidr.ts";
import { type MulticastAddr, parseMulticastAddr, parseUnderlayGroup, type UnderlayGroup } from "../../src/net/group.ts";
import { type Ip, type Ipv4, type Ipv6, parseIp, parseIpv4, parseIpv6 } from "../../src/net/ip.ts";
import { type Mac, parseMac } from "../../src/net/mac.ts";
import { type Vni, vni } from "../../src/net/vni.ts";
import { parseUuid, type Uuid } from "../../src/uuid.ts";

function made<T>(value: T | undefined, from: string | number): T {
  if (value === undefined) throw new Error(`the test's own value is not acceptable: ${from}`);
  return value;
}

export const ip = (text: string): Ip => made(parseIp(text), text);
export const ipv4 = (text: string): Ipv4 => made(parseIpv4(text), text);
export const ipv6 = (text: string): Ipv6 => made(parseIpv6(text), text);
export const ips = (...texts: string[]): Ip[] => texts.map(ip);
export const underlay = (text: string): UnderlayGroup => made(parseUnderlayGroup(text), text);
export const group = (text: string): MulticastAddr => made(parseMulticastAddr(text), text);
export const mac = (text: string): Mac => made(parseMac(text), text);
export const vniOf = (value: number): Vni => made(vni(value), value);
export const uuid = (text: string): Uuid => made(parseUuid(text), text);
export const cidr = (text: string): Cidr => made(parseCidr(text), text);

export function cidr4(text: string): Ipv4Cidr {
  const parsed = cidr(text);
  return made(isIpv4Cidr(parsed) ? parsed : undefined, text);
}

export function cidr6(text: string): Ipv6Cidr {
  const parsed = cidr(text);
  return made(isIpv6Cidr(parsed) ? parsed : undefined, text);
}
