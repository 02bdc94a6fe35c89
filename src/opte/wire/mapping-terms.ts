/** Where virtual addresses live, and where networks outside the rack are reached, between the wire's shapes and this program's terms. */
import { type Cidr, isIpv4Cidr, isIpv6Cidr } from "../../net/cidr.ts";
import { isIpv6 } from "../../net/ip.ts";
import { type Codec, mapped, type ValueOf } from "../../postcard/codec.ts";
import type { TunnelEndpoint, Virt2Boundary, Virt2Phys, Virt2PhysNetwork } from "../types.ts";
import { network } from "./network.ts";
import { fromCidr, fromIp, toCidr, toIp } from "./terms.ts";

export const virt2Phys: Codec<Virt2Phys> = mapped(
  network.SetVirt2PhysReq,
  ({ vip, phys }) => ({ vip: toIp(vip), phys }),
  ({ vip, phys }) => ({ vip: fromIp(vip), phys }),
);

type Guest = Virt2PhysNetwork["mappings"][number];

export const virt2PhysTable: Codec<readonly Virt2PhysNetwork[]> = mapped(
  network.DumpVirt2PhysResp,
  ({ mappings }) => mappings.map(({ vni, ip4, ip6 }) => ({ vni, mappings: [...ip4, ...ip6] as readonly Guest[] })),
  (networks) => ({
    mappings: networks.map(({ vni, mappings }) => ({
      vni,
      ip4: mappings.flatMap(([ip, guest]) => (isIpv6(ip) ? [] : [[ip, guest] as const])),
      ip6: mappings.flatMap(([ip, guest]) => (isIpv6(ip) ? [[ip, guest] as const] : [])),
    })),
  }),
);

export const virt2Boundary: Codec<Virt2Boundary> = mapped(
  network.SetVirt2BoundaryReq,
  ({ vip, tep }) => ({ prefix: toCidr(vip), endpoints: tep }),
  ({ prefix, endpoints }) => ({ vip: fromCidr(prefix), tep: endpoints }),
);

type WireTable = ValueOf<typeof network.DumpVirt2BoundaryResp>["mappings"];

const toPrefix = ([prefix, endpoints]: readonly [Cidr, readonly TunnelEndpoint[]]) => ({ prefix, endpoints });

export const virt2BoundaryTable: Codec<readonly Virt2Boundary[]> = mapped(
  network.DumpVirt2BoundaryResp,
  ({ mappings: { ip4, ip6 } }) => [...ip4, ...ip6].map(toPrefix),
  (table): { mappings: WireTable } => ({
    mappings: {
      ip4: table.flatMap(({ prefix, endpoints }) => (isIpv4Cidr(prefix) ? [[prefix, endpoints] as const] : [])),
      ip6: table.flatMap(({ prefix, endpoints }) => (isIpv6Cidr(prefix) ? [[prefix, endpoints] as const] : [])),
    },
  }),
);
