/**
 * The real driver: commands to `/dev/xde` by ioctl. Here is the one call loop: encode, run, grow
 * the reply's room, speak the kernel's version, find a device again that went away. Calls that
 * come while others are under way are run together in one task of the thread pool.
 */
import { constants } from "node:os";
import { messageOf, SledcastError } from "../error.ts";
import type { Binding, Device, DeviceCall, DeviceReply } from "../host/binding.ts";
import { SystemError } from "../host/system-error.ts";
import type { Log } from "../log.ts";
import { decode, encode } from "../postcard/codec.ts";
import { DecodeError } from "../postcard/error.ts";
import type { DriverInfo, Transport } from "./driver.ts";
import { DriverError, DriverUnavailable } from "./error.ts";
import type { CommandName, Request, Response } from "./types.ts";
import { cannotOpen, commandFailed, isGone, UnservedVersion } from "./unavailable.ts";
import { type ApiVersion, isServed, knownVersion, NEWEST, wireCommand } from "./versions.ts";
import { opteError } from "./wire/terms.ts";

/** Room for the first try (opte-ioctl); nearly every reply fits. */
const FIRST_CAPACITY = 16 * 1024;
/** A table can grow between two tries: that much more than was asked for, at least. */
const HEADROOM = 4 * 1024;
/** No table is that large; a driver that says so is not to be believed. */
const MOST_CAPACITY = 256 * 1024 * 1024;
const MOST_TRIES = 3;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Commands that may be run twice without a difference. Of the others a second run would report
 * what the first one did (the port exists), so they are not sent again to a device that was lost.
 */
const REPEATABLE: ReadonlySet<CommandName> = new Set([
  "ListPorts",
  "SetFwRules",
  "SetExternalIps",
  "AllowCidr",
  "AttachSubnet",
  "ClearUft",
  "SetVirt2Phys",
  "ClearVirt2Phys",
  "DumpVirt2Phys",
  "SetMcast2Phys",
  "ClearMcast2Phys",
  "DumpMcast2Phys",
  "SetMcastForwarding",
  "ClearMcastForwarding",
  "DumpMcastForwarding",
  "McastSubscribe",
  "McastUnsubscribe",
  "McastUnsubscribeAll",
  "DumpMcastSubscriptions",
]);

const mayRepeat = ({ command, tries }: Pending) => tries < MOST_TRIES && REPEATABLE.has(command);

interface Pending {
  readonly command: CommandName;
  readonly req: unknown;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: unknown) => void;
  capacity: number;
  tries: number;
  /** A device was lost with it under way: nobody knows whether it took effect. */
  uncertain?: DriverUnavailable;
}

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
      this.#queue.push({ command, req, resolve, reject, capacity: FIRST_CAPACITY, tries: 0 });
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
        calls.push(this.#callOf(pending));
        sent.push(pending);
      } catch (error) {
        pending.reject(error);
      }
    }
    if (sent.length === 0) return sent;
    const device = await this.#open();
    const replies = await device.run(calls);
    let gone: DriverUnavailable | undefined;
    const again = sent.filter((pending, i) => {
      pending.tries++;
      const reply = replies[i] as DeviceReply;
      try {
        if (!reply.copiedOut && reply.errno === constants.errno.EINTR && mayRepeat(pending)) return true;
        if (!reply.copiedOut && isGone(reply.errno)) {
          gone = commandFailed(pending.command, this.#path, reply.errno);
          pending.uncertain = gone;
          if (mayRepeat(pending)) return true;
          throw gone;
        }
        return !this.#settle(pending, reply);
      } catch (error) {
        pending.reject(error);
        return false;
      }
    });
    if (gone !== undefined) await this.#lose(device, gone);
    else if (!replies.some(({ errno, copiedOut }) => errno !== 0 && !copiedOut)) this.#works();
    return again;
  }

  #callOf({ command, req, capacity }: Pending): DeviceCall {
    const wire = wireCommand(this.#version, command);
    if (wire === undefined) {
      throw new SledcastError("driver-refused", `OPTE API ${this.#version} does not have ${command}`);
    }
    const request =
      wire.request &&
      encode(wire.request as typeof wire.request & { write(to: unknown, v: unknown): void }, req as never);
    return { apiVersion: this.#version, cmd: wire.number, request, capacity };
  }

  /** Whether the call is settled; false: it has to be run again. */
  #settle(pending: Pending, reply: DeviceReply): boolean {
    const { errno, copiedOut, actual } = reply;
    if (errno === 0) {
      pending.resolve(this.#response(pending.command, reply));
      return true;
    }
    if (!copiedOut && errno === constants.errno.ENOBUFS) return this.#grow(pending, actual);
    if (!copiedOut) throw commandFailed(pending.command, this.#path, errno);
    const opte = decodeError(reply.reply);
    if (opte.variant !== "BadApiVersion") throw new DriverError(pending.command, opte);
    if (pending.tries >= MOST_TRIES)
      throw new DriverUnavailable("the driver keeps changing its API version", { reached: false });
    this.#speak(opte.kernel);
    return false;
  }

  #response(command: CommandName, { reply, copiedOut }: DeviceReply): unknown {
    const wire = wireCommand(this.#version, command);
    if (wire === undefined || !copiedOut) {
      throw new DriverUnavailable(`the driver carried ${command} out and gave no reply`, { reached: true });
    }
    try {
      const { value, trailing } = decode<unknown>(wire.response, reply);
      if (trailing > 0) this.#warnOfTrailing(command, trailing);
      return value;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const where = `${error.message} (at byte ${error.at})`;
      throw new DriverUnavailable(`the driver's reply to ${command} cannot be read: ${where}`, { reached: true });
    }
  }

  #warnOfTrailing(command: CommandName, bytes: number): void {
    if (this.#warned.has(command)) return;
    this.#warned.add(command);
    this.#log.warn({ command, bytes }, "the driver's reply is longer than its type; the rest is ignored");
  }

  /** The command has run; its reply had no room. It is run again, which its kind allows. */
  #grow(pending: Pending, actual: number): false {
    if (actual <= pending.capacity || actual > MOST_CAPACITY) {
      const wish = `asks for room for a reply of ${actual} bytes to ${pending.command}; it was given ${pending.capacity}`;
      throw new DriverUnavailable(`the driver ${wish}`, { reached: true });
    }
    if (pending.tries >= MOST_TRIES) {
      throw new SledcastError(
        "driver-busy",
        `the reply to ${pending.command} grew past its room ${MOST_TRIES} times; try again when the tables change less`,
      );
    }
    pending.capacity = actual + Math.max(HEADROOM, actual >> 3);
    return false;
  }

  /** @throws UnservedVersion */
  #speak(kernel: bigint): void {
    const version = knownVersion(kernel);
    if (version === undefined || !isServed(kernel)) {
      const error = new UnservedVersion(kernel);
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
    if (this.#closed) throw new DriverUnavailable("sledcast is stopping", { reached: false });
    if (this.#device !== undefined) return this.#device;
    try {
      this.#device = await this.#binding.openDevice(this.#path);
    } catch (error) {
      const unavailable =
        error instanceof SystemError
          ? cannotOpen(error)
          : new DriverUnavailable(`${this.#path}: ${messageOf(error)}`, { reached: false });
      this.#troubled(unavailable);
      throw unavailable;
    }
    return this.#device;
  }

  async #lose(device: Device, why: DriverUnavailable): Promise<void> {
    if (this.#device === device) this.#device = undefined;
    this.#troubled(why);
    await device.close();
  }

  /** Said once, until it works again; from now on somebody looks whether it does. */
  #troubled(why: DriverUnavailable): void {
    if (this.#trouble?.message !== why.message) {
      this.#log.warn({ device: this.#path, error: why.message }, "the driver is not available; looking for it");
    }
    const watched = this.#trouble !== undefined;
    this.#trouble = why;
    if (!watched) this.#look(FIRST_PAUSE_MS);
  }

  #look(pause: number): void {
    this.#watch = setTimeout(async () => {
      try {
        await this.call("ListPorts", undefined);
      } catch {
        if (!this.#closed && this.#trouble !== undefined) this.#look(Math.min(2 * pause, LONGEST_PAUSE_MS));
      }
    }, pause);
    this.#watch.unref();
  }

  #works(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    clearTimeout(this.#watch);
    this.#log.info({ device: this.#path, api_version: this.#version }, "the driver answers again");
    this.#returned();
  }
}

/** As the Rust client does it: a reply that cannot be read is an error of that name. */
function decodeError(reply: Uint8Array) {
  try {
    return decode(opteError, reply).value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { variant: "DeserCmdErr", text: error.message } as const;
  }
}
