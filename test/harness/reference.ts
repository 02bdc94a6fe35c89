/**
 * What should be true of a sled, said as simply as possible: plain maps, no driver, no undo. The
 * model-based test holds the agent against it.
 */
import type { JoinPolicy } from "../../src/multicast/filter-holding.ts";
import { membershipFilter, type SourceFilter, unionFilter } from "../../src/opte/filter.ts";
import type { Sled } from "./sled.ts";

export interface Reference {
  /** Group to underlay. */
  readonly mappings: ReadonlyMap<string, string>;
  /** Underlay to next hops. */
  readonly forwarding: ReadonlyMap<string, ReadonlySet<string>>;
  /** Propolis id to group to sources; a VMM without memberships is there, too. */
  readonly vmms: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  /** Propolis id to the foreign port it has adopted. */
  readonly adopted: ReadonlyMap<string, string>;
}

export const NOTHING: Reference = { mappings: new Map(), forwarding: new Map(), vmms: new Map(), adopted: new Map() };

const sorted = (values: Iterable<string>) => [...values].sort();

const text = ({ mode, sources }: SourceFilter) => `${mode}(${sources.join(",")})`;

/** Subscriptions that follow: for each VMM's primary port and each underlay, the union over its groups there. */
function subscriptionsOf(reference: Reference, primaries: ReadonlyMap<string, string>): string[] {
  const wanted = new Map<string, SourceFilter[]>();
  for (const [id, memberships] of reference.vmms) {
    const port = primaries.get(id);
    for (const [group, sources] of memberships) {
      const underlay = reference.mappings.get(group);
      if (port === undefined || underlay === undefined) continue;
      const key = `${underlay} ${port}`;
      wanted.set(key, [...(wanted.get(key) ?? []), membershipFilter(sources as never)]);
    }
  }
  return sorted([...wanted].map(([key, filters]) => `${key} ${text(unionFilter(filters))}`));
}

/** Which overlay groups hold each underlay group's NIC filter: the mapped ones, or those of them that a port subscribes to. */
function holdersOf(reference: Reference, primaries: ReadonlyMap<string, string>, policy: JoinPolicy): string[] {
  const joined = new Set([...reference.vmms].flatMap(([id, groups]) => (primaries.has(id) ? [...groups.keys()] : [])));
  const holders = new Map<string, string[]>();
  for (const [group, underlay] of reference.mappings) {
    if (policy === "mapped" || joined.has(group)) holders.set(underlay, [...(holders.get(underlay) ?? []), group]);
  }
  return sorted([...holders].map(([underlay, groups]) => `${underlay} ${sorted(groups).join()}`));
}

/** Everything that can be seen of a sled, in the form `expected` has. */
export function observe(sled: Sled) {
  const { m2p, forwarding, subscriptions } = sled.model.tables;
  return {
    mappings: sorted(m2p.map(({ group, underlay }) => `${group} ${underlay}`)),
    forwarding: sorted(
      forwarding.map(([underlay, hops]) => `${underlay} ${sorted(hops.map(({ addr }) => addr)).join()}`),
    ),
    subscriptions: sorted(
      subscriptions.flatMap(([underlay, subs]) => subs.map(([port, filter]) => `${underlay} ${port} ${text(filter)}`)),
    ),
    filters: sorted(
      sled.agent
        .listFilters()
        .map(({ underlay, holders }) => `${underlay} ${sorted(holders as readonly string[]).join()}`),
    ),
    joined: sled.nics.names.map((nic) => sled.nics.joinedOn(nic)),
    memberships: sorted(
      sled.agent
        .listVmms()
        .flatMap((vmm) =>
          sled.agent.memberships(vmm.id).map(({ group, sources }) => `${vmm.id} ${group} ${sources.join()}`),
        ),
    ),
    vmms: sorted(sled.agent.listVmms().map(({ id }) => id)),
    ports: sorted(sled.ports),
  };
}

/** What should be seen. Foreign ports are there besides those of the VMMs. */
export function expected(
  sled: Sled,
  reference: Reference,
  foreignPorts: readonly string[],
): ReturnType<typeof observe> {
  const vmms = sled.agent.listVmms();
  const primaries = new Map<string, string>();
  for (const { id, ports } of vmms) for (const { name, primary } of ports) if (primary) primaries.set(id, name);
  const made = vmms.flatMap(({ origin, ports }) => (origin === "registered" ? ports.map(({ name }) => name) : []));
  const filters = holdersOf(reference, primaries, sled.joinPolicy);
  return {
    mappings: sorted([...reference.mappings].map(([group, underlay]) => `${group} ${underlay}`)),
    forwarding: sorted([...reference.forwarding].map(([underlay, hops]) => `${underlay} ${sorted(hops).join()}`)),
    subscriptions: subscriptionsOf(reference, primaries),
    filters,
    joined: sled.nics.names.map(() => filters.map((held) => held.slice(0, held.indexOf(" ")))),
    memberships: sorted(
      [...reference.vmms].flatMap(([id, groups]) =>
        [...groups].map(([group, sources]) => `${id} ${group} ${sources.join()}`),
      ),
    ),
    vmms: sorted(reference.vmms.keys()),
    ports: sorted([...foreignPorts, ...made]),
  };
}
