/**
 * A declared configuration: the whole M2P and forwarding state that a control plane wants of this
 * sled, in one value. It is kept by group and by underlay group, so that it can be compared with
 * another one, and with what the driver holds, at the cost of a look-up an entry.
 */
import type { UnderlayGroup } from "../net/group.ts";
import { compareIp, type Ip } from "../net/ip.ts";
import { sameFilter } from "../opte/filter.ts";
import type { ForwardingEntry, M2pMapping, NextHop } from "../opte/types.ts";

export interface DeclaredContent {
  /** No group twice. */
  readonly m2p: readonly M2pMapping[];
  /** No underlay group twice, and in an entry no next hop twice. */
  readonly forwarding: readonly ForwardingEntry[];
}

/** By address: all hops have one VNI, the multicast one. */
export type WantedHops = ReadonlyMap<Ip, NextHop>;

export class DeclaredConfig {
  /** Of the control plane's counting. */
  readonly generation: number;
  readonly m2p: ReadonlyMap<Ip, UnderlayGroup>;
  readonly forwarding: ReadonlyMap<UnderlayGroup, WantedHops>;

  constructor(generation: number, { m2p, forwarding }: DeclaredContent) {
    this.generation = generation;
    this.m2p = new Map(m2p.map(({ group, underlay }) => [group, underlay]));
    this.forwarding = new Map(
      forwarding.map(({ underlay, nextHops }) => [underlay, new Map(nextHops.map((hop) => [hop.addr, hop]))]),
    );
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
      if (theirs === undefined || theirs.size !== hops.size) return false;
      for (const hop of hops.values()) if (!sameHop(theirs.get(hop.addr), hop)) return false;
    }
    return true;
  }

  /** In the order of the lists: by group, by underlay group, by address. */
  get content(): DeclaredContent {
    const forwarding = [...this.forwarding].map(([underlay, hops]) => ({
      underlay,
      nextHops: [...hops.values()].sort((a, b) => compareIp(a.addr, b.addr)),
    }));
    return {
      m2p: [...this.m2p].map(([group, underlay]) => ({ group, underlay })).sort((a, b) => compareIp(a.group, b.group)),
      forwarding: forwarding.sort((a, b) => compareIp(a.underlay, b.underlay)),
    };
  }
}

export function sameHop(a: NextHop | undefined, b: NextHop): boolean {
  if (a === undefined) return false;
  return a.addr === b.addr && a.vni === b.vni && a.replication === b.replication && sameFilter(a.filter, b.filter);
}
