/**
 * What a ledger holds, in memory: keys and JSON texts, and beside them what was noted since the
 * last record. The two are kept apart because the table is what the disk has, so that a snapshot
 * may be taken of it at leisure.
 */
import { ReturningMap } from "../../returning-map.ts";

export interface LedgerChange {
  readonly key: string;
  /** JSON; undefined: the key goes. */
  readonly value: unknown;
}

/** A key's JSON text. Undefined: the key goes. */
export type Written = string | undefined;

/** Keys and what is written for them; of a key that is named twice, the last counts. */
export type Texts = ReadonlyMap<string, Written>;

/** What a record was asked to change, as it was when it was asked. */
export interface Order {
  readonly texts: Texts;
  /** The last of the notes that were made before it. */
  readonly upToNote: number;
}

interface Entry {
  readonly key: string;
  text: string;
}

interface Note {
  readonly text: Written;
  readonly number: number;
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
  /** Oldest first. An entry that went is another one when its key comes back. */
  readonly #byAge = new Set<Entry>();
  readonly #noted = new Map<string, Note>();
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
    for (const entry of this.#byAge) {
      if (!entry.key.startsWith(prefix)) continue;
      const { text } = this.#noted.get(entry.key) ?? entry;
      if (text !== undefined) yield [entry.key, JSON.parse(text)];
    }
    for (const [key, { text }] of [...this.#noted]) {
      if (text !== undefined && key.startsWith(prefix) && !this.#entries.has(key)) yield [key, JSON.parse(text)];
    }
  }

  /** Keys and JSON texts, oldest first, without what was noted. */
  *texts(): Generator<readonly [key: string, text: string]> {
    for (const { key, text } of this.#byAge) yield [key, text];
  }

  note(changes: readonly LedgerChange[]): void {
    for (const change of changes) {
      this.#notes++;
      this.#noted.set(change.key, { text: textOf(change), number: this.#notes });
    }
  }

  order(changes: readonly LedgerChange[]): Order {
    return { texts: new Map(changes.map((change) => [change.key, textOf(change)])), upToNote: this.#notes };
  }

  /** All that has to be written for this order: what was noted before it rides along. */
  withNotes({ texts, upToNote }: Order): Order {
    const all = new Map<string, Written>();
    for (const [key, { text, number }] of this.#noted) if (number <= upToNote) all.set(key, text);
    for (const [key, text] of texts) all.set(key, text);
    return { texts: all, upToNote };
  }

  /** Takes in what is written now. What was noted since the order was given stays noted. */
  commit({ texts, upToNote }: Order): void {
    for (const key of texts.keys()) if ((this.#noted.get(key)?.number ?? 0) <= upToNote) this.#noted.delete(key);
    this.apply(texts);
  }

  apply(texts: Iterable<readonly [key: string, text: Written]>): void {
    for (const [key, text] of texts) this.#set(key, text);
  }

  #set(key: string, text: Written): void {
    const entry = this.#entries.get(key);
    if (text === undefined) {
      if (entry !== undefined) this.#byAge.delete(entry);
      this.#entries.delete(key);
    } else if (entry !== undefined) {
      entry.text = text;
    } else {
      const made = { key, text };
      this.#entries.set(key, made);
      this.#byAge.add(made);
    }
  }
}
