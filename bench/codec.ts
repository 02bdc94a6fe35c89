/**
 * What it costs to read the driver's mapping table off the wire, against JSON.parse of the same
 * list, and to write a request. Use is measured with decoding: a text that was put together
 * cheaply is paid for when it first keys a Map or is written out. The code is the built one.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { UnderlayGroup } from "../src/net/group.ts";
import type { Ip, Ipv6 } from "../src/net/ip.ts";
import type { Vni } from "../src/net/vni.ts";
import type { NextHop } from "../src/opte/types.ts";
import type { Codec } from "../src/postcard/codec.ts";
import { type SampleMapping, sampleMappings } from "./mappings.ts";
import { built } from "./measure/built.ts";
import type { Benchmark, Comparison } from "./measure/comparison.ts";
import { inTurn } from "./measure/rounds.ts";

const MAPPINGS = 10_000;
const DECODING_ROUNDS = 61;
const DECODING_WARM_UP = 20;
const ENCODING_ROUNDS = 41;
const ENCODING_WARM_UP = 10;
const ENCODINGS_PER_ROUND = 200;

/** So that no pass pays for the garbage of the one before; what it makes itself it also collects. */
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "minor" }) => void;

const hex = (value: number) => value.toString(16);

/** Of 32 bits each, as a control plane picks them: mostly four digits a hextet. */
const spread = (n: number) => Math.imul(n + 1, 0x9e3779b1) >>> 0;

function typical(n: number): SampleMapping {
  const bits = spread(n);
  const underlay = `ff04::${hex((bits >>> 16) | 1)}:${hex(bits & 0xffff)}`;
  return { group: `239.${n & 255}.${(bits >>> 8) & 255}.${n >> 8}`, underlay };
}

function typicalIpv6(n: number): SampleMapping {
  const { underlay } = typical(n);
  return { group: underlay.replace("ff04", "ff0e"), underlay };
}

const entries = (make: (n: number) => SampleMapping) => Array.from({ length: MAPPINGS }, (_, n) => make(n));

/** As the driver writes them, IPv4 groups first. */
const SETS = [
  { title: "ff04::x:x, IPv4 groups", most: 1.0, list: entries(typical) },
  {
    title: "ff04::x:x, half IPv6 groups",
    most: 1.0,
    list: entries((n) => (n < MAPPINGS / 2 ? typical(n) : typicalIpv6(n))),
  },
  { title: "eight hextets, IPv4 groups", most: 1.5, list: sampleMappings(MAPPINGS, "full") },
] as const;

type List = readonly SampleMapping[];

const byGroup = (list: List) => new Map(list.map((mapping) => [mapping.group, mapping]));

/** What is done with a list once it is there. Each returns a number that depends on all of it. */
const USES: Readonly<Record<string, (list: List) => number>> = {
  alone: (list) => list.length,
  "+ Map": (list) => byGroup(list).size,
  "+ stringify": (list) => JSON.stringify(list).length,
  "+ Map + stringify": (list) => byGroup(list).size + JSON.stringify(list).length,
};
/** The uses that a bound is held on: whoever reads the table at least keys a Map with it. */
const BOUND_USES: readonly string[] = ["+ Map", "+ Map + stringify"];

/** Milliseconds. */
function timed(read: () => List, use: (list: List) => number, expected: number): number {
  collect({ type: "minor" });
  const since = performance.now();
  const found = use(read());
  const took = performance.now() - since;
  if (found !== expected) throw new Error(`a pass found ${found}, not ${expected}`);
  return took;
}

/** Loaded when the benchmark runs: others do not need it. */
async function load() {
  const { decode, encode } = await built<typeof import("../src/postcard/codec.ts")>("postcard/codec.js");
  const { COMMANDS } = await built<typeof import("../src/opte/wire/commands.ts")>("opte/wire/commands.js");
  const { sourceFilter } = await built<typeof import("../src/opte/filter.ts")>("opte/filter.js");
  return { decode, encode, sourceFilter, commands: COMMANDS[41] };
}
type Loaded = Awaited<ReturnType<typeof load>>;
type DumpSet = (typeof SETS)[number];

async function decoding({ decode, encode, commands }: Loaded, { title, most, list }: DumpSet): Promise<Comparison[]> {
  const table = commands.DumpMcast2Phys.response as Codec<List>;
  const bytes = encode(table, list);
  const json = JSON.stringify(list);
  if (JSON.stringify(decode(table, bytes).value) !== json) throw new Error("the list does not come back as it was");
  const readers = { wire: () => decode(table, bytes).value, json: () => JSON.parse(json) as List };
  const variants: Record<string, () => Promise<number>> = {};
  for (const [use, run] of Object.entries(USES)) {
    const expected = run(list);
    for (const [from, read] of Object.entries(readers)) {
      variants[`${use}/${from}`] = async () => timed(read, run, expected);
    }
  }
  await inTurn(DECODING_WARM_UP, variants);
  const series = await inTurn(DECODING_ROUNDS, variants);
  return Object.keys(USES).map((use) => ({
    title: `${title}: ${use}`,
    unit: "ms",
    measured: series[`${use}/wire`] ?? [],
    baseline: series[`${use}/json`] ?? [],
    ...(BOUND_USES.includes(use) ? { bound: { kind: "at most", ratio: most } } : {}),
  }));
}

const source = (n: number) => `10.0.${n >> 8}.${n & 255}` as Ip;
const ascending = (count: number, from: number) => Array.from({ length: count }, (_, n) => source(from + n));
const GROUP = "239.1.2.3" as Ip;
const UNDERLAY = "ff04::abcd:1234" as UnderlayGroup;

interface Encoded {
  readonly title: string;
  /** Microseconds. */
  readonly limit: number;
  readonly value: unknown;
  run(): Uint8Array;
}

/** The limits of the large requests are for 33 and 41 addresses, and for the noise of a shared machine. */
function requests({ encode, sourceFilter, commands }: Loaded): readonly Encoded[] {
  const hops: readonly NextHop[] = Array.from({ length: 8 }, (_, n) => ({
    addr: `fd00:1122:3344:${hex(0x101 + n)}::1` as Ipv6,
    vni: 77 as Vni,
    replication: "underlay",
    filter: sourceFilter("include", ascending(4, 4 * n)),
  }));
  const filter = sourceFilter("include", ascending(32, 0));
  const encoded = <T>(title: string, limit: number, codec: Codec<T>, value: T): Encoded => {
    return { title: `encode ${title}`, limit, value, run: () => encode(codec, value) };
  };
  return [
    encoded("SetMcast2Phys", 5, commands.SetMcast2Phys.request, { group: GROUP, underlay: UNDERLAY }),
    encoded("McastSubscribe, 32 sources", 10, commands.McastSubscribe.request, { port: "opte0", group: GROUP, filter }),
    encoded("SetMcastForwarding, 8 hops × 4 sources", 20, commands.SetMcastForwarding.request, {
      underlay: UNDERLAY,
      nextHops: hops,
    }),
  ];
}

/** Microseconds a run, as the mean over a round's runs: one is too short for the clock. */
function mean(run: () => { readonly length: number }): number {
  let total = 0;
  const since = performance.now();
  for (let i = 0; i < ENCODINGS_PER_ROUND; i++) total += run().length;
  const took = performance.now() - since;
  if (total === 0) throw new Error("nothing was written");
  return (took * 1000) / ENCODINGS_PER_ROUND;
}

async function encoding(loaded: Loaded): Promise<Comparison[]> {
  const all = requests(loaded);
  const variants: Record<string, () => Promise<number>> = {};
  for (const { title, value, run } of all) {
    variants[`${title}/wire`] = async () => mean(run);
    variants[`${title}/json`] = async () => mean(() => JSON.stringify(value));
  }
  await inTurn(ENCODING_WARM_UP, variants);
  const series = await inTurn(ENCODING_ROUNDS, variants);
  return all.map(({ title, limit }) => ({
    title,
    unit: "µs",
    measured: series[`${title}/wire`] ?? [],
    baseline: series[`${title}/json`] ?? [],
    limit,
  }));
}

export const codec: Benchmark = {
  name: "codec",
  about:
    `Decoding a dump of ${MAPPINGS} mappings, alone and with its first use; baseline: JSON.parse of the same list, ` +
    `used the same way; one pass of each a round, ${DECODING_ROUNDS} rounds. Encoding a request; baseline: ` +
    `JSON.stringify of it; ${ENCODING_ROUNDS} rounds, each the mean of ${ENCODINGS_PER_ROUND}`,
  async run() {
    // First, so that the combinators have seen many types when the dump is read, as in the daemon.
    const loaded = await load();
    const encodings = await encoding(loaded);
    const decodings: Comparison[] = [];
    for (const set of SETS) decodings.push(...(await decoding(loaded, set)));
    return [...decodings, ...encodings];
  },
};
