/** Geneve virtual network identifiers: 24 bits (RFC 8926 §3.4). */
import type { Brand } from "./brand.ts";

export type Vni = Brand<number, "Vni">;

export const MAX_VNI = 0xff_ff_ff;

export function vni(value: number): Vni | undefined {
  return Number.isInteger(value) && value >= 0 && value <= MAX_VNI ? (value as Vni) : undefined;
}

/** Every multicast group of the rack lives in this network (opte `DEFAULT_MULTICAST_VNI`). */
export const MULTICAST_VNI = 77 as Vni;

/** What leaves the rack carries this one (oxide-vpc `BOUNDARY_SERVICES_VNI`). */
export const BOUNDARY_SERVICES_VNI = 99 as Vni;
