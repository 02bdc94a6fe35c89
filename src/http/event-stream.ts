/**
 * One client that follows the events: from the log to its connection, as fast as it reads. Nothing
 * is kept for a client that is behind but its place in the log.
 */
import { Readable } from "node:stream";
import type { EventKind, EventLog, SledEvent } from "../events.ts";

/** Events read from the log at once; what a client that is behind makes this program hold. */
const AT_ONCE = 256;
/** A client that has stopped reading is cut when more than this has come for it since. */
const MOST_WAITING = 1 << 20;
/** One that reads takes something every so often. */
const STOPPED_AFTER_MS = 1000;
/** Less than the time after which proxies give up on a silent connection. */
const HEARTBEAT_MS = 15_000;
/** After a stream ended, clients wait so long before they connect again. */
const RETRY_MS = 1000;

const frame = ({ id, kind, json }: SledEvent) => `id: ${id}\nevent: ${kind}\ndata: ${json}\n\n`;

export interface EventStreamOptions {
  readonly log: EventLog;
  /** The last event that the client had; left out: it begins now. */
  readonly after: number | undefined;
  /** Left out: all. */
  readonly kinds: ReadonlySet<EventKind> | undefined;
  /** Ends the connection of a client that does not read. */
  readonly cut: () => void;
}

export class EventStream extends Readable {
  readonly #log: EventLog;
  readonly #kinds: ReadonlySet<EventKind> | undefined;
  readonly #cut: () => void;
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  /** The last event that was sent, or passed over. */
  #at: number;
  /** The client has taken all that it was sent. */
  #hungry = false;
  /** When it last took something; what came since, in characters; and up to which event that is counted. */
  #lastRead = performance.now();
  #waiting = 0;
  #counted: number;

  constructor({ log, after, kinds, cut }: EventStreamOptions) {
    super({ highWaterMark: 1 });
    this.#log = log;
    this.#kinds = kinds;
    this.#cut = cut;
    this.#at = after ?? log.last;
    this.#counted = log.last;
    this.#unsubscribe = log.subscribe(() => this.#wake());
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    // The number alone is no event, and yet what a client resumes from that has seen none.
    this.push(`: events of this sled\nretry: ${RETRY_MS}\n${after === undefined ? `id: ${this.#at}\n` : ""}\n`);
  }

  override _read(): void {
    this.#hungry = true;
    this.#lastRead = performance.now();
    this.#waiting = 0;
    this.#counted = this.#log.last;
    this.#feed();
  }

  /** The server closes: a client that reads gets what there is and its end, another is cut, since nobody waits for it. */
  finish(): void {
    if (!this.#hungry) {
      this.#cut();
      return;
    }
    this.#feed();
    this.#hungry = false;
    this.push(null);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#unsubscribe();
    clearInterval(this.#heartbeat);
    done(error);
  }

  #wake(): void {
    this.#feed();
    this.#cutIfStopped();
  }

  #feed(): void {
    while (this.#hungry && this.#at !== this.#log.last) {
      const text = this.#next();
      if (text !== "") this.#send(text);
    }
  }

  #send(text: string): void {
    this.#hungry = false;
    this.push(text);
  }

  /** Empty where the client wants none of it. */
  #next(): string {
    const events = this.#log.since(this.#at, AT_ONCE);
    if (events === undefined) return this.#reset();
    this.#at = events.at(-1)?.id ?? this.#at;
    let text = "";
    for (const event of events) if (this.#wants(event)) text += frame(event);
    return text;
  }

  /** The log has not, or not any more, what follows the client's last event. */
  #reset(): string {
    this.#at = this.#log.last;
    const reason = "events were missed: list everything again; what follows is whole";
    return `id: ${this.#at}\nevent: reset\ndata: ${JSON.stringify({ reason })}\n\n`;
  }

  /** Keeps the connection, and the place in the log of a client to whom most events say nothing. */
  #beat(): void {
    this.#feed();
    if (this.#hungry) this.#send(`:\nid: ${this.#at}\n\n`);
    this.#cutIfStopped();
  }

  #cutIfStopped(): void {
    if (this.#hungry || performance.now() - this.#lastRead < STOPPED_AFTER_MS) return;
    const events = this.#log.since(this.#counted);
    for (const event of events ?? []) if (this.#wants(event)) this.#waiting += event.json.length;
    this.#counted = this.#log.last;
    // Where the log went round meanwhile it has missed events in any case.
    if (events === undefined || this.#waiting > MOST_WAITING) this.#cut();
  }

  #wants({ kind }: SledEvent): boolean {
    return this.#kinds === undefined || this.#kinds.has(kind);
  }
}
