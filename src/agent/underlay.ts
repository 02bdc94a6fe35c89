/**
 * The driver's underlay: the two NICs it sends on and takes from. Ports cannot be made without it,
 * a reboot empties it, and another agent of the host may set it first, which is as good.
 */
import { messageOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { Driver } from "../opte/driver.ts";
import { ILLUMOS_ERRNO, isSystem } from "../opte/error.ts";

export type UnderlayDevices = readonly [string, string];

const isSetAlready = isSystem(ILLUMOS_ERRNO.EEXIST);

export class Underlay {
  readonly #driver: Driver;
  readonly #log: Log;
  /** Undefined: it is left alone. */
  readonly devices: UnderlayDevices | undefined;
  #broken: string | undefined;

  constructor(driver: Driver, devices: UnderlayDevices | undefined, log: Log) {
    this.#driver = driver;
    this.devices = devices;
    this.#log = log;
  }

  /** Why the driver could not be given its underlay; undefined: it has it, or it is left alone. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /**
   * Never throws: without an underlay the rest works, and it is tried again. The driver cannot be
   * asked whether it has one, only told. @returns whether it had none until now.
   */
  async set(): Promise<boolean> {
    if (this.devices === undefined) return false;
    const [u1, u2] = this.devices;
    try {
      await this.#driver.setXdeUnderlay(u1, u2);
    } catch (error) {
      if (isSetAlready(error)) this.#broken = undefined;
      else this.#fail(messageOf(error));
      return false;
    }
    this.#broken = undefined;
    this.#log.info({ u1, u2 }, "the driver was given its underlay");
    return true;
  }

  /** Said once, until it changes. */
  #fail(reason: string): void {
    if (this.#broken !== reason) {
      this.#log.warn({ devices: this.devices, error: reason }, "the driver could not be given its underlay");
    }
    this.#broken = reason;
  }

  async repair(): Promise<void> {
    if (this.#broken !== undefined) await this.set();
  }
}
