/**
 * What should be true of a sled, said as simply as possible: plain maps, no driver, no undo. The
 * model-based test holds the agent against it.
 */
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
    filters: sorted(sled.nics.joined),
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
  return {
    mappings: sorted([...reference.mappings].map(([group, underlay]) => `${group} ${underlay}`)),
    forwarding: sorted([...reference.forwarding].map(([underlay, hops]) => `${underlay} ${sorted(hops).join()}`)),
    subscriptions: subscriptionsOf(reference, primaries),
    filters: sorted(new Set(reference.mappings.values())),
    memberships: sorted(
      [...reference.vmms].flatMap(([id, groups]) =>
        [...groups].map(([group, sources]) => `${id} ${group} ${sources.join()}`),
      ),
    ),
    vmms: sorted(reference.vmms.keys()),
    ports: sorted([...foreignPorts, ...made]),
  };
}
