/** What the daemon's exit status says to whoever started it (SMF, a person). */
import { CommanderError } from "commander";
import { SledcastError } from "./error.ts";
import { isMissingPrivilege } from "./host/system-error.ts";
import { LedgerRefused } from "./intent/ledger/load.ts";
import { UnservedVersion } from "./opte/error.ts";

export const EXIT = { ok: 0, failed: 1, usage: 2, fatal: 95, privilege: 100 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (isMissingPrivilege(error)) return EXIT.privilege;
  if (!(error instanceof SledcastError)) return EXIT.failed;
  // No restart helps these: somebody has to look.
  if (error.kind === "internal" || error instanceof UnservedVersion || error instanceof LedgerRefused)
    return EXIT.fatal;
  return error.kind === "bad-request" ? EXIT.usage : EXIT.failed;
}
