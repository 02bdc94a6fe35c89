/** The driver's tables for those who ask: fresh where the driver answers in time, else as last seen and with their age. */
import { SledcastError } from "../error.ts";
import type { ForwardingEntry, M2pMapping, SubscriptionEntry, Virt2Phys } from "../opte/types.ts";
import type { Parts } from "./parts.ts";
import { type PortSummary, summarizePorts } from "./port-list.ts";

/** A list, and how old it is where the driver did not answer in time. */
export interface Listed<T> {
  readonly entries: readonly T[];
  /** Seconds; undefined: fresh. */
  readonly age?: number;
}

/** A list request waits this long for the driver before it answers from what was seen last. */
const FRESH_WITHIN_MS = 1000;

type Table = "m2p" | "forwarding" | "subscriptions" | "ports" | "v2p";

/** Runs an operation in the lane. */
export type Change = <T>(name: string, operation: () => Promise<T>) => Promise<T>;

export class Lists {
  readonly #parts: Parts;
  readonly #change: Change;
  /** When each table was read last; one that never was cannot be shown. */
  #seen: { [T in Table]?: number } = {};
  readonly #queued = new Map<Table, Promise<unknown>>();
  #lastSubscriptions: readonly SubscriptionEntry[] = [];
  #lastPorts: readonly PortSummary[] = [];
  #lastVirt2Phys: readonly Virt2Phys[] = [];

  constructor(parts: Parts, change: Change) {
    this.#parts = parts;
    this.#change = change;
  }

  /**
   * In the lane, at the end of the start, which has read the mappings and the forwarding table. The
   * others are read once, so that each can be shown behind a driver that does not answer any more.
   */
  async begin(): Promise<void> {
    const now = performance.now();
    this.#seen = { ...this.#seen, m2p: now, forwarding: now };
    // One that cannot be read now is waited for by the first who asks.
    await this.#readSubscriptions().catch(() => {});
    await this.#readPorts().catch(() => {});
    await this.#readVirt2Phys().catch(() => {});
  }

  mappings(): Promise<Listed<M2pMapping>> {
    const { mappings, view, config } = this.#parts;
    return this.#list(
      "list_m2p",
      "m2p",
      // Under a configuration what others changed is shown, and put right by the audit, not taken up.
      () => (config.current === undefined ? mappings.refresh() : mappings.dump()),
      () => view.list(),
    );
  }

  forwarding(): Promise<Listed<ForwardingEntry>> {
    const { forwarding } = this.#parts;
    return this.#list(
      "list_fwd",
      "forwarding",
      () => forwarding.refresh(),
      () => forwarding.view.list(),
    );
  }

  subscriptions(): Promise<Listed<SubscriptionEntry>> {
    const fresh = () => this.#readSubscriptions();
    return this.#list("list_subs", "subscriptions", fresh, () => this.#lastSubscriptions);
  }

  ports(): Promise<Listed<PortSummary>> {
    return this.#list(
      "list_ports",
      "ports",
      () => this.#readPorts(),
      () => this.#lastPorts,
    );
  }

  /** By VNI, then IPv4 first and by address. */
  virt2Phys(): Promise<Listed<Virt2Phys>> {
    const fresh = () => this.#readVirt2Phys();
    return this.#list("list_v2p", "v2p", fresh, () => this.#lastVirt2Phys);
  }

  async #readVirt2Phys(): Promise<readonly Virt2Phys[]> {
    const networks = await this.#parts.driver.dumpVirt2Phys();
    this.#lastVirt2Phys = networks.flatMap(({ vni, mappings }) =>
      mappings.map(([vip, { ether, ip }]) => ({ vip, phys: { ether, ip, vni } })),
    );
    this.#seen.v2p = performance.now();
    return this.#lastVirt2Phys;
  }

  async #readSubscriptions(): Promise<readonly SubscriptionEntry[]> {
    this.#lastSubscriptions = await this.#parts.driver.dumpMcastSubscriptions();
    this.#seen.subscriptions = performance.now();
    return this.#lastSubscriptions;
  }

  async #readPorts(): Promise<readonly PortSummary[]> {
    this.#lastPorts = await summarizePorts(this.#parts);
    this.#seen.ports = performance.now();
    return this.#lastPorts;
  }

  /**
   * From a fresh dump; from what was seen last, with its age, where the driver does not answer in
   * time or the lane is full. A table that was never read is waited for.
   */
  #list<T>(
    name: string,
    table: Table,
    fresh: () => Promise<readonly T[]>,
    last: () => readonly T[],
  ): Promise<Listed<T>> {
    const stale = (): Listed<T> | undefined => {
      const seen = this.#seen[table];
      return seen === undefined ? undefined : { entries: last(), age: Math.ceil((performance.now() - seen) / 1000) };
    };
    const dump = this.#dumpOnce(name, table, fresh).catch((error: unknown) => {
      const known = error instanceof SledcastError && error.kind === "lane-full" ? stale() : undefined;
      if (known === undefined) throw error;
      return known;
    });
    if (this.#seen[table] === undefined) return dump;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Listed<T>>((resolve) => {
      timer = setTimeout(() => resolve(stale() as Listed<T>), FRESH_WITHIN_MS);
    });
    // A dump that fails after its time is nobody's error any more.
    dump.catch(() => {});
    return Promise.race([dump, late]).finally(() => clearTimeout(timer));
  }

  /** Requests that come while a dump still waits for its turn share it. */
  #dumpOnce<T>(name: string, table: Table, fresh: () => Promise<readonly T[]>): Promise<Listed<T>> {
    const queued = this.#queued.get(table);
    if (queued !== undefined) return queued as Promise<Listed<T>>;
    let begun = false;
    const dump = this.#change(name, async () => {
      begun = true;
      this.#queued.delete(table);
      const entries = await fresh();
      this.#seen[table] = performance.now();
      return { entries };
    });
    if (begun) return dump;
    this.#queued.set(table, dump);
    dump.catch(() => this.#queued.delete(table));
    return dump;
  }
}
