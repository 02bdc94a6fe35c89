/**
 * A sled under declared configurations, and beside it what it should come to: plain maps of what
 * the tables are to hold, and whether a configuration says so or they say it themselves.
 */
import { SledcastError } from "../../src/error.ts";
import { parseConfig } from "../../src/http/parse/multicast.ts";
import type { JoinPolicy } from "../../src/multicast/filter-holding.ts";
import type { MulticastAddr, UnderlayGroup } from "../../src/net/group.ts";
import type { Ip } from "../../src/net/ip.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { Uuid } from "../../src/uuid.ts";
import { Commands, configBody, forwardingOf, type Hop } from "./config.ts";
import { propolis } from "./registration.ts";
import { Sled } from "./sled.ts";

export interface Content {
  /** Group → underlay. */
  readonly m2p: Readonly<Record<string, string>>;
  /** Underlay → next hops. */
  readonly forwarding: Readonly<Record<string, readonly Hop[]>>;
}

/** The tables in a form that can be compared: forwarding as `forwardingOf` has it. */
export interface Tables {
  readonly m2p: Readonly<Record<string, string>>;
  readonly forwarding: Readonly<Record<string, readonly string[]>>;
}

export const EMPTY: Tables = { m2p: {}, forwarding: {} };
export const VM = propolis(10) as Uuid;
const PORT = { name: "guest0" };

export const without = <T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([other]) => other !== key));

function tablesOf({ m2p, forwarding }: Content): Tables {
  const text = ({ next_hop, replication, filter }: Hop) =>
    `${next_hop} ${replication} ${filter.mode}(${[...filter.sources].sort().join()})`;
  const entries = Object.entries(forwarding).map(([underlay, hops]) => [underlay, hops.map(text).sort()]);
  return { m2p, forwarding: Object.fromEntries(entries) };
}

export class World {
  sled: Sled;
  commands: Commands;
  /** What the driver should hold once all is settled. */
  tables: Tables = EMPTY;
  declared = false;
  readonly groups = new Set<string>();
  #generation = 0;

  private constructor(sled: Sled) {
    this.sled = sled;
    this.commands = new Commands(sled.model);
  }

  static async start(joinPolicy: JoinPolicy): Promise<World> {
    const world = new World(await Sled.start({ http: false, joinPolicy, model: { ports: [PORT] } }));
    await world.sled.agent.adopt(VM, [PORT.name], PORT.name);
    return world;
  }

  /** What the driver holds now. */
  get held(): Tables {
    return { m2p: this.sled.mappings, forwarding: forwardingOf(this.sled) };
  }

  /** A newer generation. What the answer does not name as failed has to be so when it is given. */
  async put(content: Content): Promise<string | undefined> {
    this.#generation++;
    const config = parseConfig(configBody(this.#generation, content.m2p, content.forwarding) as never);
    const outcome = await this.sled.agent.putConfig(config);
    this.declared = true;
    this.tables = tablesOf(content);
    const failed = new Set<string>(
      outcome.failed.map(({ thing, entry }) => (thing === "mapping" ? entry.group : entry.underlay)),
    );
    const { held, tables } = this;
    const wrong = [...differing(held.m2p, tables.m2p), ...differing(held.forwarding, tables.forwarding)];
    return wrong.find((key) => !failed.has(key));
  }

  async release(): Promise<void> {
    await this.sled.agent.releaseConfig();
    this.declared = false;
    this.tables = this.held;
  }

  /** A single change. Answers whether it was made; under a configuration it must not be. */
  async single(change: SingleChange): Promise<void> {
    const before = this.held;
    const after = change.apply(before);
    try {
      await change.run(this.sled);
    } catch (error) {
      const { declared } = this;
      if (declared && error instanceof SledcastError && error.kind === "managed-by-config") return;
      if (declared) throw error;
      await this.quiet();
      // Refused: it is the old state or the new one.
      this.tables = JSON.stringify(this.held) === JSON.stringify(after) ? after : before;
      return;
    }
    if (this.declared) throw new Error("a single change was made under a configuration");
    this.tables = after;
  }

  /** Without a configuration, what others did is taken up before the agent is asked for more. */
  async notice(): Promise<void> {
    if (!this.declared) await this.sled.agent.audit();
  }

  /** Somebody else's change: without a configuration it is the truth from then on. */
  async drift(change: Drift): Promise<void> {
    await change.run(this.sled);
    if (!this.declared) this.tables = this.held;
  }

  async restart(): Promise<void> {
    this.sled = await this.sled.restart({ http: false });
  }

  /** The agent starts over a driver that has lost its tables. */
  async reboot(): Promise<void> {
    this.sled = await this.sled.restart({ http: false, model: new DriverModel({ ports: [PORT] }) });
    this.commands = new Commands(this.sled.model);
    if (!this.declared) this.tables = EMPTY;
  }

  async join(group: string): Promise<void> {
    await this.sled.agent.join(VM, { group: group as MulticastAddr, sources: [] });
    this.groups.add(group);
  }

  async leave(group: string): Promise<void> {
    await this.sled.agent.leave(VM, group as MulticastAddr);
    this.groups.delete(group);
  }

  /** Nothing fails any more, and what failed was tried again. */
  async quiet(): Promise<void> {
    this.sled.model.faults.clear();
    this.sled.nics.failNext = 0;
    await this.sled.agent.repair();
  }

  /** Failures end; repair and audit come by. */
  async settle(): Promise<void> {
    await this.quiet();
    await this.sled.agent.audit();
    await this.quiet();
  }

  /** All that can be seen, and the same as it should be. */
  async compare(): Promise<{ readonly seen: object; readonly wanted: object }> {
    const { sled, tables, groups } = this;
    const joined = Object.entries(tables.m2p).filter(([group]) => sled.joinPolicy === "mapped" || groups.has(group));
    const subscribed = Object.entries(tables.m2p).filter(([group]) => groups.has(group));
    const underlays = sorted(joined.map(([, underlay]) => underlay));
    const { degraded, generation } = sled.agent.status();
    const { findings } = await sled.agent.audit();
    return {
      seen: {
        ...this.held,
        joined: sled.nics.names.map((nic) => sled.nics.joinedOn(nic)),
        subscriptions: sled.subscriptions,
        declared: generation !== undefined,
        degraded,
        findings,
      },
      wanted: {
        ...tables,
        joined: sled.nics.names.map(() => underlays),
        subscriptions: Object.fromEntries(subscribed.map(([, underlay]) => [underlay, { guest0: "exclude()" }])),
        declared: this.declared,
        degraded: [],
        findings: [],
      },
    };
  }
}

export interface SingleChange {
  readonly text: string;
  run(sled: Sled): Promise<unknown>;
  apply(before: Tables): Tables;
}

export interface Drift {
  readonly text: string;
  run(sled: Sled): Promise<unknown>;
}

export function setMapping(group: string, underlay: string): SingleChange {
  return {
    text: `set ${group} ${underlay}`,
    run: ({ agent }) => agent.setMapping({ group: group as Ip, underlay: underlay as UnderlayGroup }),
    apply: (before) => ({ ...before, m2p: inOrder({ ...before.m2p, [group]: underlay }) }),
  };
}

export function clearMapping(group: string, underlay: string): SingleChange {
  return {
    text: `clear ${group} ${underlay}`,
    run: ({ agent }) => agent.clearMapping({ group: group as Ip, underlay: underlay as UnderlayGroup }),
    apply: (before) => (before.m2p[group] === underlay ? { ...before, m2p: without(before.m2p, group) } : before),
  };
}

export function clearForwarding(underlay: string): SingleChange {
  return {
    text: `fwd clear ${underlay}`,
    run: ({ agent }) => agent.clearForwarding(underlay as UnderlayGroup),
    apply: (before) => ({ ...before, forwarding: without(before.forwarding, underlay) }),
  };
}

const sorted = (values: Iterable<string>) => [...new Set(values)].sort();

/** By key, as the driver's tables come where the keys are of equal length. */
const inOrder = (record: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Keys whose values differ. */
function differing(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): string[] {
  const keys = sorted([...Object.keys(a), ...Object.keys(b)]);
  return keys.filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}
