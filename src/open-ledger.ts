/** The ledger in the state directory that the settings name, for this process alone. */
import type { Config } from "./config.ts";
import { FileLedger } from "./intent/ledger/file-ledger.ts";
import { lockStateDir, type StateDirLock } from "./intent/state-dir.ts";
import type { Log } from "./log.ts";

export interface OpenedLedger {
  readonly ledger: FileLedger;
  /** To be released when the ledger is closed. */
  readonly lock: StateDirLock;
}

/** Throws where another process has the directory, and for a ledger that cannot be believed. */
export async function openLedger({ stateDir }: Config, log: Log): Promise<OpenedLedger> {
  const lock = await lockStateDir(stateDir, log);
  try {
    return { lock, ledger: await FileLedger.open(stateDir, { log }) };
  } catch (error) {
    lock.release();
    throw error;
  }
}
