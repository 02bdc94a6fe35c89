/**
 * Tries again what failed, with growing pauses, until nothing is left. It is woken by whoever
 * leaves something behind and sleeps while there is nothing to do.
 */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export class Repairs {
  readonly #repair: () => Promise<void>;
  readonly #count: () => number;
  #pause = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  /** How many things were broken when the timer was set: one more is not to wait for the old ones' pause. */
  #known = 0;
  #closed = false;

  /** `count` says how many things are broken. A repair that fails is tried again like what it should mend. */
  constructor(repair: () => Promise<void>, count: () => number) {
    this.#repair = repair;
    this.#count = count;
  }

  wake(): void {
    if (this.#closed || this.#running) return;
    const count = this.#count();
    if (count === 0 || (this.#timer !== undefined && count <= this.#known)) return;
    this.#pause = FIRST_PAUSE_MS;
    this.#schedule(count);
  }

  #schedule(count: number): void {
    clearTimeout(this.#timer);
    this.#known = count;
    this.#timer = setTimeout(() => void this.#run(), this.#pause);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#running = true;
    try {
      await this.#repair();
    } catch {
      // The lane had no room; what is broken is still listed.
    } finally {
      this.#running = false;
    }
    const count = this.#count();
    if (this.#closed || count === 0) return;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    this.#schedule(count);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
