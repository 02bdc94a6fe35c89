/**
 * What a crashed agent is held against: for each client that loads it, the state that was last
 * acknowledged to it, and the one that its request under way would make of it. Each client has
 * things of its own, so that what one did says nothing about another's.
 */
import { membershipFilter, type SourceFilter, unionFilter } from "../../src/opte/filter.ts";

/** A VMM as its client sees it. Undefined: there is none. */
export type VmmBelief =
  | {
      /** The port it adopted; undefined: it was registered, with a port made for it. */
      readonly adopted: string | undefined;
      /** Group to sources. */
      readonly memberships: ReadonlyMap<string, string>;
    }
  | undefined;

/** M2P and forwarding as their one client sees them. */
export interface TableBelief {
  /** Of the configuration in force; undefined: none is. */
  readonly generation: number | undefined;
  /** Group to underlay. */
  readonly m2p: ReadonlyMap<string, string>;
  /** Underlay to next hops, sorted and joined. */
  readonly forwarding: ReadonlyMap<string, string>;
}

/** What is acknowledged, and what may be so instead: the request that had no answer. */
export interface Belief<State> {
  readonly acknowledged: State;
  readonly possible: State | undefined;
}

export class Client<State> {
  readonly name: string;
  #belief: Belief<State>;
  #underWay = false;

  constructor(name: string, initial: State) {
    this.name = name;
    this.#belief = { acknowledged: initial, possible: undefined };
  }

  get state(): State {
    return this.#belief.acknowledged;
  }

  /** Sends a request whose success means `next`. A refusal is an error: none is expected here. */
  async ask(next: State, send: () => Promise<number>, refused: readonly number[] = []): Promise<void> {
    this.#belief = { acknowledged: this.state, possible: next };
    this.#underWay = true;
    const status = await send();
    if (status >= 300 && !refused.includes(status)) throw new Error(`${this.name}: answered ${status}`);
    this.#underWay = false;
    this.#belief = { acknowledged: status < 300 ? next : this.state, possible: undefined };
  }

  /** Which of the two it is after the crash; from here on that is what is so. Throws where it is neither. */
  settle(isSo: (state: State) => boolean, seen: string): "old" | "new" {
    const { acknowledged, possible } = this.#belief;
    const isNew = this.#underWay && isSo(possible as State);
    if (!isNew && !isSo(acknowledged)) {
      const under = this.#underWay ? `, or with what was under way ${show(possible)}` : "";
      throw new Error(`${this.name}: acknowledged was ${show(acknowledged)}${under}; found ${seen}`);
    }
    this.#belief = { acknowledged: isNew ? (possible as State) : acknowledged, possible: undefined };
    this.#underWay = false;
    return isNew ? "new" : "old";
  }
}

export function show(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (inner instanceof Map ? Object.fromEntries(inner) : inner));
}

export function sameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** Every VMM's primary port and its memberships, to what the driver must have: `underlay port filter`. */
export function subscriptionsThatFollow(
  members: readonly { readonly port: string; readonly memberships: ReadonlyMap<string, string> }[],
  m2p: ReadonlyMap<string, string>,
): string[] {
  const filters = new Map<string, SourceFilter[]>();
  for (const { port, memberships } of members) {
    for (const [group, sources] of memberships) {
      const underlay = m2p.get(group);
      if (underlay === undefined) continue;
      const key = `${underlay} ${port}`;
      const list = sources === "" ? [] : sources.split(",");
      filters.set(key, [...(filters.get(key) ?? []), membershipFilter(list as never)]);
    }
  }
  const text = ({ mode, sources }: SourceFilter) => `${mode}(${sources.join(",")})`;
  return [...filters].map(([key, all]) => `${key} ${text(unionFilter(all))}`).sort();
}
