/**
 * Tries again what failed, with growing pauses, until nothing is left. It is woken by whoever
 * leaves something behind and sleeps while there is nothing to do.
 */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export class Repairs {
  readonly #repair: () => Promise<void>;
  readonly #needed: () => boolean;
  #pause = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `repair` must not throw; `needed` says whether anything is left. */
  constructor(repair: () => Promise<void>, needed: () => boolean) {
    this.#repair = repair;
    this.#needed = needed;
  }

  wake(): void {
    if (this.#closed || this.#timer !== undefined || !this.#needed()) return;
    this.#timer = setTimeout(() => void this.#run(), this.#pause);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    await this.#repair();
    this.#timer = undefined;
    this.#pause = this.#needed() ? Math.min(2 * this.#pause, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    this.wake();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
