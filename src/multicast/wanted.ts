/** The one filter a port has under an underlay: the union over all groups that it has joined and that travel there. */
import type { MulticastAddr } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import { type SourceFilter, unionFilter } from "../opte/filter.ts";
import type { Member } from "./members.ts";

/** `without` is a group that is left out of account; undefined: the port has nothing there. */
export function wantedFilter(
  joined: ReadonlyMap<MulticastAddr, Member>,
  mapped: ReadonlySet<Ip>,
  without?: Ip,
): SourceFilter | undefined {
  const filters: SourceFilter[] = [];
  // Either set can be large; the smaller one is walked.
  if (mapped.size < joined.size) {
    for (const group of mapped) {
      const member = joined.get(group as MulticastAddr);
      if (member !== undefined && group !== without) filters.push(member.filter);
    }
  } else {
    for (const [group, { filter }] of joined) {
      if (mapped.has(group) && group !== without) filters.push(filter);
    }
  }
  return filters.length === 0 ? undefined : unionFilter(filters);
}
