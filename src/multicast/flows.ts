/**
 * The driver's flow caches of our ports. A flow remembers the encapsulation it was given, and a
 * changed mapping does not make it look again, so after a mapping moved or went they are cleared.
 */
import { messageOf, SledcastError } from "../error.ts";
import type { Log } from "../log.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte } from "../opte/error.ts";

const isAway = (error: unknown) => error instanceof SledcastError && error.kind === "driver-unavailable";

export class Flows {
  readonly #driver: Driver;
  readonly #log: Log;
  readonly #ports = new Set<string>();
  /** Ports whose cache could not be cleared, and why. */
  readonly #stale = new Map<string, string>();
  /** What is asked for now waits for the end of the work it is a part of. */
  #together = false;
  #due = false;

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
    if (this.#together) this.#due = true;
    else await this.#clearEach(this.#ports);
  }

  /**
   * However many mappings `work` moves or takes away, each cache is cleared once, behind it: a
   * configuration that drops a thousand groups would otherwise cost a thousand commands a port.
   */
  async clearTogether<T>(work: () => Promise<T>): Promise<T> {
    this.#together = true;
    try {
      return await work();
    } finally {
      this.#together = false;
      const due = this.#due;
      this.#due = false;
      if (due) await this.clear();
    }
  }

  async repair(): Promise<void> {
    await this.#clearEach([...this.#stale.keys()]);
  }

  /** How many things are broken: cheap to ask. */
  get brokenCount(): number {
    return this.#stale.size;
  }

  get stale(): { readonly port: string; readonly reason: string }[] {
    return [...this.#stale].map(([port, reason]) => ({ port, reason }));
  }

  /** A driver that is away is waited for once, not once a port. */
  async #clearEach(ports: Iterable<string>): Promise<void> {
    let away: string | undefined;
    for (const port of ports) {
      if (away === undefined) away = await this.#clearPort(port);
      else this.#stale.set(port, away);
    }
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
      return isAway(error) ? messageOf(error) : undefined;
    }
  }
}
