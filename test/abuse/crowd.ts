/** Many connections at once: idle ones, busy ones, and ones that take for ever. */
import { connect, type Socket } from "node:net";
import { head, M2P, MAPPING } from "./malformed/malformed.ts";

export class Crowd {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Answers, by their status lines. */
  readonly answered = new Map<string, number>();
  /** Connections that the daemon ended. */
  ended = 0;
  #leaving = false;

  constructor(port: number) {
    this.#port = port;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Resolves when all are connected. What each does then is up to `begin`. */
  async connect(count: number, begin: (socket: Socket, n: number) => void, reads = true): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, n) => this.#connect(n, begin, reads)));
  }

  #connect(n: number, begin: (socket: Socket, n: number) => void, reads: boolean): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#port, "127.0.0.1", () => {
        begin(socket, n);
        resolve();
      });
      this.#sockets.add(socket);
      if (reads) socket.on("data", (chunk: Buffer) => this.#note(chunk));
      else socket.pause();
      // Whoever is refused or cut is told by the end of its connection.
      socket.on("error", resolve);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (!this.#leaving) this.ended++;
        resolve();
      });
    });
  }

  #note(chunk: Buffer): void {
    for (const [line] of chunk.toString("latin1").matchAll(/^HTTP\/1\.1 \d+/gm)) {
      this.answered.set(line, (this.answered.get(line) ?? 0) + 1);
    }
  }

  /** Every so often, each of them a little later than the one before. */
  every(milliseconds: number, socket: Socket, n: number, act: () => void): void {
    const first = setTimeout(
      () => {
        const timer = setInterval(() => !socket.destroyed && act(), milliseconds);
        this.#timers.push(timer);
      },
      (n * 37) % milliseconds,
    );
    this.#timers.push(first);
  }

  leave(): void {
    this.#leaving = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
  }
}

const WAYS = ["head", "body", "chunks", "pipeline"] as const;

/** A byte now and then of a request that would change something if it ever came to its end, which it does not. */
export function slowly(crowd: Crowd, socket: Socket, n: number): void {
  const way = WAYS[n % WAYS.length];
  if (way === "head") socket.write(`PUT ${M2P} HTTP/1.1\r\nhost: 127.0.0.1\r\n`);
  if (way === "body")
    socket.write(`${head(`PUT ${M2P}`, [`content-length: ${MAPPING.length}`])}${MAPPING.slice(0, 20)}`);
  if (way === "chunks") socket.write(`${head(`PUT ${M2P}`, ["transfer-encoding: chunked"])}1000\r\n`);
  if (way === "pipeline") socket.write(`GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nPUT ${M2P} HTTP/1.1\r\n`);
  crowd.every(250, socket, n, () => {
    socket.write(way === "head" || way === "pipeline" ? `x-${n}: a\r\n` : way === "body" ? "" : " ");
  });
}

/** Asks for long lists and reads none of them. */
export function unread(requests: number): (socket: Socket) => void {
  return (socket) => {
    socket.write(`GET ${M2P} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`.repeat(requests));
  };
}

const BUSY = ["/multicast/status", M2P, "/healthz", "/vmms", "/networking/mcast-fwd"] as const;

/** One request after another, a few a second. */
export function busily(crowd: Crowd, milliseconds: number): (socket: Socket, n: number) => void {
  return (socket, n) => {
    let turn = n;
    crowd.every(milliseconds, socket, n, () => {
      socket.write(`GET ${BUSY[turn++ % BUSY.length]} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    });
  };
}
