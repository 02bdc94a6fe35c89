/**
 * A map whose entries can be listed in key order, as the driver's trees can. Point operations
 * cost the same at any size; the order is worked out when it is asked for and kept until a key
 * comes or goes, so a table that is only read is sorted once.
 */
import { ReturningMap } from "../../returning-map.ts";

interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
  readonly sortKey: string;
}

export class SortedMap<Key, Value> {
  readonly #entries = new ReturningMap<Key, Entry<Key, Value>>();
  readonly #sortKeyOf: (key: Key, value: Value) => string;
  #order: readonly Entry<Key, Value>[] | undefined;

  /** `sortKeyOf` must not change for a key while it is in the map. */
  constructor(sortKeyOf: (key: Key, value: Value) => string) {
    this.#sortKeyOf = sortKeyOf;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: Key, value: Value): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.value = value;
      return;
    }
    this.#entries.set(key, { key, value, sortKey: this.#sortKeyOf(key, value) });
    this.#order = undefined;
  }

  delete(key: Key): boolean {
    const existed = this.#entries.delete(key);
    if (existed) this.#order = undefined;
    return existed;
  }

  clear(): void {
    this.#entries.clear();
    this.#order = undefined;
  }

  /** In no order, and without the cost of one. */
  unorderedKeys(): Iterable<Key> {
    return this.#entries.keys();
  }

  /** Ascending. */
  values(): Value[] {
    return this.#sorted().map(({ value }) => value);
  }

  /** Ascending. */
  entries(): [Key, Value][] {
    return this.#sorted().map(({ key, value }) => [key, value]);
  }

  #sorted(): readonly Entry<Key, Value>[] {
    this.#order ??= [...this.#entries]
      .map(([, entry]) => entry)
      .sort((a, b) => (a.sortKey < b.sortKey ? -1 : a.sortKey > b.sortKey ? 1 : 0));
    return this.#order;
  }
}
