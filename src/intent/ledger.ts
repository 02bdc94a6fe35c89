/**
 * The ledger: what must be known again after a crash. It knows keys and JSON values, and nothing of
 * VMMs, ports or configs. Only the lane changes it.
 */
import { SledcastError } from "../error.ts";
import { type LedgerChange, LedgerTable } from "./ledger/table.ts";

export type { LedgerChange };

export interface Ledger {
  get(key: string): unknown;
  /**
   * Entries whose key begins with the prefix, oldest first. A key that is written again keeps its
   * place; one that went and comes in a later record comes last.
   */
  entries(prefix: string): Iterable<readonly [key: string, value: unknown]>;
  /** All of it or nothing, durable when it resolves. Rejects with "resource-limit": then nothing of it is recorded. */
  record(changes: readonly LedgerChange[]): Promise<void>;
  /** For what may be lost without harm: in effect for get and entries at once, durable with the next `record`, or at `close`. */
  note(changes: readonly LedgerChange[]): void;
  /** Why it could not be written when last tried; undefined: as far as is known it can. */
  readonly broken: string | undefined;
  /** Tries to write again. Never rejects; what stays broken stays said. */
  repair(): Promise<void>;
  close(): Promise<void>;
}

/**
 * In a ledger from which a repair has lost something: what is missing may be what explains the rest.
 * Who has drawn the conclusions takes it away.
 */
export const SALVAGED = "salvaged";

/** For sleds without a state directory. It can be told to fail, as a disk would. */
export class MemoryLedger implements Ledger {
  readonly #table = new LedgerTable();
  #failures = { why: "", left: 0 };
  #broken: string | undefined;

  get broken(): string | undefined {
    return this.#broken;
  }

  /** The next writes fail, as many as are said. A write is a `record` or a `repair`. */
  failNext(why: string, writes = 1): void {
    this.#failures = { why, left: writes };
  }

  /** What the next run finds after a crash: all that was recorded, and nothing that was only noted. */
  afterCrash(): MemoryLedger {
    const found = new MemoryLedger();
    found.#table.apply(this.#table.texts());
    return found;
  }

  get(key: string): unknown {
    return this.#table.get(key);
  }

  entries(prefix: string): Iterable<readonly [key: string, value: unknown]> {
    return this.#table.entries(prefix);
  }

  async record(changes: readonly LedgerChange[]): Promise<void> {
    const order = this.#table.order(changes);
    this.#write();
    if (this.#broken !== undefined) {
      throw new SledcastError("resource-limit", `the ledger cannot be written: ${this.#broken}; try again`);
    }
    this.#table.commit(this.#table.withNotes(order));
  }

  note(changes: readonly LedgerChange[]): void {
    this.#table.note(changes);
  }

  async repair(): Promise<void> {
    if (this.#broken === undefined) return;
    this.#write();
    if (this.#broken === undefined) this.#table.commit(this.#table.withNotes(this.#table.order([])));
  }

  async close(): Promise<void> {}

  #write(): void {
    const failing = this.#failures.left > 0;
    if (failing) this.#failures.left--;
    this.#broken = failing ? this.#failures.why : undefined;
  }
}
