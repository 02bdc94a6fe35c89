/**
 * A declared configuration: the whole M2P and forwarding state that a control plane wants of this
 * sled, in one value. It is kept by group and by underlay group, so that it can be compared with
 * another one, and with what the driver holds, at the cost of a look-up an entry.
 */
import type { UnderlayGroup } from "../net/group.ts";
import { type Ip, sortedByIp } from "../net/ip.ts";
import type { ForwardingEntry, M2pMapping, NextHop } from "../opte/types.ts";
import { sameHop } from "./hops.ts";

export interface DeclaredContent {
  /** No group twice. */
  readonly m2p: readonly M2pMapping[];
  /** No underlay group twice, and in an entry no next hop twice. */
  readonly forwarding: readonly ForwardingEntry[];
}

export class DeclaredConfig {
  /** Of the control plane's counting. */
  readonly generation: number;
  readonly m2p: ReadonlyMap<Ip, UnderlayGroup>;
  /** Next hops in the order of their addresses' text: equal entries have equal hops in equal order. */
  readonly forwarding: ReadonlyMap<UnderlayGroup, readonly NextHop[]>;

  constructor(generation: number, { m2p, forwarding }: DeclaredContent) {
    this.generation = generation;
    this.m2p = new Map(m2p.map(({ group, underlay }) => [group, underlay]));
    this.forwarding = new Map(forwarding.map(({ underlay, nextHops }) => [underlay, byText(nextHops)]));
  }

  /** Mappings and forwarding entries. */
  get size(): number {
    return this.m2p.size + this.forwarding.size;
  }

  /** Whether both want the same, in whatever order they said it. */
  hasContentOf(other: DeclaredConfig): boolean {
    if (this.m2p.size !== other.m2p.size || this.forwarding.size !== other.forwarding.size) return false;
    for (const [group, underlay] of this.m2p) if (other.m2p.get(group) !== underlay) return false;
    for (const [underlay, hops] of this.forwarding) {
      const theirs = other.forwarding.get(underlay);
      if (theirs?.length !== hops.length || !hops.every((hop, i) => sameHop(theirs[i], hop))) return false;
    }
    return true;
  }

  /** In the order in which it was declared. */
  get content(): DeclaredContent {
    return {
      m2p: [...this.m2p].map(([group, underlay]) => ({ group, underlay })),
      forwarding: [...this.forwarding].map(([underlay, nextHops]) => ({ underlay, nextHops })),
    };
  }

  /** In the order of the lists: by group, by underlay group, by address. */
  get sortedContent(): DeclaredContent {
    const { m2p, forwarding } = this.content;
    const entries = forwarding.map(({ underlay, nextHops }) => ({
      underlay,
      nextHops: sortedByIp(nextHops, ({ addr }) => addr),
    }));
    return {
      m2p: sortedByIp(m2p, ({ group }) => group),
      forwarding: sortedByIp(entries, ({ underlay }) => underlay),
    };
  }
}

function byText(hops: readonly NextHop[]): readonly NextHop[] {
  return hops.length < 2 ? hops : [...hops].sort((a, b) => (a.addr < b.addr ? -1 : 1));
}
