/**
 * Sets of firewall rules as the control plane gave them, each kept once however many ports have it:
 * the ports of a VPC have the same, and a registration brings it again each time.
 */
import { createHash } from "node:crypto";
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import type { VpcFirewallRule } from "./spec.ts";

export interface FirewallSet {
  /** Of the rules' text: what they are called in the ledger. */
  readonly digest: string;
  readonly rules: readonly VpcFirewallRule[];
}

const PREFIX = "firewall ";

export class FirewallSets {
  readonly #sets = new Map<string, { readonly set: FirewallSet; readonly ports: Set<string> }>();
  /** Of an earlier run, by digest, until its ports were claimed. */
  readonly #kept = new Map<string, FirewallSet>();
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  get size(): number {
    return this.#sets.size;
  }

  of(rules: readonly VpcFirewallRule[]): FirewallSet {
    const digest = createHash("sha256").update(JSON.stringify(rules)).digest("hex");
    return this.#sets.get(digest)?.set ?? { digest, rules };
  }

  /** The set that an earlier run called so. */
  kept(digest: string): FirewallSet | undefined {
    const known = this.#sets.get(digest)?.set ?? this.#kept.get(digest);
    if (known !== undefined) return known;
    const rules = this.#ledger.get(PREFIX + digest) as readonly VpcFirewallRule[] | undefined;
    const set = rules && { digest, rules };
    if (set !== undefined) this.#kept.set(digest, set);
    return set;
  }

  /** What is to be recorded with the first port that has the set. */
  recordOf({ digest, rules }: FirewallSet): LedgerChange[] {
    const key = PREFIX + digest;
    return this.#ledger.get(key) === undefined ? [{ key, value: rules }] : [];
  }

  /** Before `drop` of the one that the port had: the same set may be both. */
  take(set: FirewallSet, port: string): void {
    const held = this.#sets.get(set.digest) ?? { set, ports: new Set() };
    held.ports.add(port);
    this.#sets.set(set.digest, held);
  }

  drop({ digest }: FirewallSet, port: string): void {
    const held = this.#sets.get(digest);
    held?.ports.delete(port);
    if (held === undefined || held.ports.size > 0) return;
    this.#sets.delete(digest);
    this.#ledger.note([{ key: PREFIX + digest, value: undefined }]);
  }

  /** All ports were claimed. Sets in the ledger that none has: their ports are gone, or the ledger was repaired. */
  unused(): LedgerChange[] {
    this.#kept.clear();
    return [...this.#ledger.entries(PREFIX)]
      .filter(([key]) => !this.#sets.has(key.slice(PREFIX.length)))
      .map(([key]) => ({ key, value: undefined }));
  }
}
