/** A NIC of a body that passed its schema. */
import { badRequest } from "../../error.ts";
import {
  type Cidr,
  cidrContains,
  cidrLength,
  type Ipv4Cidr,
  type Ipv6Cidr,
  isIpv6Cidr,
  parseCidr,
} from "../../net/cidr.ts";
import { type Ip, type Ipv4, type Ipv6, parseIp } from "../../net/ip.ts";
import { type Mac, parseMac } from "../../net/mac.ts";
import type { Vni } from "../../net/vni.ts";
import type { Nic, PrivateIp } from "../../ports/spec.ts";
import { parseUuid, type Uuid } from "../../uuid.ts";
import type { NetworkInterfaceBody } from "../schemas/nic.ts";

function parsePrivateIp<Address extends Ip, Network extends Cidr>(
  body: { readonly ip: string; readonly subnet: string; readonly transit_ips?: readonly string[] },
  field: string,
): PrivateIp<Address, Network> {
  const ip = parseIp(body.ip) as Address;
  const subnet = parseCidr(body.subnet) as Network;
  const length = cidrLength(subnet);
  if (isIpv6Cidr(subnet) ? length !== 64 : length < 8 || length > 26) {
    const want = isIpv6Cidr(subnet) ? "must be 64" : "must be 8 to 26";
    throw badRequest(`${field}.subnet: the prefix length of ${subnet} ${want}`);
  }
  if (!cidrContains(subnet, ip)) throw badRequest(`${field}.ip: ${ip} is not in subnet ${subnet}`);
  return { ip, subnet, transitIps: (body.transit_ips ?? []).map((text) => parseCidr(text) as Network) };
}

type Families = Pick<Nic, "v4" | "v6">;

function parseIpConfig(config: NetworkInterfaceBody["ip_config"], field: string): Families {
  const v4 = (body: Parameters<typeof parsePrivateIp>[0], at: string) => parsePrivateIp<Ipv4, Ipv4Cidr>(body, at);
  const v6 = (body: Parameters<typeof parsePrivateIp>[0], at: string) => parsePrivateIp<Ipv6, Ipv6Cidr>(body, at);
  switch (config.type) {
    case "v4":
      return { v4: v4(config.value, `${field}.value`), v6: undefined };
    case "v6":
      return { v4: undefined, v6: v6(config.value, `${field}.value`) };
    case "dual_stack":
      return { v4: v4(config.value.v4, `${field}.value.v4`), v6: v6(config.value.v6, `${field}.value.v6`) };
  }
}

export function parseNic(body: NetworkInterfaceBody, field: string): Nic {
  return {
    id: parseUuid(body.id) as Uuid,
    kind: body.kind.type,
    mac: parseMac(body.mac) as Mac,
    vni: body.vni as Vni,
    primary: body.primary,
    ...parseIpConfig(body.ip_config, `${field}.ip_config`),
  };
}
