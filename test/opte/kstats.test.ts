/** xde's kstats: which of them are ports', and what becomes of a reading that fails or hangs. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countersOf, XdeKstats } from "../../src/opte/kstats.ts";
import { kstat, kstatsOfPort, MemoryKstats, MULTICAST, xdeKstat } from "../harness/kstats.ts";
import { RecordingLog } from "../harness/sled.ts";

/** Counters of a kernel that is told what it has, with a log. */
function over(kernel: MemoryKstats, within?: number) {
  const log = new RecordingLog();
  const kstats = new XdeKstats(kernel.open, log, within);
  const said = () => log.records.map(({ level, fields, message }) => [level, message, fields.error]);
  return { kstats, said };
}

const NOT_SHOWN = "the driver's counters are not shown until its kstats can be read";
const AGAIN = "the driver's kstats can be read again";
const NOTHING = { driver: new Map(), ports: new Map() };

describe("the counters of xde", () => {
  it("are the driver's, and each port's by the port's name, without those of layers and route caches", async () => {
    const { kstats } = over(new MemoryKstats(xdeKstat(7), ...kstatsOfPort("opte0", 1), ...kstatsOfPort("opte1", 100)));
    expect(await kstats.read()).toEqual({
      driver: xdeKstat(7).values,
      ports: new Map([
        ["opte0", kstatsOfPort("opte0", 1)[0]?.values],
        ["opte1", kstatsOfPort("opte1", 100)[0]?.values],
      ]),
    });
  });

  it("are told apart whatever the ports are called", async () => {
    const end = fc.constantFrom("", "_nat", "_route_cache", "_firewall_nat", "e");
    const names = fc.uniqueArray(
      fc.tuple(fc.constantFrom("opte0", "opte1", "nat"), end).map((parts) => parts.join("")),
    );
    await fc.assert(
      fc.asyncProperty(names, async (ports) => {
        const taken = new Set(ports);
        // A name is given once: the kernel refuses another kstat of that name.
        const others = ports.flatMap((port) => kstatsOfPort(port).slice(1)).filter(({ name }) => !taken.has(name));
        const own = ports.flatMap((port) => kstatsOfPort(port).slice(0, 1));
        const { kstats } = over(new MemoryKstats(...others, xdeKstat(), ...own));
        expect([...((await kstats.read())?.ports.keys() ?? [])]).toEqual(ports);
      }),
      { numRuns: 50 },
    );
  });

  it("of a port whose name is longer than a kstat's are found by what the kernel leaves of it", async () => {
    const name = "p".repeat(31);
    const { kstats } = over(new MemoryKstats(kstat(name.slice(0, 30), ["in_uft_hit"], 5)));
    const counters = (await kstats.read()) ?? NOTHING;
    expect(countersOf(counters, name)).toEqual(new Map([["in_uft_hit", 5n]]));
    expect(countersOf(counters, "p")).toBeUndefined();
  });

  it("lack what an older driver does not count", async () => {
    const older = MULTICAST.slice(0, 8);
    const { kstats } = over(new MemoryKstats(kstat("xde", older), kstat("opte0", ["in_drop", "in_uft_hit"])));
    const { driver, ports } = (await kstats.read()) ?? NOTHING;
    expect([...driver.keys()]).toEqual(older);
    expect(ports.get("opte0")).toEqual(kstat("opte0", ["in_drop", "in_uft_hit"]).values);
  });

  it("are not opened before they are asked for, and opened once", async () => {
    const kernel = new MemoryKstats(xdeKstat());
    const { kstats } = over(kernel);
    expect(kernel.opened).toBe(0);
    await Promise.all([kstats.read(), kstats.read()]);
    await kstats.read();
    expect([kernel.opened, kernel.readings]).toEqual([1, 3]);
  });

  it("are undefined on a host without kstats, which is asked once", async () => {
    let asked = 0;
    const log = new RecordingLog();
    const kstats = new XdeKstats(async () => void asked++, log);
    expect([await kstats.read(), await kstats.read()]).toEqual([undefined, undefined]);
    expect([asked, log.records]).toEqual([1, []]);
  });
});

describe("a reading", () => {
  it("that fails has no counters, and that is said once until it works again", async () => {
    const kernel = new MemoryKstats(xdeKstat());
    const { kstats, said } = over(kernel);
    const fail = async () => {
      throw new Error("EIO");
    };
    for (const before of [fail, fail, async () => {}, async () => {}, fail]) {
      kernel.before = before;
      expect(await kstats.read()).toEqual(before === fail ? NOTHING : { ...NOTHING, driver: xdeKstat().values });
    }
    expect(said()).toEqual([
      ["warn", NOT_SHOWN, "EIO"],
      ["info", AGAIN, undefined],
      ["warn", NOT_SHOWN, "EIO"],
    ]);
  });

  it("that does not end is given up, and none is begun behind it until it has ended", async () => {
    const kernel = new MemoryKstats(xdeKstat());
    const { kstats, said } = over(kernel, 5);
    let end = () => {};
    kernel.before = () => new Promise((resolve) => (end = resolve));
    expect(await kstats.read()).toEqual(NOTHING);
    kernel.before = async () => {};
    expect([await kstats.read(), await kstats.read()]).toEqual([NOTHING, NOTHING]);
    expect(kernel.readings).toBe(1);
    end();
    await expect.poll(() => kstats.read()).toEqual({ ...NOTHING, driver: xdeKstat().values });
    expect(said()).toEqual([
      ["warn", NOT_SHOWN, "libkstat has not answered within 0.005 s"],
      ["info", AGAIN, undefined],
    ]);
  });
});
