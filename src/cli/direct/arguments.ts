/** opteadm's arguments, read into what the driver takes. A bad one is a usage error that names it. */
import { InvalidArgumentError } from "commander";
import { type UnderlayGroup, underlayGroup } from "../../net/group.ts";
import { type Ip, type Ipv6, parseIp, parseIpv6 } from "../../net/ip.ts";
import { type Mac, parseMac } from "../../net/mac.ts";
import { type Vni, vni } from "../../net/vni.ts";
import type { Replication } from "../../opte/types.ts";

function refuse(text: string, what: string): never {
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

export function macArgument(text: string): Mac {
  return parseMac(text) ?? refuse(text, "a MAC address");
}

export function vniArgument(text: string): Vni {
  const parsed = /^\d+$/.test(text) ? vni(Number(text)) : undefined;
  return parsed ?? refuse(text, "a VNI, a number of 24 bits");
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

/** Repeatable. */
export function sourcesOption(text: string, earlier: readonly Ip[] = []): Ip[] {
  return [...earlier, ipArgument(text)];
}
