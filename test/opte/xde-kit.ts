/** A device in memory for the suites about the transport: a kernel with the driver model in it, which a test can talk over. */
import { constants } from "node:os";
import { onTestFinished, vi } from "vitest";
import type { Binding, Device, DeviceCall, DeviceReply } from "../../src/host/binding.ts";
import { SystemError } from "../../src/host/system-error.ts";
import type { Log } from "../../src/log.ts";
import type { OpteError } from "../../src/opte/error.ts";
import { IoctlModel } from "../../src/opte/model/ioctl.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { type ApiVersion, wireCommand } from "../../src/opte/versions.ts";
import { opteError } from "../../src/opte/wire/terms.ts";
import { Xde } from "../../src/opte/xde.ts";
import { encode } from "../../src/postcard/codec.ts";
import { errnoFor } from "../../src/xde-model/errno.ts";

const NOTHING = new Uint8Array();
export const PATH = "/dev/xde";

export type Answer = DeviceReply | ((call: DeviceCall) => DeviceReply | Promise<DeviceReply>);

/** The call failed and nothing was copied out. */
export const failed = (name: keyof typeof constants.errno, actual = 0): DeviceReply => ({
  errno: constants.errno[name],
  copiedOut: false,
  actual,
  reply: NOTHING,
});

/** The driver wrote these bytes. */
export const wrote = (reply: Uint8Array, errno = 0): DeviceReply => ({
  errno,
  copiedOut: true,
  actual: reply.length,
  reply,
});

export const refused = (opte: OpteError, errno: keyof typeof constants.errno = "EINVAL"): DeviceReply =>
  wrote(encode(opteError, opte), constants.errno[errno]);

export const otherVersion = (kernel: bigint) => (call: DeviceCall) =>
  refused({ variant: "BadApiVersion", user: BigInt(call.apiVersion), kernel }, "EPROTO");

export class Kernel implements Binding {
  readonly name = "addon";
  readonly model = new DriverModel();
  version: ApiVersion = 41;
  /** Why the device does not open; undefined: it does. */
  openFails: Error | undefined;
  /** Why the binding itself cannot run calls. */
  runFails: Error | undefined;
  opened = 0;
  closed = 0;
  /** How often somebody tried to open it. */
  tried = 0;
  /** Each `run`, with its calls. */
  readonly runs: (readonly DeviceCall[])[] = [];
  /** The answers to the next calls, one each; after them the model answers. */
  readonly script: Answer[] = [];
  /** Where set, a run, or an open, ends only when it does. */
  held: Promise<void> | undefined;
  openHeld: Promise<void> | undefined;

  get calls(): DeviceCall[] {
    return this.runs.flat();
  }

  openMemberships(): never {
    throw new Error("this is the driver alone");
  }

  interfaceIndexes(): never {
    throw new Error("this is the driver alone");
  }

  tryLock(): never {
    throw new Error("this is the driver alone");
  }

  async openDevice(path: string): Promise<Device> {
    this.tried++;
    await this.openHeld;
    if (this.openFails !== undefined) throw this.openFails;
    this.opened++;
    let closing: Promise<void> | undefined;
    return {
      path,
      run: async (calls) => {
        if (closing !== undefined) throw new SystemError("ioctl", path, constants.errno.EBADF);
        return this.#run(calls);
      },
      close: () => {
        closing ??= Promise.resolve(this.held).then(() => {
          this.closed++;
        });
        return closing;
      },
    };
  }

  absent(name: keyof typeof constants.errno = "ENOENT"): void {
    this.openFails = new SystemError("open", PATH, constants.errno[name]);
  }

  async #run(calls: readonly DeviceCall[]): Promise<readonly DeviceReply[]> {
    this.runs.push(calls);
    if (this.runFails !== undefined) throw this.runFails;
    const held = this.held;
    const replies: DeviceReply[] = [];
    for (const call of calls) replies.push(await this.#answer(call));
    await held;
    return replies;
  }

  async #answer(call: DeviceCall): Promise<DeviceReply> {
    const scripted = this.script.shift();
    if (scripted !== undefined) return typeof scripted === "function" ? scripted(call) : scripted;
    return this.carryOut(call);
  }

  /** What the model says to it. */
  async carryOut(call: DeviceCall): Promise<DeviceReply> {
    const reply = await new IoctlModel(this.model, this.version).answer({
      apiVersion: BigInt(call.apiVersion),
      cmd: call.cmd,
      body: call.request ?? NOTHING,
      unreadable: false,
      capacity: BigInt(call.capacity),
    });
    return { ...reply, errno: errnoFor(process.platform === "sunos" ? "illumos" : "linux", reply.errno) };
  }
}

export interface Said {
  readonly level: keyof Log;
  readonly fields: object;
  readonly message: string;
}

export class Records implements Log {
  readonly said: Said[] = [];
  #say = (level: keyof Log) => (fields: object, message: string) => void this.said.push({ level, fields, message });
  debug = this.#say("debug");
  info = this.#say("info");
  warn = this.#say("warn");
  error = this.#say("error");

  count(text: string): number {
    return this.said.filter(({ message }) => message.includes(text)).length;
  }
}

export function xde(): { kernel: Kernel; log: Records; xde: Xde } {
  const kernel = new Kernel();
  const log = new Records();
  const transport = new Xde({ binding: kernel, path: PATH, log });
  // Held runs are the test's own to release; nothing here waits for them.
  onTestFinished(() => void transport.close());
  return { kernel, log, xde: transport };
}

/** Time stands still until the test moves it. */
export function stopTime(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

/** A promise, and what settles it. */
export function gate(): { readonly shut: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const shut = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { shut, open };
}

/** What a call that must fail fails with. */
export async function errorOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

/** The command's number, which is the same in every version. */
export function numberOf(command: Parameters<typeof wireCommand>[1]): number {
  return wireCommand(41, command)?.number ?? -1;
}

/** Lets everything run that waits for no time and no gate. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
