/**
 * The binding over koffi, for hosts without a compiler. (Not for illumos: koffi does not build there.)
 *
 * An open device has a thread to itself (`koffi-thread.ts` says why), which runs its batches in the
 * order they came.
 */
import { constants } from "node:os";
import { checkPath, packCalls, unpackAnswer } from "./batch.ts";
import type { Binding, Device, DeviceCall, DeviceReply } from "./binding.ts";
import { wasLocked } from "./file-lock.ts";
import { koffiNetwork, networkThreads } from "./koffi-network.ts";
import { type CallThread, CallThreads } from "./koffi-thread.ts";
import type { Request } from "./koffi-worker.ts";
import { doesNotLoad } from "./load-error.ts";
import { SystemError } from "./system-error.ts";

const threads = new CallThreads<Request>("koffi-worker");

class KoffiDevice implements Device {
  readonly path: string;
  readonly #thread: CallThread<Request>;
  #closed: Promise<void> | undefined;

  constructor(path: string, thread: CallThread<Request>) {
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
      () => threads.giveBack(this.#thread),
      // A thread that ended has taken its descriptor with it, as far as anybody can.
      () => {},
    );
    return this.#closed;
  }
}

/** Rejects with one line where koffi is not installed, or does not load. */
export async function loadKoffi(): Promise<Binding> {
  if (!threads.isCompiled || !networkThreads.isCompiled) {
    throw new Error("the koffi binding's threads are not compiled: run `npm run build`");
  }
  // Not written as a literal import: where koffi does not install, the compiler would not find its types.
  const name: string = "koffi";
  try {
    await import(name);
  } catch (error) {
    throw doesNotLoad("koffi", error);
  }
  // Its libc is bound as it loads, so not before koffi is known to.
  const { lockFile } = await import("./koffi-file-lock.ts");
  return {
    name: "koffi",
    ...koffiNetwork,
    tryLock: (fd) => wasLocked(fd, lockFile(fd)),
    async openDevice(path) {
      checkPath(path);
      const thread = threads.take();
      const errno = await thread.ask({ kind: "open", path });
      if (errno === 0) return new KoffiDevice(path, thread);
      threads.giveBack(thread);
      throw new SystemError("open", path, Number(errno));
    },
  };
}
