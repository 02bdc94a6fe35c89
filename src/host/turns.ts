/** Work on thousands of things that does not keep the event loop from everything else. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** Of the work here that is about two milliseconds. */
const A_TURN = 256;

/** Does the work for each in order, and lets others have their turn every so often. */
export async function inTurns<Item>(items: readonly Item[], work: (item: Item, at: number) => void): Promise<void> {
  for (const [at, item] of items.entries()) {
    if (at > 0 && at % A_TURN === 0) await nextTurn();
    work(item, at);
  }
}

/** Milliseconds that work of unknown length takes of the event loop at a time. */
const SHARE_MS = 5;

/** For work that awaits without ever leaving the turn: asked after each piece, it lets others have theirs when its share is spent. */
export class Share {
  #since = performance.now();

  async spent(): Promise<void> {
    if (performance.now() - this.#since < SHARE_MS) return;
    await nextTurn();
    this.#since = performance.now();
  }
}
