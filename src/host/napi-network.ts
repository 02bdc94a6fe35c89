/** Memberships, interface indexes and the watch of interfaces over the addon (`native/`). */
import { constants } from "node:os";
import {
  type InterfaceWatch,
  indexesFrom,
  type MembershipScript,
  type Memberships,
  type NetworkBinding,
} from "./memberships.ts";
import { SystemError } from "./system-error.ts";

/** What the addon exports for it (`native/node/{memberships,interfaces,link_watch}.h`). */
export interface NetworkAddon {
  readonly Memberships: new () => NativeMemberships;
  readonly LinkWatch: new () => NativeLinkWatch;
  interfaceIndexes(names: readonly string[], done: (indexes?: ArrayBuffer) => void): void;
}

/** Each call tells whether it was taken up; `done` is called only then. */
interface NativeMemberships {
  run(script: ArrayBuffer, done: (errors?: ArrayBuffer) => void): boolean;
  close(done: () => void): boolean;
}

interface NativeLinkWatch {
  start(event: (errno: number) => void): number;
  close(): void;
}

class AddonMemberships implements Memberships {
  readonly #native: NativeMemberships;
  #closed: Promise<void> | undefined;

  constructor(native: NativeMemberships) {
    this.#native = native;
  }

  run(script: MembershipScript): Promise<Int32Array> {
    return new Promise((resolve, reject) => {
      const taken = this.#native.run(script.pack(), (errors) => {
        if (errors === undefined) reject(new SystemError("setsockopt", "memberships", constants.errno.ENOMEM));
        else resolve(new Int32Array(errors));
      });
      if (!taken) reject(new SystemError("setsockopt", "memberships", constants.errno.EBADF));
    });
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => void this.#native.close(resolve));
    return this.#closed;
  }
}

function watch(native: NativeLinkWatch, changed: () => void, failed: (error: Error) => void): InterfaceWatch {
  const errno = native.start((error) => {
    if (error === 0) {
      changed();
    } else {
      native.close();
      failed(new SystemError("recv", "interfaces", error));
    }
  });
  if (errno !== 0) throw new SystemError("socket", "interfaces", errno);
  return { close: () => native.close() };
}

export function networkOf(addon: NetworkAddon): Required<NetworkBinding> {
  return {
    openMemberships: () => new AddonMemberships(new addon.Memberships()),
    interfaceIndexes: (names) =>
      new Promise<Int32Array>((resolve, reject) => {
        addon.interfaceIndexes(names, (indexes) => {
          if (indexes === undefined) reject(new SystemError("if_nametoindex", "interfaces", constants.errno.ENOMEM));
          else resolve(new Int32Array(indexes));
        });
      }).then((answers) => indexesFrom(answers, names)),
    watchInterfaces: (changed, failed) => watch(new addon.LinkWatch(), changed, failed),
  };
}
