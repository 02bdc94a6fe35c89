/** The load under which the agent is killed: one client for M2P and forwarding, and one for each of some VMMs. */
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { Client, type TableBelief, type VmmBelief } from "./world.ts";

export type Send = (method: string, path: string, body?: object) => Promise<number>;
export type Pick = <T>(of: readonly T[]) => T;

const GROUPS = ["239.1.1.1", "239.1.1.2", "239.1.1.3", "ff0e::1", "ff0e::2"] as const;
const UNDERLAYS = ["ff04::1", "ff04::2", "ff04::3"] as const;
const HOPS = ["fd00::a", "fd00::b", "fd00::c"] as const;
const SOURCES = ["", "10.0.0.1", "10.0.0.1,10.0.0.2"] as const;

/** Ports that the driver has from the start; each adopting VMM has two of its own. */
export const GUESTS = ["guest0", "guest1", "guest2", "guest3"] as const;
const REGISTERING = 2;
const ADOPTING = GUESTS.length / 2;

const without = <V>(map: ReadonlyMap<string, V>, key: string) => new Map([...map].filter(([other]) => other !== key));

const entryBody = (underlay: string, hops: string) => ({
  underlay,
  next_hops: hops
    .split(",")
    .filter((hop) => hop !== "")
    .map((hop) => ({ next_hop: hop, replication: "underlay", filter: { mode: "exclude", sources: [] } })),
});

export class Load {
  readonly tables = new Client<TableBelief>("tables", { generation: undefined, m2p: new Map(), forwarding: new Map() });
  readonly vmms: readonly { readonly id: string; readonly n: number; readonly client: Client<VmmBelief> }[];
  readonly #pick: Pick;
  #generation = 0;

  constructor(pick: Pick) {
    this.#pick = pick;
    this.vmms = Array.from({ length: REGISTERING + ADOPTING }, (_, n) => {
      const id = propolis(n + 1);
      return { id, n, client: new Client<VmmBelief>(`VMM ${n + 1}`, undefined) };
    });
  }

  /** Every client asks for one thing after another until its agent is gone. */
  async run(send: Send): Promise<void> {
    const endless = async (ask: () => Promise<void>) => {
      try {
        for (;;) await ask();
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    };
    await Promise.all([
      endless(() => this.#askTables(send)),
      ...this.vmms.map((vmm) => endless(() => this.#askVmm(vmm, send))),
    ]);
  }

  async #askTables(send: Send): Promise<void> {
    const { tables } = this;
    const kind = this.#pick(["config", "config", "release", "map", "map", "clear", "forward", "cut"] as const);
    if (kind === "config") return this.#declare(send);
    if (kind === "release") {
      return tables.ask({ ...tables.state, generation: undefined }, () => send("DELETE", "/multicast/config"));
    }
    // Refused while a configuration is in force, which is no success: nothing changes.
    const managed = [409];
    const { m2p, forwarding, generation } = tables.state;
    const [group, underlay, hop] = [this.#pick(GROUPS), this.#pick(UNDERLAYS), this.#pick(HOPS)];
    if (kind === "map") {
      const next = { generation, forwarding, m2p: new Map(m2p).set(group, underlay) };
      return tables.ask(next, () => send("PUT", "/networking/mcast-m2p", { group, underlay }), managed);
    }
    if (kind === "clear") {
      const next = { generation, forwarding, m2p: without(m2p, group) };
      const there = m2p.get(group) ?? underlay;
      return tables.ask(next, () => send("DELETE", "/networking/mcast-m2p", { group, underlay: there }), managed);
    }
    if (kind === "forward") {
      const before = forwarding.get(underlay)?.split(",") ?? [];
      const hops = [...new Set([...before, hop])].filter((one) => one !== "").sort();
      const next = { generation, m2p, forwarding: new Map(forwarding).set(underlay, hops.join()) };
      return tables.ask(next, () => send("PUT", "/networking/mcast-fwd", entryBody(underlay, hop)), managed);
    }
    const next = { generation, m2p, forwarding: without(forwarding, underlay) };
    return tables.ask(next, () => send("DELETE", "/networking/mcast-fwd", { underlay }), managed);
  }

  #declare(send: Send): Promise<void> {
    const m2p = new Map(GROUPS.filter(() => this.#pick([true, true, false])).map((g) => [g, this.#pick(UNDERLAYS)]));
    const hops = () => HOPS.filter(() => this.#pick([true, false])).join();
    const forwarding = new Map(UNDERLAYS.filter(() => this.#pick([true, false])).map((u) => [u, hops()]));
    const generation = ++this.#generation;
    const body = {
      generation,
      m2p: [...m2p].map(([group, underlay]) => ({ group, underlay })),
      forwarding: [...forwarding].map(([underlay, list]) => entryBody(underlay, list)),
    };
    return this.tables.ask({ generation, m2p, forwarding }, () => send("PUT", "/multicast/config", body));
  }

  async #askVmm({ id, n, client }: Load["vmms"][number], send: Send): Promise<void> {
    const { state } = client;
    if (state === undefined)
      return n < REGISTERING ? this.#register(id, n, client, send) : this.#adopt(id, n, client, send);
    const kind = this.#pick(["join", "join", "join", "leave", "leave", "again", "unregister"] as const);
    if (kind === "unregister") return client.ask(undefined, () => send("DELETE", `/vmms/${id}`));
    if (kind === "again") return state.adopted === undefined ? undefined : this.#adopt(id, n, client, send);
    const [group, some] = [this.#pick(GROUPS), this.#pick(SOURCES)];
    const path = `/vmms/${id}/multicast-group`;
    if (kind === "leave") {
      const next = { ...state, memberships: without(state.memberships, group) };
      return client.ask(next, () => send("DELETE", path, { group_ip: group, sources: [] }));
    }
    // Sources are of their group's family.
    const sources = group.includes(":") ? "" : some;
    const next = { ...state, memberships: new Map(state.memberships).set(group, sources) };
    const body = { group_ip: group, sources: sources === "" ? [] : sources.split(",") };
    return client.ask(next, () => send("PUT", path, body));
  }

  #register(id: string, n: number, client: Client<VmmBelief>, send: Send): Promise<void> {
    const groups = GROUPS.filter(() => this.#pick([true, false]));
    const nics = [
      nic(2 * n + 1, { primary: true }),
      ...(this.#pick([true, false]) ? [nic(2 * n + 2, { primary: false })] : []),
    ];
    const body = ensureBody({ nics, multicast_groups: groups.map((group_ip) => ({ group_ip, sources: [] })) });
    const next = { adopted: undefined, memberships: new Map(groups.map((group) => [group, ""])) };
    return client.ask(next, () => send("PUT", `/vmms/${id}`, body));
  }

  #adopt(id: string, n: number, client: Client<VmmBelief>, send: Send): Promise<void> {
    const own = GUESTS.slice(2 * (n - REGISTERING), 2 * (n - REGISTERING) + 2);
    const primary = this.#pick(own);
    const next = { adopted: primary, memberships: client.state?.memberships ?? new Map<string, string>() };
    return client.ask(next, () => send("PUT", `/vmms/${id}/ports`, { ports: own, primary }));
  }
}

const GONE = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT"]);

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && GONE.has(String(error.code));
}
