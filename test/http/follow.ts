/** A client that follows the events over a real connection. */
import { type IncomingHttpHeaders, request } from "node:http";
import { EventReader, type ServerEvent } from "../../src/cli/event-reader.ts";

export class Stream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly events: ServerEvent[] = [];
  readonly #reader = new EventReader(undefined);
  readonly #hangUp: () => void;
  /** The whole answer, comments and all. */
  text = "";
  /** Resolves with whether the server ended it in order. */
  readonly ended: Promise<boolean>;

  private constructor(status: number, headers: IncomingHttpHeaders, chunks: AsyncIterable<string>, hangUp: () => void) {
    this.status = status;
    this.headers = headers;
    this.#hangUp = hangUp;
    this.ended = this.#read(chunks);
  }

  /** Resolves with the answer's head. */
  static open(port: number, path = "/multicast/events", headers: Record<string, string> = {}): Promise<Stream> {
    return new Promise((resolve, reject) => {
      const call = request({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
        const chunks: AsyncIterable<string> = response.setEncoding("utf8");
        resolve(new Stream(response.statusCode ?? 0, response.headers, chunks, () => call.destroy()));
      });
      call.on("error", reject);
      call.end();
    });
  }

  /** The number to come back with. */
  get lastId(): string | undefined {
    return this.#reader.lastId;
  }

  get data(): unknown[] {
    return this.events.map(({ data }) => JSON.parse(data));
  }

  close(): void {
    this.#hangUp();
  }

  async #read(chunks: AsyncIterable<string>): Promise<boolean> {
    const noting = async function* (this: Stream) {
      for await (const chunk of chunks) {
        this.text += chunk;
        yield chunk;
      }
    }.call(this);
    try {
      for await (const event of this.#reader.read(noting)) this.events.push(event);
      return true;
    } catch {
      return false;
    }
  }
}
