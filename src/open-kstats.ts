/** The driver's counters, where the host has them. */
import type { Config } from "./config.ts";
import { messageOf } from "./error.ts";
import type { Kstats } from "./host/kstats.ts";
import type { Log } from "./log.ts";

/**
 * With the real driver alone: the model counts nothing. Undefined where they are not to be had.
 * `library`: another file than libkstat's own.
 */
export async function openKstatsFor(
  { driver }: Pick<Config, "driver">,
  log: Log,
  library?: string,
): Promise<Kstats | undefined> {
  if (driver !== "xde") return undefined;
  try {
    const { openKstats } = await import("./host/libkstat.ts");
    return await openKstats(library);
  } catch (error) {
    const why = messageOf(error);
    const said = "the driver's counters are not shown: its kstats cannot be reached";
    if (process.platform === "sunos") log.warn({ error: why }, said);
    else log.info({ why }, said);
    return undefined;
  }
}
