/** A client of the events, as simple as possible: what it is told, and the sled that follows from it. */
import type { SledEvent } from "../../src/events.ts";
import type { Sled } from "./sled.ts";

export type Told = Readonly<Record<string, unknown>> & { readonly kind: string };

export function told(event: SledEvent): Told {
  const { time: _, ...data } = JSON.parse(event.json);
  return { kind: event.kind, ...data };
}

/** What the sled told since it was last asked. */
export class Follower {
  readonly #sled: Sled;
  #at: number;

  constructor(sled: Sled) {
    this.#sled = sled;
    this.#at = sled.agent.events.last;
  }

  take(): Told[] {
    const events = this.#sled.agent.events.since(this.#at);
    if (events === undefined) throw new Error("events were missed");
    this.#at = this.#sled.agent.events.last;
    return events.map(told);
  }
}

const sorted = (rows: Iterable<string>) => [...rows].sort();

/** The sled as its events alone make it. */
export class Replay {
  readonly #mappings = new Map<unknown, unknown>();
  readonly #forwarding = new Map<unknown, unknown>();
  readonly #memberships = new Map<string, unknown>();
  readonly #filters = new Map<unknown, string>();
  readonly #ports = new Map<unknown, unknown>();

  take(events: readonly Told[]): void {
    for (const event of events) this.#take(event);
  }

  #take({ kind, ...data }: Told): void {
    if (kind === "mapping") put(this.#mappings, data.group, data.underlay);
    if (kind === "forwarding") put(this.#forwarding, data.underlay, data.next_hops);
    if (kind === "membership") {
      const { group, propolis_id: id, port, state, sources, reason } = data;
      put(this.#memberships, `${id} ${port} ${group}`, state === "ended" ? null : { sources, state, reason });
    }
    if (kind === "filter") {
      const { underlay, change } = data;
      put(this.#filters, underlay, change === "left" ? null : change === "degraded" ? "degraded" : "in order");
    }
    if (kind === "port") {
      // Of the others, which are a VMM's no more, some are there still.
      const its = data.change === "created" || data.change === "adopted";
      put(this.#ports, data.name, its ? data.propolis_id : null);
    }
  }

  get state() {
    return {
      mappings: rows(this.#mappings),
      forwarding: rows(this.#forwarding),
      memberships: rows(this.#memberships),
      filters: rows(this.#filters),
      ports: rows(this.#ports),
    };
  }
}

function put<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}

const rows = (map: ReadonlyMap<unknown, unknown>) =>
  sorted([...map].map(([key, value]) => `${key} ${JSON.stringify(value)}`));

/** The same, as the sled lists it. */
export async function listed(sled: Sled): Promise<Replay["state"]> {
  const { body: mappings } = await sled.get("/networking/mcast-m2p");
  const { body: forwarding } = await sled.get("/networking/mcast-fwd");
  const vmms = sled.agent.listVmms();
  return {
    mappings: sorted((mappings as { group: string; underlay: string }[]).map((m) => `${m.group} "${m.underlay}"`)),
    forwarding: sorted(
      (forwarding as { underlay: string; next_hops: object[] }[]).map(
        (entry) => `${entry.underlay} ${JSON.stringify(entry.next_hops)}`,
      ),
    ),
    memberships: sorted(
      vmms.flatMap((vmm) => {
        const port = vmm.ports.find(({ primary }) => primary)?.name ?? null;
        return sled.agent.memberships(vmm.id).map(({ group, sources, status }) => {
          const { state, reason } = { reason: undefined, ...status };
          return `${vmm.id} ${port} ${group} ${JSON.stringify({ sources, state, reason })}`;
        });
      }),
    ),
    filters: sorted(
      sled.agent.listFilters().map(({ underlay, nics }) => {
        return `${underlay} "${nics.every(({ joined }) => joined) ? "in order" : "degraded"}"`;
      }),
    ),
    ports: sorted(vmms.flatMap(({ id, ports }) => ports.map(({ name }) => `${name} "${id}"`))),
  };
}
