/**
 * Which port wants which group, and how far that has come. Pure bookkeeping: `subscriptions.ts`
 * makes it so in the driver.
 */
import type { MulticastAddr } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { SourceFilter } from "../opte/filter.ts";
import type { MemberState } from "./member-state.ts";

export interface Member {
  readonly port: string;
  readonly group: MulticastAddr;
  readonly filter: SourceFilter;
  status: MemberState;
}

const NO_PORTS: ReadonlyMap<string, Member> = new Map();
const NO_GROUPS: ReadonlyMap<MulticastAddr, Member> = new Map();

export class Members {
  readonly #byGroup = new Map<Ip, Map<string, Member>>();
  readonly #byPort = new Map<string, Map<MulticastAddr, Member>>();

  get(port: string, group: Ip): Member | undefined {
    return this.#byGroup.get(group)?.get(port);
  }

  ofGroup(group: Ip): ReadonlyMap<string, Member> {
    return this.#byGroup.get(group) ?? NO_PORTS;
  }

  ofPort(port: string): ReadonlyMap<MulticastAddr, Member> {
    return this.#byPort.get(port) ?? NO_GROUPS;
  }

  *all(): Iterable<Member> {
    for (const members of this.#byPort.values()) yield* members.values();
  }

  put(member: Member): void {
    inner(this.#byGroup, member.group as Ip).set(member.port, member);
    inner(this.#byPort, member.port).set(member.group, member);
  }

  remove(port: string, group: MulticastAddr): void {
    dropInner(this.#byGroup, group as Ip, port);
    dropInner(this.#byPort, port, group);
  }

  /** Puts back what was there before a change; undefined: nothing was. */
  restore(port: string, group: MulticastAddr, before: Member | undefined): void {
    if (before === undefined) this.remove(port, group);
    else this.put(before);
  }
}

function inner<A, B, V>(outer: Map<A, Map<B, V>>, key: A): Map<B, V> {
  const existing = outer.get(key);
  if (existing !== undefined) return existing;
  const made = new Map<B, V>();
  outer.set(key, made);
  return made;
}

function dropInner<A, B, V>(outer: Map<A, Map<B, V>>, key: A, innerKey: B): void {
  const map = outer.get(key);
  map?.delete(innerKey);
  if (map?.size === 0) outer.delete(key);
}
