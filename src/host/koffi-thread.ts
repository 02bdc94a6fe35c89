/**
 * Threads in which koffi's synchronous calls run. koffi's asynchronous ones cannot serve: it refuses
 * them for variadic functions, which ioctl(2) is, and they leave errno behind in whichever pool
 * thread ran them, while `koffi.errno()` reads that of the asking thread. In a thread of our own the
 * call and the look at errno are two steps of one thread with nothing between them.
 */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { Worker } from "node:worker_threads";
import { SystemError } from "./system-error.ts";

/** An errno, or what was asked for. */
export type Answer = number | ArrayBuffer;

interface Waiting {
  resolve(answer: Answer): void;
  reject(reason: Error): void;
}

/** A thread that answers each request, in order. It keeps the process alive only while one waits. */
export class CallThread<Request> {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #ended: Error | undefined;

  constructor(script: URL) {
    this.#worker = new Worker(script, { execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#settle()?.resolve(answer));
    this.#worker.on("error", (error: Error) => this.#fail(asSystemError(error)));
    this.#worker.on("exit", () => this.#fail(new Error("koffi's thread ended")));
  }

  ask(request: Request, transfer: ArrayBuffer[] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request, transfer);
    });
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  end(): void {
    void this.#worker.terminate();
  }

  #settle(): Waiting | undefined {
    const first = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    return first;
  }

  #fail(reason: Error): void {
    this.#ended ??= reason;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason);
  }
}

/** A thread takes descriptors; Node names the errno in the message alone: `Worker initialization failure: EMFILE`. */
function asSystemError(error: Error): Error {
  const code = /^Worker initialization failure: (E\w+)/.exec(error.message)?.[1];
  const errno = Object.entries(constants.errno).find(([name]) => name === code)?.[1];
  return errno === undefined ? error : new SystemError("pthread_create", "koffi", errno);
}

const MOST_IDLE = 2;

/** Threads of one kind. Some that are done with are kept: starting one costs more than anything it does. */
export class CallThreads<Request> {
  readonly #script: URL;
  readonly #idle: CallThread<Request>[] = [];

  /** `name` is that of the thread's file, of which the compiled one is run: a thread of Node 20 reads no TypeScript. */
  constructor(name: string) {
    this.#script = new URL(`../../dist/host/${name}.js`, import.meta.url);
  }

  get isCompiled(): boolean {
    return existsSync(this.#script);
  }

  take(): CallThread<Request> {
    for (;;) {
      const thread = this.#idle.pop();
      if (thread === undefined) return new CallThread(this.#script);
      if (!thread.hasEnded) return thread;
    }
  }

  giveBack(thread: CallThread<Request>): void {
    if (this.#idle.length < MOST_IDLE) this.#idle.push(thread);
    else thread.end();
  }
}
