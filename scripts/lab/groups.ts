/**
 * Underlay groups that the NICs of a lab can tell apart. A macvlan's filter is a table of 256 bits,
 * as small as that of many a real NIC, and a group shares its bit with others: a test that counts
 * what a filter keeps out needs groups that share theirs with nothing.
 *
 * Which bit it is depends on a number nobody knows (`mc_hash` in Linux, drivers/net/macvlan.c). But
 * the hash multiplies by an odd number and keeps the upper eight bits, of which the MAC's last byte
 * is the source on a little-endian machine: MACs that differ in nothing but that byte never share
 * one. A MAC has the last four bytes of the group, so any number of groups can have the same.
 */

const hex = (value: number) => value.toString(16);

/** Last bytes of the MAC: 1 is all nodes. */
const OWN = { from: 0x02, count: 0x7e } as const;
const SHARED = { from: 0x80, count: 0x80 } as const;
const MOST_SHARING = 0xffff;

/** Groups with a bit each. What a NIC takes anyway can still have the same: the lab tries them. */
export const DISTINCT_GROUPS: readonly string[] = Array.from(
  { length: OWN.count },
  (_, n) => `ff04::${hex(OWN.from + n)}`,
);

/** Any number of groups with other bits than those, which they share among each other. */
export function otherGroups(count: number): readonly string[] {
  if (count > MOST_SHARING) throw new Error(`there are ${MOST_SHARING} other groups, not ${count}`);
  return Array.from({ length: count }, (_, n) => `ff04::${hex(n + 1)}:0:${hex(SHARED.from + (n % SHARED.count))}`);
}
