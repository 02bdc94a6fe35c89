/**
 * Driver commands that take long. The driver is asked one thing at a time and a call cannot be
 * taken back, so everything that changes state waits behind a slow one: that is to be said while
 * it lasts. It is looked for once a second; a call costs no timer of its own.
 */
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Driver } from "../opte/driver.ts";

const SLOW_AFTER_S = 5;

export class SlowCommands {
  readonly #driver: Pick<Driver, "busyWith">;
  readonly #metrics: Pick<Metrics, "slowCommand">;
  readonly #log: Log;
  readonly #after: number;
  /** The command under way is counted and in the log already. */
  #said = false;

  constructor(
    driver: Pick<Driver, "busyWith">,
    metrics: Pick<Metrics, "slowCommand">,
    log: Log,
    slowAfter = SLOW_AFTER_S,
  ) {
    this.#driver = driver;
    this.#metrics = metrics;
    this.#log = log;
    this.#after = slowAfter;
  }

  /** The command that is slow at this moment. */
  get now(): Driver["busyWith"] {
    const busy = this.#driver.busyWith;
    return busy !== undefined && busy.seconds >= this.#after ? busy : undefined;
  }

  /** To be called every second. */
  look(): void {
    const slow = this.now;
    if (slow !== undefined) this.#say(slow.command, slow.seconds);
  }

  /** To be told of every command that ended: one that did so between two looks counts as well. */
  ended(command: string, seconds: number): void {
    if (seconds < this.#after) return;
    this.#say(command, seconds);
    this.#said = false;
    this.#log.info({ command, seconds }, "the driver has answered the slow command");
  }

  #say(command: string, seconds: number): void {
    if (this.#said) return;
    this.#said = true;
    this.#metrics.slowCommand(command);
    this.#log.warn({ command, seconds }, "the driver is slow to answer a command; operations wait behind it");
  }
}
