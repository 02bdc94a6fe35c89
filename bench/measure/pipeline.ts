/**
 * A connection on which many requests are sent one after another, several at once under way. It
 * costs a tenth of `node:http`'s client, so that the server has the machine. Knows what sledcast
 * answers with: a content length, or no content.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Call {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: string;
}

interface Waiting {
  readonly call: Call;
  readonly answered: () => void;
  readonly failed: (error: Error) => void;
}

function textOf({ method, path, body }: Call): string {
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export class Pipeline {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #input: Buffer = Buffer.alloc(0);
  /** Bytes of an answer's content that are still to come, and to be dropped. */
  #content = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  static async open(url: string): Promise<Pipeline> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new Pipeline(socket);
  }

  /** Ends when the call is answered, and fails if that is not with success. */
  send(call: Call): Promise<void> {
    return new Promise((answered, failed) => {
      this.#waiting.push({ call, answered, failed });
      this.#socket.write(textOf(call));
    });
  }

  /** Sends all of them in order, at most `depth` unanswered at a time. */
  async sendAll(calls: Iterable<Call>, depth: number): Promise<void> {
    const rest = calls[Symbol.iterator]();
    const next = async () => {
      for (let one = rest.next(); !one.done; one = rest.next()) await this.send(one.value);
    };
    await Promise.all(Array.from({ length: depth }, next));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const dropped = Math.min(this.#content, bytes.length);
    this.#content -= dropped;
    if (dropped === bytes.length) return;
    const rest = dropped === 0 ? bytes : bytes.subarray(dropped);
    this.#input = this.#input.length === 0 ? rest : Buffer.concat([this.#input, rest]);
    for (let end = this.#input.indexOf("\r\n\r\n"); end >= 0; end = this.#input.indexOf("\r\n\r\n")) {
      const head = this.#input.toString("latin1", 0, end);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const whole = end + 4 + length;
      this.#content = Math.max(0, whole - this.#input.length);
      this.#answer(head, this.#input.toString("utf8", end + 4, Math.min(whole, end + 204)));
      this.#input = this.#input.subarray(Math.min(whole, this.#input.length));
    }
  }

  #answer(head: string, content: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new Error(`an answer to no request: ${head}`);
    const { call, answered, failed } = waiting;
    const status = Number(head.slice(9, 12));
    if (status >= 200 && status < 300 && !/\r\ntransfer-encoding:/i.test(head)) answered();
    else failed(new Error(`${call.method} ${call.path} was answered ${head.split("\r\n", 1)[0]}: ${content}`));
  }

  #fail(error: Error): void {
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }
}
