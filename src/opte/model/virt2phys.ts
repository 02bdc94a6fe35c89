/** The virtual-to-physical table: which sled and MAC an address of a network lives at (overlay.rs). */
import type { Virt2Phys, Virt2PhysNetwork } from "../types.ts";
import type { Tables } from "./tables.ts";

export function setVirt2Phys(tables: Tables, { vip, phys }: Virt2Phys): undefined {
  tables.network(phys.vni).set(vip, { ether: phys.ether, ip: phys.ip });
}

/** By address alone, like the clearing of multicast mappings. */
export function clearVirt2Phys(tables: Tables, { vip, phys }: Virt2Phys): undefined {
  tables.v2p.get(phys.vni)?.delete(vip);
}

export function dumpVirt2Phys(tables: Tables): Virt2PhysNetwork[] {
  return tables.v2p.entries().map(([vni, map]) => ({ vni, mappings: map.entries() }));
}
