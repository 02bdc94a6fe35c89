/** The driver's configuration of a port, from what the control plane says of its NIC. */
import { type Cidr, compareCidr, firstHost, isIpv4Cidr, isIpv6Cidr } from "../net/cidr.ts";
import type { Ip, Ipv6 } from "../net/ip.ts";
import { GATEWAY_MAC } from "../opte/constants.ts";
import type { ExternalIpCfg, IpCfg, IpFamilyCfg, TransitIp, VpcCfg } from "../opte/types.ts";
import type { AttachedSubnet, PortSpec, PrivateIp } from "./spec.ts";

const BOTH_WAYS: TransitIp = { allowIn: true, allowOut: true };

const byCidr = ([a]: readonly [Cidr, unknown], [b]: readonly [Cidr, unknown]) => compareCidr(a, b);

function family<Address extends Ip, Network extends Cidr>(
  { ip, subnet, transitIps }: PrivateIp<Address, Network>,
  gatewayIp: Address,
  externalIps: ExternalIpCfg<Address> | undefined,
  attached: readonly (readonly [Network, { readonly isExternal: boolean }])[],
): IpFamilyCfg<Address, Network> {
  // The driver takes maps: a network named twice counts once, the last time.
  return {
    vpcSubnet: subnet,
    privateIp: ip,
    gatewayIp,
    externalIps: externalIps ?? { snat: undefined, ephemeralIp: undefined, floatingIps: [] },
    attachedSubnets: [...new Map(attached)].sort(byCidr),
    transitIps: [...new Set(transitIps)].map((cidr) => [cidr, BOTH_WAYS] as const).sort(byCidr),
  };
}

function attachedOf<Network extends Cidr>(subnets: readonly AttachedSubnet[], is: (cidr: Cidr) => cidr is Network) {
  return subnets.flatMap(({ subnet, kind }) =>
    is(subnet) ? [[subnet, { isExternal: kind === "external" }] as const] : [],
  );
}

/** The gateway is the subnet's first host in either family, and always has the same MAC. */
export function vpcCfg({ nic, externalIps, attachedSubnets, dhcp }: PortSpec, physIp: Ipv6): VpcCfg {
  const v4 =
    nic.v4 && family(nic.v4, firstHost(nic.v4.subnet), externalIps.v4, attachedOf(attachedSubnets, isIpv4Cidr));
  const v6 =
    nic.v6 && family(nic.v6, firstHost(nic.v6.subnet), externalIps.v6, attachedOf(attachedSubnets, isIpv6Cidr));
  return {
    // A NIC has a family at least: its parser sees to that.
    ipCfg: { ...(v4 && { v4 }), ...(v6 && { v6 }) } as IpCfg,
    guestMac: nic.mac,
    gatewayMac: GATEWAY_MAC,
    vni: nic.vni,
    physIp,
    dhcp,
  };
}
