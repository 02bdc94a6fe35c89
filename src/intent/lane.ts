/**
 * The one lane: everything that changes state runs through it, first in first out, one operation
 * at a time. There is no other lock, so there is no lock order to get wrong, and an operation may
 * read and change the in-memory view across awaits without meeting another.
 */
import { SledcastError } from "../error.ts";

export interface LaneOptions {
  /** Operations that may wait; one more is refused, so that a stuck driver does not fill memory. */
  readonly capacity?: number;
  /** Bytes that waiting operations may hold together; see `run`. */
  readonly capacityBytes?: number;
  /** Told of each operation that is refused. */
  readonly onRefused?: () => void;
}

export interface RunningOperation {
  readonly name: string;
  readonly seconds: number;
}

interface Entry {
  readonly name: string;
  readonly bytes: number;
  readonly queuedAt: number;
  readonly start: () => Promise<void>;
  /** Answers the caller early; the operation stays in line and its own answer is dropped. Undefined: nobody is kept by it. */
  readonly giveUp: ((error: Error) => void) | undefined;
}

const DEFAULT_CAPACITY = 4096;
/**
 * The count alone does not bound memory: 4096 registrations of 1 MiB are 4 GiB. What is made of a
 * body takes a few times the body's size, so this is 100 MiB or so at the worst.
 */
const DEFAULT_CAPACITY_BYTES = 32 << 20;

export class Lane {
  /** Operations that may wait. */
  readonly capacity: number;
  readonly #capacityBytes: number;
  readonly #onRefused: () => void;
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  /** Index of the next operation in `#waiting`: taking from the front of an array costs its length. */
  #next = 0;
  #running: { readonly entry: Entry; readonly since: number } | undefined;
  #idle: (() => void)[] = [];

  constructor(options: LaneOptions = {}) {
    this.capacity = options.capacity ?? DEFAULT_CAPACITY;
    this.#capacityBytes = options.capacityBytes ?? DEFAULT_CAPACITY_BYTES;
    this.#onRefused = options.onRefused ?? (() => {});
  }

  /** Operations waiting, not counting the one that runs. */
  get depth(): number {
    return this.#waiting.length - this.#next;
  }

  /** What the waiting operations hold together. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get running(): RunningOperation | undefined {
    const running = this.#running;
    return running && { name: running.entry.name, seconds: (performance.now() - running.since) / 1000 };
  }

  /**
   * `bytes`: what the operation holds while it waits, for those that can be large. However large
   * it is, it may wait where no other large one does.
   */
  run<T>(name: string, operation: () => Promise<T>, bytes = 0): Promise<T> {
    return this.#enqueue(name, operation, bytes, true);
  }

  /**
   * For what the agent does of its own accord: it is answered when it is done, however late. Given
   * up on, it would be taken for failed, and put in line once more while it is still there.
   */
  runOwn<T>(name: string, operation: () => Promise<T>): Promise<T> {
    return this.#enqueue(name, operation, 0, false);
  }

  #enqueue<T>(name: string, operation: () => Promise<T>, bytes: number, canGiveUp: boolean): Promise<T> {
    const full = this.#full(bytes);
    if (full !== undefined) {
      this.#onRefused();
      const message = `${full} already behind ${this.#running?.entry.name}; try again in a second`;
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
      this.#waiting.push({ name, bytes, queuedAt: performance.now(), start, giveUp: canGiveUp ? reject : undefined });
      this.#waitingBytes += bytes;
      if (this.#running === undefined) void this.#drain();
    });
  }

  #full(bytes: number): string | undefined {
    if (this.depth >= this.capacity) return `${this.depth} operations wait`;
    const waiting = this.#waitingBytes;
    if (bytes === 0 || waiting === 0 || waiting + bytes <= this.#capacityBytes) return undefined;
    return `operations of ${waiting} bytes wait`;
  }

  /** Rejects the callers of `run` that have waited for longer than `seconds`. Their operations stay in line. */
  giveUpAfter(seconds: number, error: (name: string) => Error): void {
    const before = performance.now() - seconds * 1000;
    const running = this.#running?.entry;
    const late = [...(running === undefined ? [] : [running]), ...this.#waiting.slice(this.#next)];
    for (const entry of late) if (entry.queuedAt < before) entry.giveUp?.(error(entry.name));
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting[this.#next]; next !== undefined; next = this.#waiting[this.#next]) {
      this.#next++;
      this.#waitingBytes -= next.bytes;
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
