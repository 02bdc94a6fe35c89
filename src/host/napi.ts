/** The binding over the addon (`native/`), which `scripts/build-addon.mjs` builds. */
import { constants } from "node:os";
import { loadAddon, type NativeDevice } from "./addon.ts";
import { packCalls, unpackAnswer } from "./batch.ts";
import type { Binding, Device, DeviceCall, DeviceReply } from "./binding.ts";
import { wasLocked } from "./file-lock.ts";
import { networkOf } from "./napi-network.ts";
import { SystemError } from "./system-error.ts";

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

/** Rejects with one line where the addon was not built, or does not fit this Node. */
export async function loadNapi(): Promise<Binding> {
  const addon = loadAddon();
  return {
    name: "addon",
    ...networkOf(addon),
    tryLock: (fd) => wasLocked(fd, addon.lockFile(fd)),
    peerCredentials: (fd) => {
      const found = addon.peerCredentials(fd);
      return typeof found === "number" ? undefined : found;
    },
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
