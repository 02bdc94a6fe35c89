/**
 * Requests with large bodies that are under way. Each is kept until it is answered, which behind a
 * driver that does not answer takes a minute: as many as the lane takes would be gigabytes, whatever
 * little their operations need of them. Small ones are bounded by the lane: 4096 of 16 KiB are 64 MiB.
 */
import { SledcastError } from "../error.ts";

const LARGE_BYTES = 16 << 10;
const MOST_BYTES = 64 << 20;

export class LargeBodies {
  /** What the large bodies under way have together. */
  #bytes = 0;

  /** Throws for a large body that there is no room for, before anything is made of it. The only one always has room. */
  admit(bytes: number): void {
    if (bytes <= LARGE_BYTES || this.#bytes === 0 || this.#bytes + bytes <= MOST_BYTES) return;
    throw new SledcastError(
      "lane-full",
      `requests with bodies of ${this.#bytes} bytes are under way already; try again in a second`,
    );
  }

  /** Counts a body while its request is handled. */
  during<T>(bytes: number, handle: () => Promise<T>): Promise<T> {
    return bytes <= LARGE_BYTES ? handle() : this.#count(bytes, handle);
  }

  async #count<T>(bytes: number, handle: () => Promise<T>): Promise<T> {
    this.#bytes += bytes;
    try {
      return await handle();
    } finally {
      this.#bytes -= bytes;
    }
  }
}
