/**
 * Subscriptions of which the driver may hold something other than the books say: they are noted, and
 * brought to what the books say until that is done.
 */
import { messageOf } from "../error.ts";
import { Share } from "../host/turns.ts";
import type { Log } from "../log.ts";
import type { UnderlayGroup } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import { type DriverSubscriptions, ignoringLostPort } from "./driver-subscriptions.ts";
import type { FilterHolding } from "./filter-holding.ts";
import type { Members } from "./members.ts";
import { type Unsettled, UnsettledSubscriptions } from "./unsettled.ts";

export class Settling {
  readonly #driver: DriverSubscriptions;
  readonly #members: Members;
  readonly #holding: FilterHolding;
  readonly #log: Log;
  readonly #unsettled = new UnsettledSubscriptions();

  constructor(driver: DriverSubscriptions, members: Members, holding: FilterHolding, log: Log) {
    this.#driver = driver;
    this.#members = members;
    this.#holding = holding;
    this.#log = log;
  }

  get count(): number {
    return this.#unsettled.count;
  }

  list(): readonly Unsettled[] {
    return this.#unsettled.list();
  }

  unsettle(port: string, underlay: UnderlayGroup): void {
    this.#unsettled.add(port, underlay);
  }

  /** Where a mapping may be the one or the other, so may be its members' subscriptions. */
  unsettleGroup(group: Ip, underlays: readonly UnderlayGroup[]): void {
    for (const { port } of this.#members.ofGroup(group).values()) {
      for (const underlay of underlays) this.unsettle(port, underlay);
    }
  }

  /** Whether none of the ports is unsettled under any of the groups. */
  isSettled(ports: readonly string[], underlays: readonly UnderlayGroup[]): boolean {
    return !ports.some((port) => underlays.some((underlay) => this.#unsettled.has(port, underlay)));
  }

  /** Brings ports to what the books say they should have there. Answers whether that is done; if not, it is tried again. */
  async settle(ports: readonly string[], underlays: readonly UnderlayGroup[]): Promise<boolean> {
    const places = ports.flatMap((port) => underlays.map((underlay) => ({ port, underlay })));
    for (const { port, underlay } of places) this.unsettle(port, underlay);
    for (const { port, underlay } of places) await this.#resettle(port, underlay);
    return this.isSettled(ports, underlays);
  }

  /** Sends what the port should have there; where that fails it is unsettled, and thrown. `via` is mapped to the underlay. */
  async send(port: string, underlay: UnderlayGroup, via: Ip): Promise<void> {
    try {
      await ignoringLostPort(() => this.#driver.send(port, underlay, via));
    } catch (error) {
      this.unsettle(port, underlay);
      throw error;
    }
  }

  /** The port is gone, and what it had. */
  async forgetPort(port: string): Promise<void> {
    for (const underlay of this.#unsettled.forgetPort(port)) await this.#holding.afterSettling(underlay);
  }

  /** Tries again. Never throws; what stays broken stays listed. */
  async repair(): Promise<void> {
    const share = new Share();
    for (const { port, underlay } of this.#unsettled.list()) {
      await this.#resettle(port, underlay);
      await share.spent();
    }
  }

  async #resettle(port: string, underlay: UnderlayGroup): Promise<void> {
    try {
      await ignoringLostPort(() => this.#driver.settle(port, underlay));
      this.#unsettled.delete(port, underlay);
      await this.#holding.afterSettling(underlay);
      this.#log.info({ port, underlay }, "subscription settled: it is what it should be");
    } catch (error) {
      this.#log.debug({ port, underlay, error: messageOf(error) }, "subscription is still unsettled");
    }
  }
}
