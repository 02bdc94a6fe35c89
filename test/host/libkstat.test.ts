/** The kernel's counters through the addon, over a stand-in for libkstat of the same ABI. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openKstats } from "../../src/host/libkstat.ts";
import { MULTICAST } from "../harness/kstats.ts";
import { ADDON, fileOf, LIBDLADM, LIBKSTAT, OBSTACLE, replace } from "./fake-libs.ts";

const { Kstats: NativeKstats } = OBSTACLE === undefined ? createRequire(import.meta.url)(ADDON) : {};

/** One of xde's kstats, as the fake has it: statistics, and orders. */
const kstat = (name: string, ...lines: string[]) => [
  `xde 0 ${name} net named`,
  ...lines.map((line) => `  ${line}`),
  "",
];
const text = (...kstats: string[][]) => kstats.flat().join("\n");
const counter = (name: string, value: bigint | number) => `${name} uint64 ${value}`;

/** The kernel's kstats in a file of the test's own. */
async function kstats(...first: string[][]) {
  const file = fileOf("SLEDCAST_FAKE_KSTAT");
  replace(file, text(...first));
  const opened = await openKstats(LIBKSTAT);
  return {
    read: async (module = "xde") =>
      Object.fromEntries((await opened.read(module)).map(({ name, values }) => [name, Object.fromEntries(values)])),
    change: (...to: string[][]) => replace(file, text(...to)),
    /** A file that takes the place of the kernel's when a kstat with the order is read. */
    later(...to: string[][]): string {
      writeFileSync(`${file}.later`, text(...to));
      return `!becomes ${file}.later`;
    },
    spoil: () => replace(file, "xde is no kstat\n"),
  };
}

describe.skipIf(OBSTACLE !== undefined)("kstats by libkstat", () => {
  it("have xde's multicast counters by their names, to the last bit", async () => {
    const values = MULTICAST.map((name, at) => [name, 2n ** 64n - 1n - BigInt(at)] as const);
    const { read } = await kstats(kstat("xde", ...values.map(([name, value]) => counter(name, value))));
    expect(await read()).toEqual({ xde: Object.fromEntries(values) });
  });

  it("are those of the module's instance 0, of class net and type NAMED", async () => {
    const { read } = await kstats(
      kstat("opte0", counter("in_drop", 1)),
      ["xde 1 opte1 net named", "  in_drop uint64 1"],
      ["xde 0 opte2 misc named", "  in_drop uint64 1"],
      ["xde 0 opte3 net raw", "  in_drop uint64 1"],
      ["xdeq 0 opte4 net named", "  in_drop uint64 1"],
      ["xd 0 opte5 nets named", "  in_drop uint64 1"],
    );
    expect(await read()).toEqual({ opte0: { in_drop: 1n } });
    expect(await read("xdeq")).toEqual({ opte4: { in_drop: 1n } });
    expect(await read("nothing")).toEqual({});
  });

  it("have whole numbers of every width that are not negative, and no other values", async () => {
    const { read } = await kstats(
      kstat(
        "opte0",
        "c char abc",
        "i32 int32 2147483647",
        "ui32 uint32 4294967295",
        "i64 int64 9223372036854775807",
        "below32 int32 -1",
        "below64 int64 -1",
        "f float 1.5",
        "d double 1.5",
        "s string text",
        "ui64 uint64 7",
      ),
    );
    expect(await read()).toEqual({
      opte0: { i32: 2n ** 31n - 1n, ui32: 2n ** 32n - 1n, i64: 2n ** 63n - 1n, ui64: 7n },
    });
  });

  it("are there without a statistic", async () => {
    const { read } = await kstats(kstat("opte0"), kstat("opte1", counter("in_drop", 1)));
    expect(await read()).toEqual({ opte0: {}, opte1: { in_drop: 1n } });
  });

  it("are as they are now at each reading, whatever came and went between", async () => {
    const { read, change } = await kstats(kstat("opte0", counter("in_drop", 1)));
    await read();
    const names = fc.uniqueArray(fc.constantFrom("opte0", "opte1", "opte2", "opte3"));
    await fc.assert(
      fc.asyncProperty(names, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), async (present, value) => {
        change(...present.map((name) => kstat(name, counter("in_drop", value), counter("out_drop", 2))));
        expect(await read()).toEqual(
          Object.fromEntries(present.map((name) => [name, { in_drop: value, out_drop: 2n }])),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("begin again when one goes while they are read: what came in its place is there", async () => {
    const { read, change, later } = await kstats();
    const order = later(kstat("opte1", counter("in_drop", 2)), kstat("opte2", counter("in_drop", 3)));
    change(kstat("opte0", order, counter("in_drop", 1)), kstat("opte1", counter("in_drop", 1)));
    expect(await read()).toEqual({ opte1: { in_drop: 2n }, opte2: { in_drop: 3n } });
  });

  it("leave out what went while they are read, and end although it never can be", async () => {
    const { read } = await kstats(
      kstat("opte0", counter("in_drop", 1)),
      kstat("opte1", "!gone"),
      kstat("opte2", counter("in_drop", 2)),
    );
    expect(await read()).toEqual({ opte0: { in_drop: 1n }, opte2: { in_drop: 2n } });
  });

  it("have names of 31 bytes that no NUL ends", async () => {
    const [port, statistic] = ["p".repeat(31), "s".repeat(31)];
    const { read, change } = await kstats(kstat(port, counter(statistic, 1)));
    expect(await read()).toEqual({ [port]: { [statistic]: 1n } });
    const module = "m".repeat(31);
    change([`${module} 0 ${port} net named`, `  ${statistic} uint64 1`]);
    expect(await read(module)).toEqual({ [port]: { [statistic]: 1n } });
    expect(await read(`${module}m`)).toEqual({});
  });

  it("leave out one that claims more statistics than it has data", async () => {
    const { read } = await kstats(
      kstat("opte0", counter("in_drop", 1), "!records 2"),
      kstat("opte1", "!records 1"),
      kstat("opte2", counter("in_drop", 1), "!records 4294967295"),
      kstat("opte3", counter("in_drop", 3)),
    );
    expect(await read()).toEqual({ opte3: { in_drop: 3n } });
  });

  it("say why they cannot be read, and can be once that is over", async () => {
    const { read, change, spoil } = await kstats(kstat("opte0", "!fails 13"));
    await expect(read()).rejects.toMatchObject({
      kind: "driver-unavailable",
      message: "the kstats of xde cannot be read: EACCES from libkstat; see whether kstat(8) reads them",
    });
    spoil();
    await expect(read()).rejects.toThrow("the kstats of xde cannot be read: EINVAL from libkstat");
    change(kstat("opte0", counter("in_drop", 1)));
    expect(await read()).toEqual({ opte0: { in_drop: 1n } });
  });

  it("can be read by many at once", async () => {
    const { read } = await kstats(...Array.from({ length: 100 }, (_, n) => kstat(`opte${n}`, counter("in_drop", n))));
    const readings = await Promise.all(Array.from({ length: 20 }, () => read()));
    for (const reading of readings) expect(Object.keys(reading)).toHaveLength(100);
  });

  it("are of the library that the loader finds by its name, if no other is named", async () => {
    fileOf("SLEDCAST_FAKE_KSTAT");
    expect(await (await openKstats()).read("xde")).toEqual([]);
  });

  it("are not to be had without the library, which is said in one line", async () => {
    const why = "libkstat-absent.so.1 does not load: libkstat-absent.so.1: cannot open shared object file";
    await expect(openKstats("libkstat-absent.so.1")).rejects.toThrow(new RegExp(`^${why}[^\n]*$`));
    await expect(openKstats(LIBDLADM)).rejects.toThrow(`${LIBDLADM} has no kstat_open`);
  });

  it("are refused to wrong arguments, and before the library is there", async () => {
    for (const library of [7, null, "a\0b"]) expect(() => new NativeKstats(library)).toThrow(TypeError);
    const native = new NativeKstats(LIBKSTAT);
    expect(native.read("xde", () => {})).toBe(false);
    expect(await new Promise((resolve) => native.open(resolve))).toBe("");
    expect(() => native.open("done")).toThrow(TypeError);
    for (const args of [[], ["xde"], [7, () => {}], ["x\0e", () => {}]]) {
      expect(() => native.read(...args)).toThrow(TypeError);
    }
  });
});
