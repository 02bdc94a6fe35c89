/**
 * The binding over koffi, for hosts without a compiler. (Not for illumos: koffi does not build there.)
 *
 * An open device has a worker thread to itself in which koffi's synchronous calls run. koffi's
 * asynchronous ones cannot serve: it refuses them for variadic functions, which ioctl(2) is, and
 * they leave errno behind in whichever pool thread ran them, while `koffi.errno()` reads that of
 * the asking thread. In a thread of our own the call and the look at errno are two steps of one
 * thread with nothing between them. It also runs batches in the order they came.
 */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { Worker } from "node:worker_threads";
import { checkPath, packCalls, unpackAnswer } from "./batch.ts";
import type { Binding, Device, DeviceCall, DeviceReply } from "./binding.ts";
import type { Answer, Request } from "./koffi-worker.ts";
import { doesNotLoad } from "./load-error.ts";
import { SystemError } from "./system-error.ts";

/** The compiled one, from the sources too: a thread of Node 20 reads no TypeScript, whatever its parent reads. */
const WORKER = new URL("../../dist/host/koffi-worker.js", import.meta.url);

interface Waiting {
  resolve(answer: Answer): void;
  reject(reason: Error): void;
}

/** A thread that answers each request, in order. It keeps the process alive only while one waits. */
class CallThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #ended: Error | undefined;

  constructor() {
    this.#worker = new Worker(WORKER, { execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#settle()?.resolve(answer));
    this.#worker.on("error", (error: Error) => this.#fail(error));
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

/** Threads of devices that are closed: starting one costs more than anything it does. */
const idle: CallThread[] = [];
const MOST_IDLE = 2;

function takeThread(): CallThread {
  for (;;) {
    const thread = idle.pop();
    if (thread === undefined) return new CallThread();
    if (!thread.hasEnded) return thread;
  }
}

function giveBack(thread: CallThread): void {
  if (idle.length < MOST_IDLE) idle.push(thread);
  else thread.end();
}

class KoffiDevice implements Device {
  readonly path: string;
  readonly #thread: CallThread;
  #closed: Promise<void> | undefined;

  constructor(path: string, thread: CallThread) {
    this.path = path;
    this.#thread = thread;
  }

  async run(calls: readonly DeviceCall[]): Promise<readonly DeviceReply[]> {
    const batch = packCalls(calls);
    const count = calls.length;
    if (this.#closed !== undefined) throw new SystemError("ioctl", this.path, constants.errno.EBADF);
    const answer = await this.#thread.ask({ kind: "run", batch, count }, [batch]);
    if (typeof answer === "number") throw new SystemError("ioctl", this.path, answer);
    return unpackAnswer(answer, count);
  }

  close(): Promise<void> {
    // The thread answers in order, so this one comes behind all that is under way.
    this.#closed ??= this.#thread.ask({ kind: "close" }).then(
      () => giveBack(this.#thread),
      // A thread that ended has taken its descriptor with it, as far as anybody can.
      () => {},
    );
    return this.#closed;
  }
}

/** Rejects with one line where koffi is not installed, or does not load. */
export async function loadKoffi(): Promise<Binding> {
  if (!existsSync(WORKER)) throw new Error("the koffi binding's thread is not compiled: run `npm run build`");
  // Not written as a literal import: where koffi does not install, the compiler would not find its types.
  const name: string = "koffi";
  try {
    await import(name);
  } catch (error) {
    throw doesNotLoad("koffi", error);
  }
  return {
    name: "koffi",
    async openDevice(path) {
      checkPath(path);
      const thread = takeThread();
      const errno = await thread.ask({ kind: "open", path });
      if (errno === 0) return new KoffiDevice(path, thread);
      giveBack(thread);
      throw new SystemError("open", path, Number(errno));
    },
  };
}
