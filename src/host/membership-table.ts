/**
 * The kernel's own table of memberships, read back: a successful setsockopt(2) does not prove that
 * a group is joined, least of all later.
 *
 * Linux has it as `/proc/net/igmp6`, where a membership that the kernel dropped (the MTU fell below
 * 1280 for a moment, the NIC was made again under the same index) is missing while the socket
 * still believes in it. illumos tells it to `netstat -gn -f inet6` over a STREAMS request for its
 * MIB, and that is IP's view as well: whether the driver took the MAC address is told nowhere (a
 * refusal comes back to IP, not to the caller, and the NIC's filter has no common kstat). There
 * and on macOS only the NICs' indexes are looked at, which on illumos covers what is known to lose
 * memberships: a NIC that is plumbed again gets the next index of a counter.
 */
import { createReadStream } from "node:fs";

/** Joined groups, 32 hexadecimal digits each, by interface index. */
export type MembershipTable = ReadonlyMap<number, ReadonlySet<string>>;

/** Underlay groups begin with it (ff04::/16). */
const UNDERLAY = "ff04";

/** Takes up one line: `5    u0   ff040000000000000000000000000001     1 00000004 0` (net/ipv6/mcast.c, `igmp6_mc_seq_show`). */
function addLine(line: string, table: Map<number, Set<string>>): void {
  const index = Number.parseInt(line, 10);
  const groups = table.get(index);
  if (groups === undefined) return;
  // The name cannot have a blank in it.
  const name = line.indexOf(" ", line.search(/ \S/) + 1);
  const start = line.slice(name).search(/\S/) + name;
  if (line.startsWith(UNDERLAY, start)) groups.add(line.slice(start, start + 32));
}

/** The underlay groups joined on the interfaces of these indexes; undefined where the OS does not tell. */
export async function readMemberships(
  indexes: readonly number[],
  path = "/proc/net/igmp6",
): Promise<MembershipTable | undefined> {
  if (process.platform !== "linux") return undefined;
  const table = new Map(indexes.map((index) => [index, new Set<string>()]));
  // Piece by piece: twenty thousand lines at once would hold up everything else.
  let rest = "";
  for await (const piece of createReadStream(path, { encoding: "latin1" })) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) addLine(line, table);
  }
  return table;
}
