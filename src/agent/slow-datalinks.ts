/**
 * Datalink ids that are a long time coming. dlmgmtd's door knows no time limit and a call cannot be taken
 * back, so everything that changes state waits behind it: that is to be said while it lasts, as of a driver
 * command (`slow-commands.ts`).
 */
import type { Datalinks } from "../host/datalinks.ts";
import type { Log } from "../log.ts";

const SLOW_AFTER_S = 5;

interface Asked {
  readonly name: string;
  readonly since: number;
}

export interface SlowAnswer {
  readonly name: string;
  readonly seconds: number;
}

const secondsOf = ({ since }: Asked) => (performance.now() - since) / 1000;

export class SlowDatalinks implements Datalinks {
  readonly source: string;
  readonly #datalinks: Datalinks;
  readonly #log: Log;
  readonly #after: number;
  /** In the order in which they were asked. */
  readonly #asked = new Set<Asked>();
  readonly #said = new WeakSet<Asked>();

  constructor(datalinks: Datalinks, log: Log, slowAfter = SLOW_AFTER_S) {
    this.source = datalinks.source;
    this.#datalinks = datalinks;
    this.#log = log;
    this.#after = slowAfter;
  }

  isTaken(name: string): Promise<boolean> {
    return this.#watch(name, () => this.#datalinks.isTaken(name));
  }

  create(name: string): Promise<number | undefined> {
    return this.#watch(name, () => this.#datalinks.create(name));
  }

  destroy(name: string): Promise<boolean> {
    return this.#watch(name, () => this.#datalinks.destroy(name));
  }

  /** What is waited for at this moment, if for long. */
  get now(): SlowAnswer | undefined {
    const [oldest] = this.#asked;
    if (oldest === undefined || secondsOf(oldest) < this.#after) return undefined;
    return { name: oldest.name, seconds: secondsOf(oldest) };
  }

  /** To be called every second. */
  look(): void {
    const [oldest] = this.#asked;
    if (oldest !== undefined) this.#say(oldest);
  }

  #say(asked: Asked): void {
    if (secondsOf(asked) < this.#after || this.#said.has(asked)) return;
    this.#said.add(asked);
    const fields = { port: asked.name, seconds: secondsOf(asked), source: this.source };
    this.#log.warn(fields, "an answer about a port's datalink id is slow to come; operations wait behind it");
  }

  async #watch<T>(name: string, call: () => Promise<T>): Promise<T> {
    const asked = { name, since: performance.now() };
    this.#asked.add(asked);
    try {
      return await call();
    } finally {
      this.#asked.delete(asked);
      // One that came between two looks counts as well.
      this.#say(asked);
      if (this.#said.has(asked)) {
        this.#log.info({ port: name, seconds: secondsOf(asked) }, "the slow answer about a datalink id has come");
      }
    }
  }
}
