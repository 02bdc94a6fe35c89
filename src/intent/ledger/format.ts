/** Which formats of the ledger are read, and what becomes of the older ones. */
import type { LedgerChange } from "./table.ts";

/** Turns the changes of a record (or of a snapshot's line) into the next format's. */
export type Upgrade = (changes: readonly LedgerChange[]) => readonly LedgerChange[];

export interface Format {
  /** What is written. */
  readonly version: number;
  /** From the format of that number to the next one. What is not in here is not read. */
  readonly upgrades: ReadonlyMap<number, Upgrade>;
}

export const FORMAT: Format = { version: 1, upgrades: new Map() };

export function canRead({ version, upgrades }: Format, written: number): boolean {
  for (let from = written; from < version; from++) if (!upgrades.has(from)) return false;
  return written <= version;
}
