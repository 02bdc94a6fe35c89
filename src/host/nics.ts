/** The configured NICs: which index each has now, and when to look again. */
import { messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { InterfaceWatch, NetworkBinding } from "./memberships.ts";

/** How often a binding that cannot watch is asked: what changed is known within a second. */
const POLL_MS = 500;
/** Changes come in bursts (a NIC that goes away says so in five messages): one look serves them all. */
const SETTLE_MS = 20;
/** And on a host whose links change all the time, no more than this often, */
const AT_MOST_EVERY_MS = 200;
/** or so many times as long as the last look took, */
const TIMES_A_LOOK = 5;
/** but so that a change is still seen to within a second. */
const AT_LEAST_EVERY_MS = 800;

/** Looks at what changed, and is done when that was seen to. It does not fail. */
export type Look = () => Promise<void>;

export class Nics {
  readonly names: readonly string[];
  readonly #binding: NetworkBinding;
  readonly #log: Log;
  #indexes: readonly number[];
  /** Whether the indexes are known to be those of now: while a watch says nothing. */
  #fresh = false;
  /** Whether the indexes were ever looked up. */
  #looked = false;
  #watch: InterfaceWatch | undefined;
  #changed: Look | undefined;
  #looking = false;
  #asked = false;
  #poll: NodeJS.Timeout | undefined;
  #due: NodeJS.Timeout | undefined;
  #notBefore = 0;
  #closed = false;

  constructor(binding: NetworkBinding, names: readonly string[], log: Log) {
    this.#binding = binding;
    this.names = names;
    this.#log = log;
    this.#indexes = names.map(() => 0);
  }

  /** As last looked up. */
  get indexes(): readonly number[] {
    return this.#indexes;
  }

  async refresh(): Promise<void> {
    // What changes from here on is not in the answer.
    this.#fresh = this.#watch !== undefined;
    try {
      this.#indexes = await this.#binding.interfaceIndexes(this.names);
      this.#looked = true;
    } catch (error) {
      this.#fresh = false;
      throw error;
    }
  }

  /** Looks only if something may have changed since the last look. */
  async current(): Promise<void> {
    if (!this.#fresh) await this.refresh();
  }

  /** Calls `changed` when it is time to look again, and not while it looks. */
  watch(changed: Look): void {
    this.#changed = changed;
    if (this.#binding.watchInterfaces === undefined) {
      this.#startPolling(changed);
      return;
    }
    const broken = (error: unknown) => {
      this.#watch = undefined;
      this.#fresh = false;
      this.#log.warn({ error: messageOf(error) }, "the host's interfaces cannot be watched; they are polled");
      this.#startPolling(changed);
      // What happened about the time it broke nobody told.
      this.#callSoon(changed);
    };
    try {
      this.#watch = this.#binding.watchInterfaces(() => {
        this.#fresh = false;
        this.#callSoon(changed);
      }, broken);
    } catch (error) {
      broken(error);
    }
  }

  /** Somebody saw a change before the watch did. */
  changed(): void {
    if (this.#changed !== undefined) this.#callSoon(this.#changed);
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    clearInterval(this.#poll);
    clearTimeout(this.#due);
  }

  #startPolling(changed: Look): void {
    if (this.#closed) return;
    let busy = false;
    this.#poll = setInterval(async () => {
      // Before the first look there is nothing that could have changed.
      if (busy || !this.#looked) return;
      busy = true;
      try {
        const found = await this.#binding.interfaceIndexes(this.names);
        if (found.some((index, i) => index !== this.#indexes[i])) this.#callSoon(changed);
      } catch (error) {
        this.#log.debug({ error: messageOf(error) }, "the host's interfaces could not be looked up");
      } finally {
        busy = false;
      }
    }, POLL_MS);
    this.#poll.unref();
  }

  #callSoon(changed: Look): void {
    if (this.#closed) return;
    this.#asked = true;
    if (this.#due !== undefined || this.#looking) return;
    const wait = Math.max(SETTLE_MS, this.#notBefore - performance.now());
    this.#due = setTimeout(() => void this.#look(changed), wait).unref();
  }

  async #look(changed: Look): Promise<void> {
    this.#due = undefined;
    this.#looking = true;
    // What changes from here on may not be seen by this look.
    this.#asked = false;
    const since = performance.now();
    await changed();
    const took = performance.now() - since;
    this.#looking = false;
    const pause = Math.min(AT_LEAST_EVERY_MS, Math.max(AT_MOST_EVERY_MS, TIMES_A_LOOK * took));
    this.#notBefore = since + pause;
    if (this.#asked) this.#callSoon(changed);
  }
}
