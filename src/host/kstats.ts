/** The kernel's counters, as libkstat gives them (`libkstat.ts`). */

/** One kstat: its name, and its 64-bit counters by their names. One that an older driver lacks is absent. */
export interface Kstat {
  readonly name: string;
  readonly values: ReadonlyMap<string, bigint>;
}

export interface Kstats {
  /** All kstats of a module's instance 0, of class `net` and type NAMED, as they are now. Not read atomically. */
  read(module: string): Promise<readonly Kstat[]>;
}
