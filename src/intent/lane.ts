/**
 * The one lane: everything that changes state runs through it, first in first out, one operation
 * at a time. There is no other lock, so there is no lock order to get wrong, and an operation may
 * read and change the in-memory view across awaits without meeting another.
 */
import { SledcastError } from "../error.ts";

export interface LaneOptions {
  /** Operations that may wait; one more is refused, so that a stuck driver does not fill memory. */
  readonly capacity?: number;
}

export interface RunningOperation {
  readonly name: string;
  readonly seconds: number;
}

interface Entry {
  readonly name: string;
  readonly queuedAt: number;
  readonly start: () => Promise<void>;
  /** Answers the caller early; the operation stays in line and its own answer is dropped. */
  readonly giveUp: (error: Error) => void;
}

const DEFAULT_CAPACITY = 4096;

export class Lane {
  readonly #capacity: number;
  #waiting: Entry[] = [];
  /** Index of the next operation in `#waiting`: taking from the front of an array costs its length. */
  #next = 0;
  #running: { readonly entry: Entry; readonly since: number } | undefined;
  #idle: (() => void)[] = [];

  constructor({ capacity = DEFAULT_CAPACITY }: LaneOptions = {}) {
    this.#capacity = capacity;
  }

  /** Operations waiting, not counting the one that runs. */
  get depth(): number {
    return this.#waiting.length - this.#next;
  }

  get running(): RunningOperation | undefined {
    const running = this.#running;
    return running && { name: running.entry.name, seconds: (performance.now() - running.since) / 1000 };
  }

  run<T>(name: string, operation: () => Promise<T>): Promise<T> {
    if (this.depth >= this.#capacity) {
      const message = `${this.depth} operations wait already behind ${this.#running?.entry.name}; try again in a second`;
      return Promise.reject(new SledcastError("lane-full", message));
    }
    return new Promise<T>((resolve, reject) => {
      const start = async () => {
        try {
          resolve(await operation());
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push({ name, queuedAt: performance.now(), start, giveUp: reject });
      if (this.#running === undefined) void this.#drain();
    });
  }

  /** Rejects the callers that have waited for longer than `seconds`. Their operations stay in line. */
  giveUpAfter(seconds: number, error: (name: string) => Error): void {
    const before = performance.now() - seconds * 1000;
    const running = this.#running?.entry;
    const late = [...(running === undefined ? [] : [running]), ...this.#waiting.slice(this.#next)];
    for (const entry of late) if (entry.queuedAt < before) entry.giveUp(error(entry.name));
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting[this.#next]; next !== undefined; next = this.#waiting[this.#next]) {
      this.#next++;
      if (this.#next === this.#waiting.length || this.#next >= 1024) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
      this.#running = { entry: next, since: performance.now() };
      await next.start();
    }
    this.#running = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
