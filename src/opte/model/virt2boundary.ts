/** The virtual-to-boundary table: the tunnels by which networks outside the rack are reached (overlay.rs). */
import type { Virt2Boundary } from "../types.ts";
import { endpointsOf, type Tables } from "./tables.ts";

/** Endpoints are told apart by their address. Of a new prefix the last with one address counts, later the first. */
export function setVirt2Boundary(tables: Tables, { prefix, endpoints }: Virt2Boundary): undefined {
  const existing = tables.v2b.get(prefix);
  if (existing === undefined) {
    tables.v2b.set(prefix, endpointsOf(endpoints));
    return;
  }
  for (const endpoint of endpoints) if (!existing.has(endpoint.ip)) existing.set(endpoint.ip, endpoint);
}

/** A prefix goes with its last endpoint. */
export function clearVirt2Boundary(tables: Tables, { prefix, endpoints }: Virt2Boundary): undefined {
  const existing = tables.v2b.get(prefix);
  if (existing === undefined) return;
  for (const { ip } of endpoints) existing.delete(ip);
  if (existing.size === 0) tables.v2b.delete(prefix);
}

export function dumpVirt2Boundary(tables: Tables): Virt2Boundary[] {
  return tables.v2b.entries().map(([prefix, endpoints]) => ({ prefix, endpoints: endpoints.values() }));
}
