/**
 * Forwarding: where packets of an underlay group go. The driver only adds and replaces hops, so a
 * set that failed is either in effect or not, both of which a repetition mends; nothing is undone.
 */
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Driver } from "../opte/driver.ts";
import type { ForwardingEntry } from "../opte/types.ts";
import { ForwardingView } from "./view.ts";

export class Forwarding {
  readonly view = new ForwardingView();
  readonly #driver: Driver;
  readonly #log: Log;

  constructor(driver: Driver, log: Log) {
    this.#driver = driver;
    this.#log = log;
  }

  async set(entry: ForwardingEntry): Promise<void> {
    await this.#driver.setMcastForwarding(entry);
    const changed = this.view.add(entry);
    const fields = { underlay: entry.underlay, next_hops: entry.nextHops.map((hop) => hop.addr) };
    if (changed) this.#log.info(fields, "forwarding set");
    else this.#log.debug(fields, "forwarding set again");
  }

  async clear(underlay: UnderlayGroup): Promise<void> {
    await this.#driver.clearMcastForwarding({ underlay });
    if (this.view.delete(underlay)) this.#log.info({ underlay }, "forwarding cleared");
    else this.#log.debug({ underlay }, "cleared forwarding that was not there");
  }

  async refresh(): Promise<readonly ForwardingEntry[]> {
    const dump = await this.#driver.dumpMcastForwarding();
    this.view.replace(dump);
    return dump;
  }
}
