/**
 * Where the ids of new ports' links come from. On illumos that is dlmgmtd, which libdladm asks, and without
 * it no port can be made here. Elsewhere a device is a stand-in, and so can its ids be.
 */
import type { Config } from "./config.ts";
import { messageOf } from "./error.ts";
import { CountedDatalinks, type Datalinks, noDatalinks } from "./host/datalinks.ts";
import type { Log } from "./log.ts";

/** For ports of a device. */
export async function openDatalinks(log: Log): Promise<Datalinks> {
  try {
    const libdladm = await import("./host/libdladm.ts");
    return await libdladm.openDatalinks();
  } catch (error) {
    const why = messageOf(error);
    if (process.platform === "sunos") {
      log.warn({ error: why }, "datalink ids are not to be had: ports can be adopted, none can be made");
      return noDatalinks(why);
    }
    log.info({ why }, "datalink ids are counted by this agent: there is no libdladm to ask");
    return new CountedDatalinks();
  }
}

export async function openDatalinksFor({ driver }: Config, log: Log): Promise<Datalinks> {
  return driver === "xde" ? openDatalinks(log) : new CountedDatalinks();
}
