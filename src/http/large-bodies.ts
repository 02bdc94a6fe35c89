/**
 * Requests with large bodies. What has come of one is kept until it is answered, which behind a driver
 * that does not answer takes a minute: as many as the lane takes would be gigabytes, whatever little
 * their operations need of them. So room is taken for a body before it comes, by what its head says of
 * it. Small ones are bounded by the lane: 4096 of 16 KiB are 64 MiB.
 */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { SledcastError } from "../error.ts";

const LARGE_BYTES = 16 << 10;
const MOST_BYTES = 64 << 20;

/** How large a body will be at most, as far as its head says; one that is over the limit is refused for that, and not kept. */
function announcedBytes(headers: IncomingHttpHeaders, limit: number): number {
  const { "content-length": length, "transfer-encoding": encoding } = headers;
  if (length !== undefined) return Number(length) > limit ? 0 : Number(length);
  return encoding === undefined ? 0 : limit;
}

/** The room of one body. It is given back when nobody holds it any more: neither its connection nor its handler. */
export class BodyRoom {
  #holders = 1;
  readonly #giveBack: () => void;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  async during<T>(handle: () => Promise<T>): Promise<T> {
    this.#holders++;
    try {
      return await handle();
    } finally {
      this.release();
    }
  }

  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.#giveBack();
  }
}

export class LargeBodies {
  /** What the large bodies under way have, or will have, together. */
  #bytes = 0;

  /**
   * Room for a body that is announced, until its request is over; undefined for a small one. Throws where there is
   * none, before anything of it is read. The only one always has room. `limit`: of its route, in bytes.
   */
  admit(headers: IncomingHttpHeaders, limit: number, response: ServerResponse): BodyRoom | undefined {
    const bytes = announcedBytes(headers, limit);
    if (bytes <= LARGE_BYTES) return undefined;
    const room = this.take(bytes);
    response.once("close", () => room.release());
    return room;
  }

  take(bytes: number): BodyRoom {
    if (this.#bytes > 0 && this.#bytes + bytes > MOST_BYTES) {
      throw new SledcastError(
        "lane-full",
        `requests with bodies of ${this.#bytes} bytes are under way already; try again in a second`,
      );
    }
    this.#bytes += bytes;
    return new BodyRoom(() => {
      this.#bytes -= bytes;
    });
  }
}
