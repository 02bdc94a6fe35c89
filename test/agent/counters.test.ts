/** What an agent shows of the driver's counters: as metrics, and with its ports. */
import { afterEach, describe, expect, test } from "vitest";
import type { Kstats } from "../../src/host/kstats.ts";
import {
  DROPS,
  kstat,
  kstatsOfPort,
  MemoryKstats,
  MULTICAST,
  PORT_COUNTERS,
  PORT_GAUGES,
  xdeKstat,
} from "../harness/kstats.ts";
import { Sled } from "../harness/sled.ts";

const PORTS = { ports: [{ name: "opte0" }, { name: "opte1" }] };

let sled: Sled;
afterEach(() => sled.close());

async function sledWith(openKstats?: () => Promise<Kstats | undefined>): Promise<void> {
  sled = await Sled.start({ model: PORTS, ...(openKstats && { openKstats }) });
}

const OURS = /^(?:# \w+ )?sledcast_(?:xde|port)_(?!leftovers|settings)/;
/** The lines about the driver's counters. */
async function metrics(): Promise<string[]> {
  const { status, text } = await sled.get("/metrics");
  expect(status).toBe(200);
  return text.split("\n").filter((line) => OURS.test(line));
}
const samples = async () => (await metrics()).filter((line) => !line.startsWith("#"));

interface Listed {
  readonly name: string;
  readonly stats?: Readonly<Record<string, number>> | null;
}
const ports = async (query = ""): Promise<readonly Listed[]> => (await sled.get(`/networking/ports${query}`)).body;

describe("the metrics", () => {
  test("have each multicast counter, each drop and what is chosen of each port", async () => {
    const kernel = new MemoryKstats(xdeKstat(1), ...kstatsOfPort("opte0", 1000), ...kstatsOfPort("opte1", 2000));
    await sledWith(kernel.open);
    const dropLine = (name: string, at: number) => {
      const [, direction, reason] = /^(in|out)_drop_(.*)$/.exec(name) ?? [];
      return `sledcast_xde_drops_total{direction="${direction}",reason="${reason}"} ${1 + at}`;
    };
    const portLines = (port: string, first: number) => [
      ...PORT_COUNTERS.map((name, at) => `sledcast_port_${name}_total{port="${port}"} ${first + at}`),
      ...PORT_GAUGES.map((name, at) => `sledcast_port_${name}{port="${port}"} ${first + PORT_COUNTERS.length + at}`),
    ];
    const expected = [
      ...DROPS.map(dropLine),
      ...MULTICAST.map((name, at) => `sledcast_xde_${name}_total ${1 + DROPS.length + at}`),
      ...portLines("opte0", 1000),
      ...portLines("opte1", 2000),
    ];
    expect((await samples()).sort()).toEqual(expected.sort());
  });

  test("say of each counter what it counts, in words of its own, and its type", async () => {
    await sledWith(new MemoryKstats(xdeKstat(), ...kstatsOfPort("opte0")).open);
    const lines = await metrics();
    const helps = lines.filter((line) => line.startsWith("# HELP "));
    const types = lines.filter((line) => line.startsWith("# TYPE "));
    const count = MULTICAST.length + 1 + PORT_COUNTERS.length + PORT_GAUGES.length;
    expect(new Set(helps.map((line) => line.split(" ").slice(3).join(" "))).size).toBe(count);
    expect(types).toHaveLength(count);
    for (const line of types) expect(line).toMatch(/_total counter$|_(?:flows|capacity) gauge$/);
  });

  test("lack what an older driver does not count, and do not say zero", async () => {
    await sledWith(
      new MemoryKstats(kstat("xde", ["in_drop_misc", "mcast_tx_local"], 0), kstat("opte0", ["in_uft_hit"])).open,
    );
    expect(await samples()).toEqual([
      "sledcast_xde_mcast_tx_local_total 1",
      'sledcast_xde_drops_total{direction="in",reason="misc"} 0',
      'sledcast_port_in_uft_hit_total{port="opte0"} 1',
    ]);
  });

  test("forget a port that is gone, and have one that came", async () => {
    const kernel = new MemoryKstats(kstat("opte0", ["in_uft_hit"]));
    await sledWith(kernel.open);
    expect(await samples()).toEqual(['sledcast_port_in_uft_hit_total{port="opte0"} 1']);
    kernel.kstats = [kstat("opte1", ["in_uft_hit"])];
    expect(await samples()).toEqual(['sledcast_port_in_uft_hit_total{port="opte1"} 1']);
  });

  test("of one scrape come from one reading, and there is none before the first", async () => {
    const kernel = new MemoryKstats(xdeKstat(), ...kstatsOfPort("opte0"));
    await sledWith(kernel.open);
    expect(kernel.opened).toBe(0);
    await metrics();
    await metrics();
    expect([kernel.opened, kernel.readings]).toEqual([1, 2]);
  });

  test("are there without these counters when they cannot be read", async () => {
    const kernel = new MemoryKstats(xdeKstat());
    kernel.before = () => Promise.reject(new Error("EIO"));
    await sledWith(kernel.open);
    expect(await samples()).toEqual([]);
    expect((await metrics()).length).toBeGreaterThan(0);
    expect((await sled.get("/metrics")).text).toMatch(/^sledcast_vmms 0$/m);
  });

  test.each([
    ["on a host without kstats", async () => undefined],
    ["over the model", undefined],
  ])("have no such family %s", async (_where, openKstats) => {
    await sledWith(openKstats);
    expect(await metrics()).toEqual([]);
  });
});

describe("the list of ports", () => {
  test("has with stats=true all that the port's kstat has, to the last bit, and null for a port without one", async () => {
    await sledWith(new MemoryKstats(...kstatsOfPort("opte0", 2n ** 64n - 30n)).open);
    const { text } = await sled.get("/networking/ports?stats=true");
    const names = [...PORT_COUNTERS, ...PORT_GAUGES];
    const all = names.map((name, at) => `"${name}":${2n ** 64n - 30n + BigInt(at)}`);
    expect(text).toContain(`"stats":{${all.join(",")}}`);
    const shown = (await ports("?stats=true")).map(({ name, stats }) => [name, stats === null]);
    expect(Object.fromEntries(shown)).toEqual({ opte0: false, opte1: true });
  });

  test("is otherwise the same, and without the query or with stats=false has no stats", async () => {
    const kernel = new MemoryKstats(...kstatsOfPort("opte0"));
    await sledWith(kernel.open);
    const plain = await ports();
    expect(plain.some((port) => "stats" in port)).toBe(false);
    expect(await ports("?stats=false")).toEqual(plain);
    expect(kernel.readings).toBe(0);
    expect((await ports("?stats=true")).map(({ stats: _, ...port }) => port)).toEqual(plain);
  });

  test("has null for every port where there are no kstats, or they cannot be read", async () => {
    await sledWith();
    expect((await ports("?stats=true")).map(({ stats }) => stats)).toEqual([null, null]);
    await sled.close();
    const kernel = new MemoryKstats(...kstatsOfPort("opte0"));
    kernel.before = () => Promise.reject(new Error("EIO"));
    await sledWith(kernel.open);
    expect((await ports("?stats=true")).map(({ stats }) => stats)).toEqual([null, null]);
  });

  test.each(["stats=", "stats=1", "stats=TRUE", "stats=yes", "stats=true&stats=true"])(
    "is refused with %s",
    async (query) => {
      await sledWith();
      const { status, body } = await sled.get(`/networking/ports?${query}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ message: expect.stringMatching(/^stats: .*neither true nor false$/) });
    },
  );

  test("has its query and the counters in the document", async () => {
    await sledWith();
    const { paths, components } = (await sled.get("/openapi.json")).body as {
      paths: Record<string, { get: { parameters: { name: string; in: string }[] } }>;
      components: { schemas: Record<string, { properties: object; required: string[] }> };
    };
    expect(paths["/networking/ports"]?.get.parameters).toMatchObject([{ name: "stats", in: "query" }]);
    expect(components.schemas.Port?.properties).toHaveProperty("stats");
    expect(components.schemas.Port?.required).not.toContain("stats");
  });
});
