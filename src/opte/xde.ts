/**
 * The real driver: commands to `/dev/xde` by ioctl. Here is the one call loop: encode, run, grow
 * the reply's room, speak the kernel's version, find a device again that went away. Calls that
 * come while others are under way are run together in one task of the thread pool.
 */
import { constants } from "node:os";
import { messageOf } from "../error.ts";
import type { Binding, Device, DeviceCall, DeviceReply } from "../host/binding.ts";
import { SystemError } from "../host/system-error.ts";
import type { Log } from "../log.ts";
import type { DriverInfo, Transport } from "./driver.ts";
import { DriverError, DriverUnavailable } from "./error.ts";
import type { CommandName, Request, Response } from "./types.ts";
import { cannotOpen, commandFailed, isGone, isTrouble, unserved } from "./unavailable.ts";
import { type ApiVersion, isServed, knownVersion, NEWEST } from "./versions.ts";
import {
  deviceCall,
  errorOf,
  giveMoreRoom,
  MOST_TRIES,
  mayRepeat,
  newPending,
  type Pending,
  responseOf,
} from "./xde-calls.ts";

/** What xde takes where no MTU is said, and before API 41 always. */
const DEFAULT_MTU = 1500;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

const stopping = () => new DriverUnavailable("sledcast is stopping", { reached: false });

export interface XdeOptions {
  readonly binding: Binding;
  readonly path: string;
  readonly log: Log;
}

export class Xde implements Transport {
  readonly #binding: Binding;
  readonly #path: string;
  readonly #log: Log;
  #version: ApiVersion = NEWEST;
  #device: Device | undefined;
  #trouble: DriverUnavailable | undefined;
  #queue: Pending[] = [];
  #pumping = false;
  #closed = false;
  #returned: () => void = () => {};
  #watch: NodeJS.Timeout | undefined;
  #looking = false;
  readonly #warned = new Set<CommandName>();

  constructor({ binding, path, log }: XdeOptions) {
    this.#binding = binding;
    this.#path = path;
    this.#log = log;
  }

  get info(): DriverInfo {
    const unavailable = this.#trouble?.message;
    return {
      kind: "xde",
      apiVersion: this.#version,
      through: this.#path,
      binding: this.#binding.name,
      ...(unavailable === undefined ? {} : { unavailable }),
    };
  }

  onReturn(listener: () => void): void {
    this.#returned = listener;
  }

  call<C extends CommandName>(command: C, req: Request<C>): Promise<Response<C>> {
    return new Promise<unknown>((resolve, reject) => {
      this.#queue.push(newPending(command, req, resolve, reject));
      void this.#pump();
    }) as Promise<Response<C>>;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#watch);
    const device = this.#device;
    this.#device = undefined;
    await device?.close();
  }

  /** One batch at a time: the driver takes its own lock anyway, and a stuck one then holds one thread only. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    // Calls made in the same turn go out together.
    await undefined;
    while (this.#queue.length > 0) await this.#exchange(this.#queue.splice(0));
    this.#pumping = false;
  }

  async #exchange(batch: readonly Pending[]): Promise<void> {
    let left = batch;
    try {
      while (left.length > 0) left = await this.#attempt(left);
    } catch (error) {
      for (const pending of left) pending.reject(pending.uncertain ?? error);
    }
  }

  /** @returns those that have to be run again. */
  async #attempt(batch: readonly Pending[]): Promise<readonly Pending[]> {
    const sent: Pending[] = [];
    const calls: DeviceCall[] = [];
    for (const pending of batch) {
      try {
        if (pending.command === "CreateXde") this.#warnOfMtu(pending.req as Request<"CreateXde">);
        calls.push(deviceCall(this.#version, pending));
        sent.push(pending);
      } catch (error) {
        pending.reject(error);
      }
    }
    if (sent.length === 0) return sent;
    const device = await this.#open();
    const replies = await this.#run(device, calls);
    const again = sent.filter((pending, i) => {
      pending.tries++;
      try {
        return !this.#settle(pending, replies[i] as DeviceReply);
      } catch (error) {
        pending.reject(error);
        return false;
      }
    });
    const gone = replies.find((reply) => isGone(reply));
    if (gone !== undefined) await this.#lose(device, commandFailed("a command", this.#path, gone.errno));
    return again;
  }

  /** A binding that cannot run anything at all (no memory, its thread ended) is given up with its device. */
  async #run(device: Device, calls: readonly DeviceCall[]): Promise<readonly DeviceReply[]> {
    try {
      return await device.run(calls);
    } catch (error) {
      if (this.#closed) throw stopping();
      const failure = new DriverUnavailable(`${this.#path}: ${messageOf(error)}`, { reached: true });
      await this.#lose(device, failure);
      throw failure;
    }
  }

  /** Before API 41 a port's MTU cannot be said. */
  #warnOfMtu({ name, mtu }: Request<"CreateXde">): void {
    if (mtu === undefined || mtu === DEFAULT_MTU || this.#version >= 41) return;
    this.#log.warn({ port: name, mtu }, `OPTE API ${this.#version} cannot set a port's MTU: it stays ${DEFAULT_MTU}`);
  }

  /** Whether the call is settled; false: it has to be run again. */
  #settle(pending: Pending, reply: DeviceReply): boolean {
    const { errno, copiedOut, actual } = reply;
    if (errno === 0) {
      const { value, trailing } = responseOf(this.#version, pending.command, reply);
      // Only an answer that can be read proves that the driver works.
      this.#works();
      if (trailing > 0) this.#warnOfTrailing(pending.command, trailing);
      pending.resolve(value);
      return true;
    }
    if (!copiedOut && errno === constants.errno.ENOBUFS) {
      giveMoreRoom(pending, actual);
      pending.uncertain = commandFailed(pending.command, this.#path, errno);
      return false;
    }
    if (!copiedOut) return this.#withoutReply(pending, reply);
    const opte = errorOf(reply);
    if (opte.variant !== "BadApiVersion") {
      this.#works();
      throw new DriverError(pending.command, opte);
    }
    if (pending.tries >= MOST_TRIES) {
      throw new DriverUnavailable("the driver keeps changing its API version", { reached: false });
    }
    this.#speak(opte.kernel);
    return false;
  }

  /** Only the errno speaks. @returns false: it may be run again. */
  #withoutReply(pending: Pending, reply: DeviceReply): false {
    const failure = commandFailed(pending.command, this.#path, reply.errno);
    pending.uncertain = failure;
    if ((isGone(reply) || reply.errno === constants.errno.EINTR) && mayRepeat(pending)) return false;
    if (isTrouble(reply)) this.#troubled(failure);
    throw failure;
  }

  #warnOfTrailing(command: CommandName, bytes: number): void {
    if (this.#warned.has(command)) return;
    this.#warned.add(command);
    this.#log.warn({ command, bytes }, "the driver's reply is longer than its type; the rest is ignored");
  }

  /** @throws UnservedVersion */
  #speak(kernel: bigint): void {
    const version = knownVersion(kernel);
    if (version === undefined || !isServed(kernel)) {
      const error = unserved(kernel);
      this.#troubled(error);
      throw error;
    }
    if (version === this.#version) return;
    this.#log.info(
      { device: this.#path, api_version: version, before: this.#version },
      `the driver speaks OPTE API ${version}; so do we from here on`,
    );
    this.#version = version;
  }

  async #open(): Promise<Device> {
    if (this.#closed) throw stopping();
    if (this.#device !== undefined) return this.#device;
    let device: Device;
    try {
      device = await this.#binding.openDevice(this.#path);
    } catch (error) {
      const unavailable =
        error instanceof SystemError
          ? cannotOpen(error)
          : new DriverUnavailable(`${this.#path}: ${messageOf(error)}`, { reached: false });
      this.#troubled(unavailable);
      throw unavailable;
    }
    // Closed while it was opening.
    if (this.#closed) {
      await device.close();
      throw stopping();
    }
    this.#device = device;
    return device;
  }

  async #lose(device: Device, why: DriverUnavailable): Promise<void> {
    if (this.#device === device) this.#device = undefined;
    this.#troubled(why);
    // How it ends is of no interest: another one is opened next.
    await device.close().catch(() => {});
  }

  /** Said once, until it works again; from now on somebody looks whether it does. */
  #troubled(why: DriverUnavailable): void {
    // The message names the command, which is another each time.
    const isNews =
      this.#trouble === undefined || (why.code ?? why.message) !== (this.#trouble.code ?? this.#trouble.message);
    if (isNews) {
      this.#log.warn({ device: this.#path, error: why.message }, "the driver is not available; looking for it");
    }
    this.#trouble = why;
    this.#lookLater(FIRST_PAUSE_MS);
  }

  /** One look at a time; the next one waits twice as long. */
  #lookLater(pause: number): void {
    if (this.#closed || this.#looking) return;
    this.#looking = true;
    this.#watch = setTimeout(async () => {
      // What comes of it, an answer or more trouble, is seen where all calls are settled.
      if (this.#trouble !== undefined) await this.call("ListPorts", undefined).catch(() => {});
      this.#looking = false;
      if (this.#trouble !== undefined) this.#lookLater(Math.min(2 * pause, LONGEST_PAUSE_MS));
    }, pause);
    this.#watch.unref();
  }

  #works(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info({ device: this.#path, api_version: this.#version }, "the driver answers again");
    this.#returned();
  }
}
