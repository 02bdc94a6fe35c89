/**
 * Requests with large bodies. What has come of one is kept until it is answered, which behind a driver
 * that does not answer takes a minute: as many as the lane takes would be gigabytes, whatever little
 * their operations need of them. So room is taken for a body before it comes, by what its head says of
 * it, or else as it comes. Small ones are bounded by the lane: 4096 of 16 KiB are 64 MiB.
 */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { type Readable, Transform } from "node:stream";
import { SledcastError } from "../error.ts";

const LARGE_BYTES = 16 << 10;
const MOST_BYTES = 64 << 20;

/** The room of one body. It is given back when nobody holds it any more: neither its connection nor its handler. */
export class BodyRoom {
  readonly #bodies: LargeBodies;
  #bytes: number;
  #holders = 1;

  constructor(bodies: LargeBodies, bytes: number) {
    this.#bodies = bodies;
    this.#bytes = bytes;
  }

  /** Throws where there is no room for so much more. */
  grow(bytes: number): void {
    this.#bodies.resize(this.#bytes, this.#bytes + bytes);
    this.#bytes += bytes;
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
    if (this.#holders === 0) this.#bodies.resize(this.#bytes, 0);
  }
}

export class LargeBodies {
  /** What the large bodies under way have, or will have, together. */
  #bytes = 0;

  /**
   * Room for a body that has not come yet, until its request is over; undefined for a small one. Throws where there is
   * none, before anything of it is read. The only one always has room. `limit`: of its route, in bytes; a body that
   * says it is larger is refused for that, and not kept. One that does not say how large it is grows as it comes.
   */
  admit(headers: IncomingHttpHeaders, limit: number, response: ServerResponse): BodyRoom | undefined {
    const { "content-length": length, "transfer-encoding": encoding } = headers;
    const bytes = Number(length ?? 0);
    if (encoding === undefined && (bytes <= LARGE_BYTES || bytes > limit)) return undefined;
    const room = this.take(bytes);
    response.once("close", () => room.release());
    return room;
  }

  take(bytes: number): BodyRoom {
    this.resize(0, bytes);
    return new BodyRoom(this, bytes);
  }

  /** One body's; small ones count nothing. */
  resize(from: number, to: number): void {
    const [before, after] = [counted(from), counted(to)];
    const others = this.#bytes - before;
    if (after > before && others > 0 && others + after > MOST_BYTES) {
      throw new SledcastError(
        "lane-full",
        `requests with bodies of ${others} bytes are under way already; try again in a second`,
      );
    }
    this.#bytes = others + after;
  }
}

const counted = (bytes: number) => (bytes <= LARGE_BYTES ? 0 : bytes);

/**
 * What comes of a body, counted up to the limit, beyond which it is not kept. Where there is no room for more the rest is
 * read and dropped, so that its client hears why.
 */
export function countedInto(room: BodyRoom, body: Readable, limit: number): Readable {
  let left = limit;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const kept = Math.min(chunk.length, left);
      try {
        room.grow(kept);
        left -= kept;
        done(null, chunk);
      } catch (error) {
        body.unpipe(through).resume();
        done(error as Error);
      }
    },
  });
  return body.pipe(through);
}
