/**
 * What a sled loses while its agent is replaced: `tsx bench/restart-gap.ts [--groups N,N…] [--rounds N]`,
 * as root on Linux, after `npm run build`. In a lab of two sleds one sends a steady stream to groups
 * that the other has mapped; the other's agent is ended and its successor started as soon as it is
 * gone. Every datagram has a number, so each lost one is known, and when it was sent.
 *
 * There is no ratio to hold against a baseline here, so it is not one of `npm run bench`'s: what is
 * of interest is how long nothing arrives. docs/restart-gap.md has the figures.
 */
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { otherGroups } from "../scripts/lab/groups.ts";
import { Lab } from "../scripts/lab/lab.ts";
import { labObstacle } from "../scripts/lab/obstacle.ts";
import type { Sled } from "../scripts/lab/sled.ts";
import type { Tally } from "../scripts/lab/traffic.ts";
import { median, spread } from "./measure/comparison.ts";

const PER_SECOND = 1000;
/** Of thousands of groups, so many are sent to: spread evenly over the order in which they are joined. */
const MOST_SAMPLED = 16;
const BEFORE_MS = 500;
/** Leaves that nobody took back are in force at the bridges after a second. */
const AFTER_MS = 1500;
const END_MARK_WITHIN_MS = 10_000;
const CARRIED_WITHIN_MS = 30_000;

/** The last one shows what is gained where another process is a member of the same groups meanwhile. */
const WAYS = {
  upgrade: { signal: "SIGTERM", held: false },
  crash: { signal: "SIGKILL", held: false },
  "crash, groups held": { signal: "SIGKILL", held: true },
} as const;
type Way = keyof typeof WAYS;
const WAY_NAMES = Object.keys(WAYS) as Way[];

interface Round {
  /** Datagrams that a NIC did not get: mean of both. */
  readonly lost: number;
  /** From the first lost one to the last, on either NIC. */
  readonly gapMs: number;
  /** The same for a single group: median of the sampled ones. */
  readonly groupMs: number;
  /** Those that did not even come over the wire. */
  readonly lostOnWire: number;
  readonly goneMs: number;
  /** From then on. */
  readonly listeningMs: number;
  readonly readyMs: number;
}

function usage(problem: string): never {
  process.stderr.write(`${problem}\nusage: tsx bench/restart-gap.ts [--groups N,N…] [--rounds N]\n`);
  process.exit(2);
}

function positive(text: string, option: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most) usage(`${option} ${text}: whole numbers from 1 to ${most}`);
  return value;
}

function chosen(): { readonly counts: readonly number[]; readonly rounds: number } {
  const options = { groups: { type: "string" }, rounds: { type: "string" } } as const;
  try {
    const { groups = "10,1000,10000", rounds = "5" } = parseArgs({ options }).values;
    const counts = groups.split(",").map((text) => positive(text, "--groups", 20_000));
    return { counts, rounds: positive(rounds, "--rounds", 100) };
  } catch (error) {
    usage(error instanceof Error ? error.message : String(error));
  }
}

/** The sampled groups spread among the others, in the order of the overlay groups they are mapped from. */
function mappingsOf(count: number, sample: readonly string[]): { group: string; underlay: string }[] {
  const others = otherGroups(count - sample.length);
  const sampledAt = new Map(sample.map((underlay, k) => [Math.floor((k * count) / sample.length), underlay]));
  let other = 0;
  return Array.from({ length: count }, (_, n) => ({
    group: `239.1.${n >> 8}.${n & 255}`,
    underlay: sampledAt.get(n) ?? others[other++] ?? "",
  }));
}

/** Numbers of the datagrams that are missing from a tally. */
function missing({ seqs }: Tally, sent: number): number[] {
  const arrived = new Uint8Array(sent);
  for (const [first, last] of seqs) arrived.fill(1, first, last + 1);
  return [...arrived.keys()].filter((seq) => arrived[seq] === 0);
}

/** From the first to the last of what was lost, each standing for the time until the next was sent. */
function span(lost: readonly number[], at: readonly number[], every: number): number {
  const [first, last] = [lost[0], lost.at(-1)];
  if (first === undefined || last === undefined) return 0;
  return ((at[last] ?? 0) - (at[first] ?? 0)) / 1000 + every;
}

/** When the agent that was started last said in its log that it listens: its code is loaded, and the groups come next. */
function listeningSince(sled: Sled): number {
  const lines = readFileSync(sled.log, "utf8").split("\n").filter(Boolean);
  const line = lines.findLast((text) => text.includes('"listening on '));
  return Date.parse((JSON.parse(line ?? "{}") as { readonly time?: string }).time ?? "");
}

type Times = Pick<Round, "goneMs" | "listeningMs" | "readyMs">;

async function restart(sled: Sled, way: Way): Promise<Times> {
  const asked = performance.now();
  await sled.stopAgent(WAYS[way].signal);
  const gone = performance.now();
  const goneAt = Date.now();
  sled.startAgent();
  // The macvlan keeps the last group that was left until its list is touched: a real NIC does not.
  await sled.settleFilters();
  await sled.ready();
  const readyMs = performance.now() - gone;
  return { goneMs: gone - asked, listeningMs: listeningSince(sled) - goneAt, readyMs };
}

async function measure(lab: Lab, sample: readonly string[], way: Way): Promise<Round> {
  const receiver = lab.sled(2);
  const { run, stream } = lab.stream(lab.sled(1), sample, PER_SECOND);
  await pause(BEFORE_MS);
  const times = await restart(receiver, way);
  await pause(AFTER_MS);
  const { at } = await stream.stop();
  const lostAt = async (dev: string) => missing(await receiver.tally(run, dev, END_MARK_WITHIN_MS), at.length);
  const lost = await Promise.all(receiver.nics.map(({ name }) => lostAt(name)));
  const lostOnWire = await Promise.all(receiver.nics.map(({ wire }) => lostAt(wire)));
  const every = 1000 / PER_SECOND;
  const ofGroup = (k: number) => lost.map((seqs) => seqs.filter((seq) => seq % sample.length === k));
  const longest = (perNic: readonly (readonly number[])[], interval: number) =>
    Math.max(...perNic.map((seqs) => span(seqs, at, interval)));
  const mean = (perNic: readonly (readonly number[])[]) =>
    perNic.reduce((sum, { length }) => sum + length, 0) / perNic.length;
  return {
    lost: mean(lost),
    gapMs: longest(lost, every),
    groupMs: median(sample.map((_, k) => longest(ofGroup(k), every * sample.length))),
    lostOnWire: mean(lostOnWire),
    ...times,
  };
}

async function untilCarried(lab: Lab, sample: readonly string[]): Promise<void> {
  const since = performance.now();
  for (const underlay of sample) {
    for (;;) {
      const { nics = {} } = (await lab.send(lab.sled(1), underlay, 1))[2] ?? {};
      if (Object.values(nics).every((count) => count === 1)) break;
      if (performance.now() - since > CARRIED_WITHIN_MS) throw new Error(`${underlay} does not reach sled 2`);
      await pause(50);
    }
  }
}

async function roundsOf(count: number, rounds: number): Promise<Record<Way, Round[]>> {
  const lab = await Lab.start({ sleds: 2 });
  try {
    const sample = lab.groups.slice(0, Math.min(count, MOST_SAMPLED));
    const receiver = lab.sled(2);
    await receiver.stopAgent("SIGTERM");
    const mappings = mappingsOf(count, sample);
    await receiver.seed(mappings);
    receiver.startAgent();
    await receiver.ready();
    const series: Record<Way, Round[]> = { upgrade: [], crash: [], "crash, groups held": [] };
    for (let round = 0; round < rounds; round++) {
      for (const way of WAY_NAMES) {
        const holder = WAYS[way].held ? await receiver.hold(mappings.map(({ underlay }) => underlay)) : undefined;
        await untilCarried(lab, sample);
        series[way].push(await measure(lab, sample, way));
        await holder?.stop();
      }
    }
    await lab.assertSnooping();
    return series;
  } finally {
    await lab.close();
  }
}

function cell(rounds: readonly Round[], of: keyof Round): string {
  const { median: middle, min, max } = spread(rounds.map((round) => round[of]));
  return `${Math.round(middle)} (${Math.round(min)}–${Math.round(max)})`;
}

const COLUMNS = ["lost", "gapMs", "groupMs", "goneMs", "listeningMs", "readyMs", "lostOnWire"] as const;

const obstacle = labObstacle();
const { counts, rounds } = chosen();
if (obstacle !== undefined) {
  process.stderr.write(`restart-gap: ${obstacle}\n`);
  process.exit(1);
}
console.log(
  `node ${process.version}, Linux ${release()}, ${cpus().length} CPUs; median (min–max) of ${rounds} rounds\n`,
);
console.log(
  "| groups | restart | lost datagrams | gap, ms | gap of one group, ms | until gone, ms | then until listening, ms | until ready, ms | lost on the wire |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
for (const count of counts) {
  const series = await roundsOf(count, rounds);
  for (const way of WAY_NAMES) {
    const cells = COLUMNS.map((column) => cell(series[way], column));
    console.log(`| ${[count.toLocaleString("en-US"), `${way} (${WAYS[way].signal})`, ...cells].join(" | ")} |`);
  }
}
