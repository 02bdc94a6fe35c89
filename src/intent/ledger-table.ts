/**
 * What a ledger holds, in memory: keys and JSON texts, and beside them what was noted since the
 * last record. The two are kept apart because the table is what the disk has, so that a snapshot
 * may be taken of it at leisure.
 */
import { ReturningMap } from "../returning-map.ts";

export interface LedgerChange {
  readonly key: string;
  /** JSON; undefined: the key goes. */
  readonly value: unknown;
}

/** A key's JSON text. Undefined: the key goes. */
export type Written = string | undefined;

/** What one record changes. */
export interface Delta {
  /** Of a key that is named twice, the last counts. */
  readonly texts: ReadonlyMap<string, Written>;
  /** The last of the notes that are in it, or that it overtakes. */
  readonly upToNote: number;
}

interface Note {
  readonly text: Written;
  readonly number: number;
}

interface Entry {
  readonly text: string;
  /** Counts up: the order in which the keys came. */
  readonly place: number;
}

/** JSON has no undefined, and this is where values become JSON. */
function textOf({ key, value }: LedgerChange): Written {
  if (value === undefined) return undefined;
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`the ledger's ${key} is a ${typeof value}, which JSON cannot hold`);
  return text;
}

export class LedgerTable {
  // Keys come back (a VMM's membership left and joined again), which V8's own Map bears badly.
  readonly #entries = new ReturningMap<string, Entry>();
  readonly #noted = new Map<string, Note>();
  #places = 0;
  #notes = 0;

  /** Keys that have a value, without what was noted. */
  get size(): number {
    return this.#entries.size;
  }

  get hasNotes(): boolean {
    return this.#noted.size > 0;
  }

  get(key: string): unknown {
    const text = (this.#noted.get(key) ?? this.#entries.get(key))?.text;
    return text === undefined ? undefined : JSON.parse(text);
  }

  *entries(prefix: string): Generator<readonly [key: string, value: unknown]> {
    for (const [key, text] of this.texts()) {
      if (!key.startsWith(prefix)) continue;
      const newest = (this.#noted.get(key) ?? { text }).text;
      if (newest !== undefined) yield [key, JSON.parse(newest)];
    }
    for (const [key, { text }] of [...this.#noted]) {
      if (text !== undefined && key.startsWith(prefix) && !this.#entries.has(key)) yield [key, JSON.parse(text)];
    }
  }

  /** Keys and JSON texts by age, without what was noted. */
  texts(): readonly (readonly [key: string, text: string])[] {
    return [...this.#entries].sort(([, a], [, b]) => a.place - b.place).map(([key, { text }]) => [key, text]);
  }

  note(changes: readonly LedgerChange[]): void {
    for (const change of changes) {
      this.#notes++;
      this.#noted.set(change.key, { text: textOf(change), number: this.#notes });
    }
  }

  /** What is noted, and then these: what has to be written so that all of it is. */
  delta(changes: readonly LedgerChange[]): Delta {
    const texts = new Map<string, Written>();
    for (const [key, { text }] of this.#noted) texts.set(key, text);
    for (const change of changes) texts.set(change.key, textOf(change));
    return { texts, upToNote: this.#notes };
  }

  /** Takes in what is written now. What was noted in the meantime stays noted. */
  commit({ texts, upToNote }: Delta): void {
    for (const [key, text] of texts) {
      if ((this.#noted.get(key)?.number ?? 0) <= upToNote) this.#noted.delete(key);
      this.apply(key, text);
    }
  }

  apply(key: string, text: Written): void {
    if (text === undefined) this.#entries.delete(key);
    else this.#entries.set(key, { text, place: this.#entries.get(key)?.place ?? this.#places++ });
  }
}
