/**
 * The kernel's counters by illumos' libkstat, through the addon. It was never run against the real library,
 * only against the stand-in of the same ABI (`native/fake-libs`).
 */
import { SledcastError } from "../error.ts";
import { loadAddon, type NativeKstats, openLibrary } from "./addon.ts";
import type { Kstat, Kstats } from "./kstats.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { errnoName, SystemError } from "./system-error.ts";
import { Share } from "./turns.ts";

const LIBRARY = "libkstat.so.1";

/** A record of `native/os/kstats.h`: a name that a NUL ends, and a number. */
const NAME_BYTES = 32;
const RECORD_BYTES = 40;

class Records {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: ArrayBuffer) {
    this.#bytes = Buffer.from(bytes);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): [name: string, value: bigint] {
    const at = this.#at;
    this.#at += RECORD_BYTES;
    // Names are ASCII, and whatever else a driver should choose is a text all the same.
    const name = this.#bytes.toString("latin1", at, this.#bytes.indexOf(0, at));
    return [name, this.#bytes.readBigUInt64LE(at + NAME_BYTES)];
  }
}

/** Each kstat is a record with its name and the count of its statistics, which follow. A thousand ports have seven thousand. */
async function kstatsFrom(bytes: ArrayBuffer): Promise<readonly Kstat[]> {
  const records = new Records(bytes);
  const kstats: Kstat[] = [];
  const share = new Share();
  while (!records.isAtEnd) {
    const [name, count] = records.next();
    const values = new Map<string, bigint>();
    for (let left = count; left > 0n; left--) values.set(...records.next());
    kstats.push({ name, values });
    await share.spent();
  }
  return kstats;
}

class AddonKstats implements Kstats {
  readonly #native: NativeKstats;
  readonly #calls = new OneAtATime();

  constructor(native: NativeKstats) {
    this.#native = native;
  }

  async read(module: string): Promise<readonly Kstat[]> {
    const answer = await this.#calls.run(() => this.#answerTo(module));
    if (typeof answer === "object") return kstatsFrom(answer);
    if (answer === undefined) {
      throw new SledcastError("resource-limit", `the kstats of ${module} cannot be read: no memory for them`);
    }
    throw new SledcastError(
      "driver-unavailable",
      `the kstats of ${module} cannot be read: ${errnoName(answer)} from libkstat; see whether kstat(8) reads them`,
      { cause: new SystemError("kstat", module, answer) },
    );
  }

  #answerTo(module: string): Promise<ArrayBuffer | number | undefined> {
    return new Promise((resolve, reject) => {
      const taken = this.#native.read(module, resolve);
      if (!taken)
        reject(new SledcastError("internal", `the kstats of ${module} cannot be read: libkstat is not loaded`));
    });
  }
}

/** Rejects with one line where the addon or the library is missing. `library`: another file than libkstat's own. */
export async function openKstats(library = LIBRARY): Promise<Kstats> {
  const { Kstats } = loadAddon();
  const native = new Kstats(library);
  await openLibrary(library, native);
  return new AddonKstats(native);
}
