/**
 * The clients of M2P and forwarding: some that set and clear single entries, each of its own, and in
 * turns with them one that declares configurations, while the others are refused.
 */
import type { Change } from "./books.ts";
import type { Sender } from "./sender.ts";

const CLIENTS = 4;
/** Of each client. */
const GROUPS_EACH = 12;
const CLIENT_NUMBERS = Array.from({ length: CLIENTS }, (_, client) => client);

const groupOf = (client: number, n: number) => (n % 3 === 2 ? `ff0e::${client + 1}:${n}` : `239.${client + 1}.1.${n}`);
const groupsOf = (client: number) => Array.from({ length: GROUPS_EACH }, (_, n) => groupOf(client, n));
export const GROUPS = CLIENT_NUMBERS.flatMap(groupsOf);
/** To which groups of all clients are mapped, so that they share the joins. */
const UNDERLAYS = Array.from({ length: 10 }, (_, n) => `ff04::${n + 1}`);
/** For forwarding, each client has its own. */
const forwardedBy = (client: number) => [0, 1, 2].map((n) => `ff04::f:${client + 1}:${n + 1}`);
const HOPS = ["fd00::a", "fd00::b", "fd00::c"] as const;

const M2P = "/networking/mcast-m2p";
const FWD = "/networking/mcast-fwd";
const CONFIG = "/multicast/config";
/** A NIC is not there: nothing is mapped. */
const JOIN_FAILED = ["UNDERLAY_JOIN_FAILED"];

const entryBody = (underlay: string, hops: readonly string[]) => ({
  underlay,
  next_hops: hops.map((hop) => ({ next_hop: hop, replication: "underlay", filter: { mode: "exclude", sources: [] } })),
});

export class TableClients {
  readonly #sender: Sender;
  #generation = 0;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  async run(): Promise<void> {
    const { books } = this.#sender;
    while (!this.#sender.stopping) {
      if (books.get("config") === undefined && !(await this.#single())) return;
      if (!(await this.#declared())) return;
    }
  }

  /** All clients, each for a while. Answers whether the agent is still there. */
  async #single(): Promise<boolean> {
    const alive = await Promise.all(
      CLIENT_NUMBERS.map((client) => {
        let left = 5 + this.#sender.chance.below(60);
        return this.#sender.repeat(
          () => this.#changeOne(client),
          () => left-- > 0,
        );
      }),
    );
    return alive.every(Boolean);
  }

  async #changeOne(client: number): Promise<void> {
    const { chance, books } = this.#sender;
    const [group, underlay] = [chance.pick(groupsOf(client)), chance.pick(UNDERLAYS)];
    const [forwarded, hop] = [chance.pick(forwardedBy(client)), chance.pick(HOPS)];
    const kind = chance.pick(["map", "map", "map", "clear", "forward", "forward", "cut"] as const);
    if (kind === "map") {
      const sent = { method: "PUT", where: M2P, body: { group, underlay } } as const;
      return this.#sender.change("set mapping", new Map([[`m2p ${group}`, underlay]]), sent, JOIN_FAILED);
    }
    if (kind === "clear") {
      const body = { group, underlay: books.get(`m2p ${group}`) ?? underlay };
      const gone = new Map([[`m2p ${group}`, undefined]]);
      return this.#sender.change("clear mapping", gone, { method: "DELETE", where: M2P, body });
    }
    const line = `fwd ${forwarded}`;
    if (kind === "cut") {
      const sent = { method: "DELETE", where: FWD, body: { underlay: forwarded } } as const;
      return this.#sender.change("clear forwarding", new Map([[line, undefined]]), sent);
    }
    // An entry may be declared without any.
    const before = books
      .get(line)
      ?.split(",")
      .filter((one) => one !== "");
    const hops = [...new Set([...(before ?? []), hop])].sort().join();
    const sent = { method: "PUT", where: FWD, body: entryBody(forwarded, [hop]) } as const;
    return this.#sender.change("set forwarding", new Map([[line, hops]]), sent);
  }

  /** A few configurations after each other, and then control is given back. */
  #declared(): Promise<boolean> {
    const { books } = this.#sender;
    let left = 1 + this.#sender.chance.below(4);
    return this.#sender.repeat(
      async () => {
        if (left-- > 0) {
          await this.#declare();
          await this.#sender.change("set mapping", new Map(), SINGLE, ["MANAGED_BY_CONFIG"]);
        } else if (await this.#isInEffect()) {
          const released = new Map([["config", undefined]]);
          await this.#sender.change("release config", released, { method: "DELETE", where: CONFIG });
        }
      },
      () => left > 0 || books.get("config") !== undefined,
    );
  }

  #declare(): Promise<void> {
    const { chance, books } = this.#sender;
    // A generation without an answer may be in force.
    const generation = ++this.#generation;
    const m2p = chance.some(GROUPS).map((group) => ({ group, underlay: chance.pick(UNDERLAYS) }));
    const forwarded = CLIENT_NUMBERS.flatMap(forwardedBy);
    const entries = chance.some(forwarded).map((underlay) => ({ underlay, hops: chance.some(HOPS) }));
    const change: Change = new Map([
      ...[...books.of("m2p "), ...books.of("fwd ")].map((line) => [line, undefined] as const),
      ...m2p.map(({ group, underlay }) => [`m2p ${group}`, underlay] as const),
      ...entries.map(({ underlay, hops }) => [`fwd ${underlay}`, hops.join()] as const),
      ["config", String(generation)],
    ]);
    const body = { generation, m2p, forwarding: entries.map(({ underlay, hops }) => entryBody(underlay, hops)) };
    return this.#sender.change("put config", change, { method: "PUT", where: CONFIG, body });
  }

  /** What of it failed for want of a NIC is tried again by the agent; given back before that, it would stay undone. */
  async #isInEffect(): Promise<boolean> {
    const { books, agent } = this.#sender;
    const mappings = await agent.get<readonly { readonly group: string; readonly underlay: string }[]>(M2P);
    this.#sender.count("list");
    return (
      mappings.length === books.of("m2p ").length &&
      mappings.every(({ group, underlay }) => books.get(`m2p ${group}`) === underlay)
    );
  }
}

const SINGLE = { method: "PUT", where: M2P, body: { group: "239.9.9.9", underlay: "ff04::1" } } as const;
