/**
 * A Map whose keys come back, as groups do that are set, cleared and set again. V8's Map leaves a
 * deleted entry in its chain until the table is rebuilt, so that a key which is deleted and added
 * again and again beside thousands of others is found behind all of its former selves. Here a
 * deleted key keeps its place, and places are given up a batch at a time.
 */
const BATCH = 1024;

export class ReturningMap<Key, Value extends NonNullable<unknown>> {
  readonly #places = new Map<Key, Value | undefined>();
  #given = new Set<Key>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#places.get(key);
  }

  has(key: Key): boolean {
    return this.#places.get(key) !== undefined;
  }

  set(key: Key, value: Value): void {
    if (this.#places.get(key) === undefined) this.#size++;
    this.#places.set(key, value);
  }

  delete(key: Key): boolean {
    if (this.#places.get(key) === undefined) return false;
    this.#places.set(key, undefined);
    this.#size--;
    this.#given.add(key);
    if (this.#given.size >= BATCH) this.#giveUp();
    return true;
  }

  clear(): void {
    this.#places.clear();
    this.#given = new Set();
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<[Key, Value]> {
    for (const [key, value] of this.#places) if (value !== undefined) yield [key, value];
  }

  *keys(): Generator<Key> {
    for (const [key] of this) yield key;
  }

  #giveUp(): void {
    for (const key of this.#given) if (this.#places.get(key) === undefined) this.#places.delete(key);
    this.#given = new Set();
  }
}
