/** How an operation gets its turn in the lane, is measured, and is answered in time where somebody asked for it. */
import { SledcastError } from "../error.ts";
import type { Metrics } from "../metrics.ts";
import type { Parts } from "./parts.ts";

/** A client is not kept longer than this by a driver that does not answer; its operation stays in line. */
const ANSWER_WITHIN_S = 60;

/** What is done with each operation. */
interface Around {
  /** In the lane, before it. */
  readonly before: () => Promise<void>;
  /** Whatever became of it. */
  readonly after: () => void;
}

export class Operations {
  readonly #parts: Pick<Parts, "lane" | "driver">;
  readonly #metrics: Metrics;
  readonly #around: Around;

  constructor(parts: Pick<Parts, "lane" | "driver">, metrics: Metrics, around: Around) {
    this.#parts = parts;
    this.#metrics = metrics;
    this.#around = around;
  }

  /** For somebody who waits. `bytes`: what it holds while it waits, where that can be much. */
  asked<T>(name: string, operation: () => Promise<T>, bytes?: number): Promise<T> {
    return this.#parts.lane.run(name, this.#measured(name, operation), bytes);
  }

  /** What nobody asked for. */
  own<T>(name: string, operation: () => Promise<T>): Promise<T> {
    return this.#parts.lane.runOwn(name, this.#measured(name, operation));
  }

  /** Answers those whom a driver that does not answer has kept for too long. */
  giveUpLate(): void {
    const { lane, driver } = this.#parts;
    lane.giveUpAfter(ANSWER_WITHIN_S, (name) => {
      const busy = driver.busyWith;
      const what = busy === undefined ? "other operations" : `${busy.command}, for ${busy.seconds.toFixed(0)} s now`;
      const message = `${name} has no answer in ${ANSWER_WITHIN_S} s: the driver is busy with ${what}; the operation stays in line and may still take effect`;
      return new SledcastError("driver-unavailable", message);
    });
  }

  #measured<T>(name: string, operation: () => Promise<T>): () => Promise<T> {
    return async () => {
      const since = performance.now();
      let outcome = "ok";
      try {
        await this.#around.before();
        return await operation();
      } catch (error) {
        outcome = error instanceof SledcastError ? error.kind : "internal";
        throw error;
      } finally {
        this.#metrics.operation(name, outcome, (performance.now() - since) / 1000);
        this.#around.after();
      }
    };
  }
}
