/**
 * The driver's flow caches of our ports. A flow remembers the encapsulation it was given, and a
 * changed mapping does not make it look again, so after a mapping moved or went they are cleared.
 */
import { isKind, messageOf } from "../error.ts";
import { Share } from "../host/turns.ts";
import type { Log } from "../log.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte } from "../opte/error.ts";

export class Flows {
  readonly #driver: Driver;
  readonly #log: Log;
  readonly #ports = new Set<string>();
  /** Ports whose cache could not be cleared, and why. */
  readonly #stale = new Map<string, string>();
  /** They are cleared when the work under way is done. */
  #later: { isDue: boolean } | undefined;

  constructor(driver: Driver, log: Log) {
    this.#driver = driver;
    this.#log = log;
  }

  addPort(port: string): void {
    this.#ports.add(port);
  }

  removePort(port: string): void {
    this.#ports.delete(port);
    this.#stale.delete(port);
  }

  async clear(): Promise<void> {
    if (this.#later !== undefined) {
      this.#later.isDue = true;
      return;
    }
    const share = new Share();
    let away: string | undefined;
    for (const port of this.#ports) {
      // A driver that is away is waited for once, not once a port.
      if (away === undefined) away = await this.#clearPort(port);
      else this.#stale.set(port, away);
      await share.spent();
    }
  }

  /**
   * Clears them once after the work, however often that asks for it: a thousand mappings that move
   * together are not to cost a thousand commands a port. In the lane, like the work.
   */
  async clearOnceAfter<T>(work: () => Promise<T>): Promise<T> {
    const outer = this.#later;
    const later = { isDue: false };
    this.#later = later;
    try {
      return await work();
    } finally {
      this.#later = outer;
      if (later.isDue) await this.clear();
    }
  }

  async repair(): Promise<void> {
    for (const port of [...this.#stale.keys()]) await this.#clearPort(port);
  }

  /** How many things are broken: cheap to ask. */
  get brokenCount(): number {
    return this.#stale.size;
  }

  get stale(): { readonly port: string; readonly reason: string }[] {
    return [...this.#stale].map(([port, reason]) => ({ port, reason }));
  }

  /** A port in a state other than running (`BadState`) has no flows; one that is gone has none either. Answers why the driver is away, if it is. */
  async #clearPort(port: string): Promise<string | undefined> {
    try {
      await this.#driver.clearUft(port);
      this.#stale.delete(port);
      return undefined;
    } catch (error) {
      if (isOpte(error, "BadState") || isOpte(error, "PortNotFound")) {
        this.#stale.delete(port);
        return undefined;
      }
      if (!this.#stale.has(port)) {
        this.#log.warn(
          { port, error: messageOf(error) },
          "flow cache not cleared; established flows keep the old mapping until it is",
        );
      }
      this.#stale.set(port, messageOf(error));
      return isKind(error, "driver-unavailable") ? messageOf(error) : undefined;
    }
  }
}
