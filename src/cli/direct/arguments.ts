/** opteadm's arguments, read into what the driver takes. A bad one is a usage error that names it. */
import { InvalidArgumentError } from "commander";
import { type Cidr, networkOf, parseCidr } from "../../net/cidr.ts";
import { type UnderlayGroup, underlayGroup } from "../../net/group.ts";
import { type Ip, type Ipv6, parseIp, parseIpv6 } from "../../net/ip.ts";
import { type Mac, parseMac } from "../../net/mac.ts";
import { type Vni, vni } from "../../net/vni.ts";
import { MAX_PORT_NAME } from "../../opte/constants.ts";
import type { Direction, Replication } from "../../opte/types.ts";

export function refuse(text: string, what: string): never {
  throw new InvalidArgumentError(`${JSON.stringify(text)} is not ${what}.`);
}

export function ipArgument(text: string): Ip {
  return parseIp(text) ?? refuse(text, "an IP address");
}

export function ipv6Argument(text: string): Ipv6 {
  return parseIpv6(text) ?? refuse(text, "an IPv6 address");
}

export function underlayArgument(text: string): UnderlayGroup {
  const ip = parseIpv6(text);
  return (ip && underlayGroup(ip)) ?? refuse(text, "an underlay group, an IPv6 address inside ff04::/16");
}

/** An agent's requests may leave digits out, even all of a part's; opteadm's arguments may not (opte-api mac.rs). */
export function macArgument(text: string): Mac {
  return (text.split(":").includes("") ? undefined : parseMac(text)) ?? refuse(text, "a MAC address");
}

export function vniArgument(text: string): Vni {
  const parsed = /^\d+$/.test(text) ? vni(Number(text)) : undefined;
  return parsed ?? refuse(text, "a VNI, a number of 24 bits");
}

/** As OPTE reads it: host bits are dropped. */
export function cidrArgument(text: string): Cidr {
  const cidr = parseCidr(text) ?? refuse(text, "a network in prefix notation");
  return networkOf(cidr);
}

const MAX_U64 = 2n ** 64n - 1n;

/** A number of at most 64 bits. */
export function wideArgument(text: string): bigint {
  const number = /^\d+$/.test(text) ? BigInt(text) : -1n;
  return number >= 0n && number <= MAX_U64 ? number : refuse(text, "a number of 64 bits");
}

export function numberOf(bits: 8 | 16 | 32): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : -1;
    return number >= 0 && number < 2 ** bits ? number : refuse(text, `a number of ${bits} bits`);
  };
}

export function directionArgument(text: string): Direction {
  const lower = text.toLowerCase();
  return lower === "in" || lower === "out" ? lower : refuse(text, "in or out");
}

/** `reserved` is the driver's own. */
const REPLICATIONS: readonly Replication[] = ["external", "underlay", "both"];

export function replicationArgument(text: string): Replication {
  const lower = text.toLowerCase();
  return REPLICATIONS.find((one) => one === lower) ?? refuse(text, `one of ${REPLICATIONS.join(", ")}`);
}

/** A NUL would panic the kernel, and no link has an empty name. */
export function nameArgument(text: string): string {
  if (text === "" || text.includes("\0")) refuse(text, "a name");
  return text;
}

/** Longer names can bring the kernel down (opte/gate.ts). */
export function newPortArgument(text: string): string {
  nameArgument(text);
  return Buffer.byteLength(text) <= MAX_PORT_NAME ? text : refuse(text, `a name of at most ${MAX_PORT_NAME} bytes`);
}

/** OPTE's bounds (opte-api dns.rs): 253 bytes in all, labels of 1 to 63, any number of dots at the end. */
export function domainArgument(text: string): string {
  const labels = text.replace(/\.+$/, "").split(".");
  const fits = (label: string) => label !== "" && Buffer.byteLength(label) <= 63;
  return Buffer.byteLength(text) <= 253 && labels.every(fits) ? text : refuse(text, "a domain name");
}

/** An option that can be given again. */
export function repeated<T>(parse: (text: string) => T): (text: string, earlier?: readonly T[]) => T[] {
  return (text, earlier = []) => [...earlier, parse(text)];
}

/** An option that can be given again, and holds several with commas between them. */
export function listed<T>(parse: (text: string) => T): (text: string, earlier?: readonly T[]) => T[] {
  return (text, earlier = []) => [...earlier, ...text.split(",").map(parse)];
}
