/** The binding over the addon (`native/`), which `scripts/build-addon.mjs` builds. */
import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { packCalls, unpackAnswer } from "./batch.ts";
import type { Binding, Device, DeviceCall, DeviceReply } from "./binding.ts";
import { wasLocked } from "./file-lock.ts";
import { doesNotLoad } from "./load-error.ts";
import { type NetworkAddon, networkOf } from "./napi-network.ts";
import { SystemError } from "./system-error.ts";

/** What the addon exports (`native/node/{device,file_lock}.h`). */
interface Addon extends NetworkAddon {
  readonly Device: new (path: string) => NativeDevice;
  lockFile(fd: number): number;
}

/** Each call tells whether it was taken up; `done` is called only then. */
interface NativeDevice {
  open(done: (errno: number) => void): boolean;
  run(batch: ArrayBuffer, count: number, done: (answer?: ArrayBuffer) => void): boolean;
  close(done: () => void): boolean;
}

class AddonDevice implements Device {
  readonly path: string;
  readonly #native: NativeDevice;
  #closed: Promise<void> | undefined;

  constructor(path: string, native: NativeDevice) {
    this.path = path;
    this.#native = native;
  }

  run(calls: readonly DeviceCall[]): Promise<readonly DeviceReply[]> {
    return new Promise((resolve, reject) => {
      const count = calls.length;
      const taken = this.#native.run(packCalls(calls), count, (answer) => {
        if (answer === undefined) reject(new SystemError("ioctl", this.path, constants.errno.ENOMEM));
        else resolve(unpackAnswer(answer, count));
      });
      if (!taken) reject(new SystemError("ioctl", this.path, constants.errno.EBADF));
    });
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => void this.#native.close(resolve));
    return this.#closed;
  }
}

/** From here (src/host, or dist/host) to the package's root. */
const ADDON = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));

function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)(ADDON);
  } catch (error) {
    throw doesNotLoad("the addon", error);
  }
}

/** Rejects with one line where the addon was not built, or does not fit this Node. */
export async function loadNapi(): Promise<Binding> {
  const addon = loadAddon();
  return {
    name: "addon",
    ...networkOf(addon),
    tryLock: (fd) => wasLocked(fd, addon.lockFile(fd)),
    openDevice: (path) =>
      new Promise((resolve, reject) => {
        const native = new addon.Device(path);
        native.open((errno) => {
          if (errno === 0) resolve(new AddonDevice(path, native));
          else reject(new SystemError("open", path, errno));
        });
      }),
  };
}
