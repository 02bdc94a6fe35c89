/** Next hops compared. To the driver the same address with another VNI is another hop. */
import { sameFilter } from "../opte/filter.ts";
import type { NextHop } from "../opte/types.ts";

export const hopKey = ({ addr, vni }: NextHop) => `${addr} ${vni}`;

export function sameHop(a: NextHop | undefined, b: NextHop): boolean {
  if (a === undefined || a === b) return a === b;
  return a.addr === b.addr && a.vni === b.vni && a.replication === b.replication && sameFilter(a.filter, b.filter);
}

/** Dumps come in one order; what was set between them came in any. */
export function sameHops(before: readonly NextHop[], after: readonly NextHop[]): boolean {
  if (before === after) return true;
  if (before.length !== after.length) return false;
  if (after.every((hop, i) => sameHop(before[i] as NextHop, hop))) return true;
  const known = new Map(before.map((hop) => [hopKey(hop), hop]));
  return after.every((hop) => sameHop(known.get(hopKey(hop)), hop));
}
