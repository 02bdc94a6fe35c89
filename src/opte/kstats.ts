/**
 * xde's kstats: the driver's own, and those of each port. All are of the module `xde`, instance 0.
 *
 * A port's are told from its layers' (`<port>_<layer>`) and its route cache's by what they count, not by their names: a port
 * can be called like another one's layer. In OPTE each set is one struct (`PortStats`, `LayerStats`, `RouteCacheStats`),
 * and hits of the unified flow table have been in a port's, and in no other, for as long as ports have kstats
 * (lib/opte/src/engine/port/mod.rs, from 2022 on). The driver's list of ports is not asked, because that waits in the lane,
 * and what the agent saw of it last lacks the ports that were made since.
 */
import { messageOf } from "../error.ts";
import type { Kstats } from "../host/kstats.ts";
import type { Log } from "../log.ts";

const MODULE = "xde";
/** The kstat with the driver's own counters. */
const DRIVER = "xde";
const OF_PORTS_ALONE = ["in_uft_hit", "out_uft_hit"];
/** The kernel cuts names to so many characters (KSTAT_STRLEN, kstat_create(9F)), and a port's can have one more. */
const NAME_LENGTH = 30;
const READ_WITHIN_MS = 2000;

/** By their names. One that this driver lacks is absent, which is not zero. */
export type Statistics = ReadonlyMap<string, bigint>;

export interface XdeCounters {
  readonly driver: Statistics;
  /** By the kstats' names, which are the ports'. */
  readonly ports: ReadonlyMap<string, Statistics>;
}

const UNREAD: XdeCounters = { driver: new Map(), ports: new Map() };

export function countersOf({ ports }: XdeCounters, port: string): Statistics | undefined {
  return ports.get(port.slice(0, NAME_LENGTH));
}

/** Opens the kernel's counters; undefined where this host has none. Does not reject. */
export type OpenKstats = () => Promise<Kstats | undefined>;

/** Nothing is opened before the first reading. */
export class XdeKstats {
  readonly #open: OpenKstats;
  readonly #log: Log;
  readonly #within: number;
  #opened: Promise<Kstats | undefined> | undefined;
  /** Readings that were given up and have not ended: the library makes all others wait behind them. */
  #late = 0;
  #failing = false;

  /** `within`: milliseconds that a reading may take. */
  constructor(open: OpenKstats, log: Log, within = READ_WITHIN_MS) {
    this.#open = open;
    this.#log = log;
    this.#within = within;
  }

  /** Undefined where this host has no kstats; without any counter where they cannot be read now. Does not reject. */
  async read(): Promise<XdeCounters | undefined> {
    if (this.#late > 0) return UNREAD;
    try {
      const counters = await this.#inTime(this.#read());
      if (this.#failing && counters !== undefined) this.#log.info({}, "the driver's kstats can be read again");
      this.#failing = false;
      return counters;
    } catch (error) {
      if (!this.#failing) {
        this.#log.warn({ error: messageOf(error) }, "the driver's counters are not shown until its kstats can be read");
      }
      this.#failing = true;
      return UNREAD;
    }
  }

  async #read(): Promise<XdeCounters | undefined> {
    this.#opened ??= this.#open();
    const kstats = await (await this.#opened)?.read(MODULE);
    if (kstats === undefined) return undefined;
    const isPort = ({ values }: { values: Statistics }) => OF_PORTS_ALONE.some((name) => values.has(name));
    return {
      driver: kstats.find(({ name }) => name === DRIVER)?.values ?? UNREAD.driver,
      ports: new Map(kstats.filter(isPort).map(({ name, values }) => [name, values])),
    };
  }

  async #inTime<T>(reading: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#late++;
        const ended = () => void this.#late--;
        reading.then(ended, ended);
        reject(new Error(`libkstat has not answered within ${this.#within / 1000} s`));
      }, this.#within);
    });
    try {
      return await Promise.race([reading, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
