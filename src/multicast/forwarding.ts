/**
 * Forwarding: where packets of an underlay group go. The driver only adds and replaces hops, so a
 * set that failed is either in effect or not, both of which a repetition mends; nothing is undone.
 */
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { compareIp } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import type { ForwardingEntry, NextHop } from "../opte/types.ts";
import { ForwardingView } from "./view.ts";

export class Forwarding {
  readonly view = new ForwardingView();
  readonly #driver: Driver;
  readonly #log: Log;
  readonly #tell: Tell;

  constructor(driver: Driver, log: Log, tell: Tell = TELL_NOBODY) {
    this.#driver = driver;
    this.#log = log;
    this.#tell = tell;
  }

  async set(entry: ForwardingEntry, log = this.#log): Promise<void> {
    await this.#driver.setMcastForwarding(entry);
    const changed = this.view.add(entry);
    if (changed !== undefined) this.#told(entry.underlay, changed, "agent");
    const fields = { underlay: entry.underlay, next_hops: entry.nextHops.map((hop) => hop.addr) };
    if (changed !== undefined) log.info(fields, "forwarding set");
    else log.debug(fields, "forwarding set again");
  }

  async clear(underlay: UnderlayGroup, log = this.#log): Promise<void> {
    await this.#driver.clearMcastForwarding({ underlay });
    if (this.view.delete(underlay)) {
      this.#told(underlay, undefined, "agent");
      log.info({ underlay }, "forwarding cleared");
    } else log.debug({ underlay }, "cleared forwarding that was not there");
  }

  async refresh(): Promise<readonly ForwardingEntry[]> {
    const dump = await this.#driver.dumpMcastForwarding();
    for (const { underlay, nextHops } of this.view.replace(dump)) this.#told(underlay, nextHops, "others");
    return dump;
  }

  /** As the list shows it: by address, and without what its words have no place for. */
  #told(underlay: UnderlayGroup, hops: readonly NextHop[] | undefined, by: "agent" | "others"): void {
    const shown = hops
      ?.filter(({ replication }) => replication !== "reserved")
      .sort((a, b) => compareIp(a.addr, b.addr))
      .map(({ addr, replication, filter }) => ({ next_hop: addr, replication, filter }));
    this.#tell("forwarding", { underlay, next_hops: shown ?? null, by });
  }
}
