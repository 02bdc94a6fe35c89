/**
 * How a sled's agent reaches its driver model: directly, or through a fake `/dev/xde` and one of
 * the bindings, when the suite is run that way (`vitest.config.ts`). The model is in this process
 * either way, so that a test can look into it; ioctls block threads of the pool, not the loop.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadBinding } from "../../src/host/bindings.ts";
import type { Log } from "../../src/log.ts";
import type { Transport } from "../../src/opte/driver.ts";
import type { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName, Request, Response } from "../../src/opte/types.ts";
import { Xde } from "../../src/opte/xde.ts";
import { XdeModelServer } from "../../src/xde-model/server.ts";

/** `addon` or `koffi`: over a fake device; anything else: the model itself. */
const BINDING = process.env.SLEDCAST_TEST_BINDING;

/** Whether the suite runs over a device, where a test's expectation depends on it. */
export const overDevice = BINDING !== undefined;

/** Fails in this process, before the driver hears of the call: what no driver could answer. */
export class Breakable implements Transport {
  readonly #inner: Transport;
  readonly #broken = new Map<CommandName, Error>();

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get info() {
    return this.#inner.info;
  }

  /** The next call of that command fails so. */
  breakNext(command: CommandName, error: Error): void {
    this.#broken.set(command, error);
  }

  async call<C extends CommandName>(command: C, req: Request<C>): Promise<Response<C>> {
    const error = this.#broken.get(command);
    this.#broken.delete(command);
    if (error !== undefined) throw error;
    return this.#inner.call(command, req);
  }

  onReturn(listener: () => void): void {
    this.#inner.onReturn?.(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

export interface Reached {
  readonly transport: Breakable;
  close(): Promise<void>;
}

export async function reach(model: DriverModel, log: Log): Promise<Reached> {
  if (BINDING !== "addon" && BINDING !== "koffi") return { transport: new Breakable(model), close: async () => {} };
  const directory = mkdtempSync(path.join(tmpdir(), "xde-"));
  const device = path.join(directory, "xde");
  const server = new XdeModelServer({ model, log });
  await server.listen(device);
  const { binding, why } = await loadBinding(BINDING);
  if (binding.name !== BINDING) throw new Error(`the ${BINDING} binding does not load: ${why}`);
  return {
    transport: new Breakable(new Xde({ binding, path: device, log })),
    close: async () => {
      if (server.panics.length > 0) throw new Error(`the kernel would have panicked: ${server.panics.join("; ")}`);
      await server.close();
      rmSync(directory, { recursive: true });
    },
  };
}
