/** One port under one underlay group: works out what it should have there, from all its memberships mapped there, and sends it. */
import { isMulticast } from "../net/classify.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte } from "../opte/error.ts";
import type { SourceFilter } from "../opte/filter.ts";
import type { Members } from "./members.ts";
import type { SelfMaps } from "./self-maps.ts";
import type { MappingView } from "./view.ts";
import { wantedFilter } from "./wanted.ts";

export class DriverSubscriptions {
  readonly #driver: Driver;
  readonly #view: MappingView;
  readonly #members: Members;
  readonly #selfMaps: SelfMaps;

  constructor(driver: Driver, view: MappingView, members: Members, selfMaps: SelfMaps) {
    this.#driver = driver;
    this.#view = view;
    this.#members = members;
    this.#selfMaps = selfMaps;
  }

  /** What the port should have under the underlay; undefined: nothing. */
  wanted(port: string, underlay: UnderlayGroup, without?: Ip): SourceFilter | undefined {
    return wantedFilter(this.#members.ofPort(port), this.#view.groupsOn(underlay), without);
  }

  /** Where these groups travel now. */
  underlaysOf(groups: readonly Ip[]): UnderlayGroup[] {
    const underlays = groups.map((group) => this.#view.underlayOf(group));
    return [...new Set(underlays.filter((underlay) => underlay !== undefined))];
  }

  /** `via` is a group that the driver maps to the underlay; `without` is left out of account. */
  async send(port: string, underlay: UnderlayGroup, via: Ip, without?: Ip): Promise<void> {
    const filter = this.wanted(port, underlay, without);
    if (filter === undefined) await this.#driver.mcastUnsubscribe({ port, group: via });
    else await this.#driver.mcastSubscribe({ port, group: via, filter });
  }

  /** Brings the driver's subscription of a port to what it should be, whatever it was. */
  async settle(port: string, underlay: UnderlayGroup): Promise<void> {
    const via = [...this.#view.groupsOn(underlay)].find(isMulticast);
    if (via !== undefined) await this.send(port, underlay, via);
    else await this.#selfMaps.unsubscribe(port, underlay);
  }
}

/** Nothing is left to do in the driver for a port that it lost. */
export async function ignoringLostPort(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!isOpte(error, "PortNotFound")) throw error;
  }
}
