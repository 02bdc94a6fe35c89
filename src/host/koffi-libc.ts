/** In a thread of the koffi binding, or in the one that loads it: koffi, libc's functions, and the answering of requests. */
import { constants } from "node:os";
import { parentPort } from "node:worker_threads";
import type { Answer } from "./koffi-thread.ts";

/** What is used of koffi: its own types are not there where it is not installed. */
interface Koffi {
  load(path: null): { func(prototype: string): (...args: unknown[]) => number };
  address(value: ArrayBuffer | Uint8Array): bigint;
  errno(): number;
}

const name: string = "koffi";
const { default: koffi }: { default: Koffi } = await import(name);
// No library by name: the symbols then come from the global scope, in which a preloaded object is found first.
const libc = koffi.load(null);

export function libcFunction(prototype: string): (...args: unknown[]) => number {
  return libc.func(prototype);
}

/** Where the bytes are. All memory the kernel sees is an ArrayBuffer's: those are outside V8's heap and never move. */
export function addressOf(buffer: ArrayBuffer): bigint {
  return koffi.address(buffer);
}

/** Of the last call of this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Answers each request of the thread that started this one. */
export function serve<Request>(answer: (request: Request) => Answer): void {
  // What koffi or an allocation throws must not end the thread: its descriptors would stay open.
  const answerOrErrno = (request: Request): Answer => {
    try {
      return answer(request);
    } catch {
      return constants.errno.ENOMEM;
    }
  };
  const port = parentPort;
  port?.on("message", (request: Request) => {
    const said = answerOrErrno(request);
    port.postMessage(said, typeof said === "number" ? [] : [said]);
  });
}
