/** External addresses and subnets of a VMM that passed their schema. */
import { badRequest } from "../../error.ts";
import { type Cidr, parseCidr } from "../../net/cidr.ts";
import { kindOf } from "../../net/classify.ts";
import { type Ip, parseIp } from "../../net/ip.ts";
import type { AttachedSubnet, ExternalIp } from "../../ports/spec.ts";
import type { AttachedSubnetBody, ExternalIpBody } from "../schemas/nic.ts";

/** To be taken away: whatever a port was given may be named. */
export function parseExternalIp({ type, value }: ExternalIpBody): ExternalIp {
  return { kind: type, ip: parseIp(value) as Ip };
}

/** To be given: packets have to find back to it. */
export function parseNewExternalIp(body: ExternalIpBody): ExternalIp {
  const external = parseExternalIp(body);
  const kind = kindOf(external.ip);
  if (kind !== "unicast") throw badRequest(`value: ${external.ip} is ${kind}, not a unicast address`);
  return external;
}

export function parseAttachedSubnet({ subnet, kind }: AttachedSubnetBody): AttachedSubnet {
  return { subnet: parseCidr(subnet) as Cidr, kind };
}

/** A set: what is there twice counts once. Of two kinds a subnet cannot be. */
export function parseAttachedSubnets(bodies: readonly AttachedSubnetBody[], field: string): AttachedSubnet[] {
  const subnets = new Map<Cidr, AttachedSubnet>();
  for (const [i, body] of bodies.entries()) {
    const attached = parseAttachedSubnet(body);
    const { subnet, kind } = attached;
    const earlier = subnets.get(subnet);
    if (earlier !== undefined && earlier.kind !== kind) {
      throw badRequest(`${field}[${i}].kind: ${subnet} is listed twice, as ${earlier.kind} and as ${kind}`);
    }
    subnets.set(subnet, attached);
  }
  return [...subnets.values()];
}
