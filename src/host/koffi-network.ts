/**
 * Memberships and interface indexes over koffi. It gives no watch of interfaces: that takes a thread
 * which a call blocks for good, and nothing could end it.
 */
import { constants } from "node:os";
import type { Request } from "./koffi-network-worker.ts";
import { CallThreads } from "./koffi-thread.ts";
import {
  indexesFrom,
  type MembershipScript,
  type Memberships,
  MOST_SOCKETS,
  type NetworkBinding,
  STEP,
  STEP_BYTES,
} from "./memberships.ts";
import { SystemError } from "./system-error.ts";

export const networkThreads = new CallThreads<Request>("koffi-network-worker");

const LAST_OPERATION = Math.max(...Object.values(STEP));

/** As `isScript` in `native/os/memberships.cc`: here it is the calling thread that refuses. */
function checkScript(script: ArrayBuffer): void {
  if (!(script instanceof ArrayBuffer)) throw new TypeError("a script must be an ArrayBuffer");
  if (script.byteLength % STEP_BYTES !== 0) throw new TypeError("not a script of memberships");
  const words = new Uint32Array(script);
  for (let at = 0; at < words.length; at += STEP_BYTES / Uint32Array.BYTES_PER_ELEMENT) {
    if ((words[at] ?? 0) > LAST_OPERATION || (words[at + 1] ?? 0) >= MOST_SOCKETS) {
      throw new TypeError("not a script of memberships");
    }
  }
}

class KoffiMemberships implements Memberships {
  /** Taken at once: where descriptors have run out no thread can be started, and there would be nobody to say so. */
  readonly #thread = networkThreads.take();
  #closed: Promise<void> | undefined;

  async run(script: MembershipScript): Promise<Int32Array> {
    const bytes = script.pack();
    checkScript(bytes);
    if (this.#closed !== undefined) throw new SystemError("setsockopt", "memberships", constants.errno.EBADF);
    const answer = await this.#thread.ask({ kind: "run", script: bytes }, [bytes]);
    if (typeof answer === "number") throw new SystemError("setsockopt", "memberships", answer);
    return new Int32Array(answer);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const thread = this.#thread;
    // The thread answers in order, so this one comes behind all that is under way.
    await thread.ask({ kind: "close" }).then(
      () => networkThreads.giveBack(thread),
      // A thread that ended has taken its sockets with it, as far as anybody can.
      () => {},
    );
  }
}

function checkName(name: string): void {
  if (typeof name !== "string") throw new TypeError("an interface's name must be a string");
  if (name.includes("\0")) throw new TypeError("an interface's name must not contain a NUL");
}

export const koffiNetwork: NetworkBinding = {
  openMemberships: () => new KoffiMemberships(),
  async interfaceIndexes(names) {
    if (!Array.isArray(names)) throw new TypeError("the interfaces' names must be an array");
    for (const name of names) checkName(name);
    const thread = networkThreads.take();
    const answer = await thread.ask({ kind: "indexes", names });
    networkThreads.giveBack(thread);
    if (typeof answer === "number") throw new SystemError("if_nametoindex", "interfaces", answer);
    return indexesFrom(new Int32Array(answer), names);
  },
};
