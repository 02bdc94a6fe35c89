/** Readers of our output that go away (`… | head`): no error of ours. */
import type { Writable } from "node:stream";

/** `then`: what is done when the reader is found to be gone; left out: nothing, what is written is lost. */
export function outlive(output: Writable, then: () => void = () => {}): void {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    then();
  });
}
