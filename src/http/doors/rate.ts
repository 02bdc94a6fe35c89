/** Requests a second of one client: a bucket of tokens for each, which holds a second's worth. */

/** Clients that are remembered. Who is forgotten begins with a full bucket, as everybody does. */
const MOST_CLIENTS = 4096;

interface Bucket {
  tokens: number;
  /** Milliseconds of the clock. */
  filledAt: number;
}

export class RateLimit {
  readonly perSecond: number;
  readonly #now: () => number;
  /** The longest unseen first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.perSecond = perSecond;
    this.#now = now;
  }

  get clients(): number {
    return this.#buckets.size;
  }

  /** Whether the client may ask now; if so it has one request fewer. */
  take(client: string): boolean {
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? { tokens: this.perSecond, filledAt: now };
    const filled = bucket.tokens + ((now - bucket.filledAt) / 1000) * this.perSecond;
    bucket.tokens = Math.min(this.perSecond, filled);
    bucket.filledAt = now;
    this.#remember(client, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #remember(client: string, bucket: Bucket): void {
    this.#buckets.delete(client);
    if (this.#buckets.size >= MOST_CLIENTS) {
      const [longestUnseen] = this.#buckets.keys();
      if (longestUnseen !== undefined) this.#buckets.delete(longestUnseen);
    }
    this.#buckets.set(client, bucket);
  }
}
