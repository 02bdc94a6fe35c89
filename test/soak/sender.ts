/** How every client of the soak asks: in its own time, with what was acknowledged in the books. */
import { setTimeout as pause } from "node:timers/promises";
import type { Chance } from "../harness/chance.ts";
import { isGone, type SoakAgent } from "./agent.ts";
import type { Books, Change } from "./books.ts";

/** A client waits up to so long before it asks again. Milliseconds. */
const PACE_MS = 12;

export interface Sent {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly where: string;
  readonly body?: object;
}

export class Sender {
  readonly chance: Chance;
  readonly books: Books;
  readonly agent: SoakAgent;
  #stopping = new AbortController();
  /** Answers by what was asked. */
  readonly counts = new Map<string, number>();

  constructor(agent: SoakAgent, books: Books, chance: Chance) {
    this.agent = agent;
    this.books = books;
    this.chance = chance;
  }

  get stopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** For who waits for the agent to say something. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Clients end after what they are doing. */
  stop(): void {
    this.#stopping.abort();
  }

  begin(): void {
    this.#stopping = new AbortController();
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Asks again and again, as long as more is wanted. Answers whether its agent is still there. */
  async repeat(ask: () => Promise<void>, more: () => boolean = () => true): Promise<boolean> {
    try {
      while (!this.stopping && more()) {
        await ask();
        await pause(this.chance.next() * PACE_MS);
      }
      return true;
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }

  /** Changes something; one of these `error_code`s means that nothing was changed. All else is amiss. */
  change(what: string, change: Change, { method, where, body }: Sent, refusals: readonly string[] = []): Promise<void> {
    return this.books.ask(change, async () => {
      const { status, text } = await this.agent.call(method, where, body);
      const code = status < 400 ? undefined : (JSON.parse(text) as { readonly error_code?: string }).error_code;
      this.count(code === undefined ? what : `${what}: ${code}`);
      if (status < 300) return true;
      if (code !== undefined && refusals.includes(code)) return false;
      throw new Error(`${method} ${where} ${JSON.stringify(body)}: ${status} ${text}`);
    });
  }
}
