/**
 * From what the driver holds to what a declared configuration wants, step by step. The driver can
 * add and replace hops and clear whole entries, and nothing else, so an entry is cleared only
 * where a hop has to go, and set again in the same step: nobody gets in between.
 */
import { Share } from "../host/turns.ts";
import type { Log } from "../log.ts";
import type { Ip } from "../net/ip.ts";
import type { ForwardingEntry, M2pMapping, NextHop } from "../opte/types.ts";
import type { DeclaredConfig } from "./declared.ts";
import type { Forwarding } from "./forwarding.ts";
import { hopKey, sameHop, sameHops } from "./hops.ts";
import type { Mappings } from "./mappings.ts";
import type { SeenMappings } from "./view.ts";

/** The entry that a step is about: as it is wanted or, where it has to go, as it is. */
export type StepEntry =
  | { readonly thing: "mapping"; readonly entry: M2pMapping }
  | { readonly thing: "forwarding"; readonly entry: ForwardingEntry };

export type Step = StepEntry & {
  /** What the driver was found to hold. */
  readonly drift: "missing" | "differs" | "unexplained";
  run(log?: Log): Promise<void>;
};

/** Names the thing a step is about, whatever is to be done with it. */
export function subjectOf(step: StepEntry): Ip {
  return step.thing === "mapping" ? step.entry.group : step.entry.underlay;
}

export interface Parts {
  /** What the driver was seen to hold. */
  readonly view: SeenMappings;
  readonly mappings: Mappings;
  readonly forwarding: Forwarding;
}

/**
 * The steps from what was last seen of the driver to the configuration; none where they agree.
 * A mapping goes before its hops do and comes after them, so that it never leads nowhere. Only the
 * lane changes what is compared here, so others may have their turn of the event loop meanwhile.
 * `thing`: only the steps about those.
 */
export async function stepsTo(config: DeclaredConfig, parts: Parts, thing?: StepEntry["thing"]): Promise<Step[]> {
  const steps: Step[] = [];
  const share = new Share();
  for (const [about, find] of FINDERS) {
    if ((thing ?? about) === about) steps.push(...find(config, parts));
    await share.spent();
  }
  return steps;
}

type Finder = (config: DeclaredConfig, parts: Parts) => Iterable<Step>;

const FINDERS: readonly (readonly [StepEntry["thing"], Finder])[] = [
  ["mapping", mappingsToClear],
  ["forwarding", entriesToSet],
  ["mapping", mappingsToSet],
  ["forwarding", entriesToClear],
];

function* mappingsToClear(config: DeclaredConfig, { view, mappings }: Parts): Iterable<Step> {
  const unwanted = [...view.entries()].filter(([group]) => !config.m2p.has(group));
  // Newest first: in that order their filters are left in a fiftieth of the time (host/socket-packing.ts).
  for (const [group, underlay] of unwanted.reverse()) {
    const entry = { group, underlay };
    yield { thing: "mapping", entry, drift: "unexplained", run: (log) => mappings.clear(entry, log) };
  }
}

function* mappingsToSet(config: DeclaredConfig, { view, mappings }: Parts): Iterable<Step> {
  for (const [group, underlay] of config.m2p) {
    const current = view.underlayOf(group);
    if (current === underlay) continue;
    const entry = { group, underlay };
    const drift = current === undefined ? "missing" : "differs";
    yield { thing: "mapping", entry, drift, run: (log) => mappings.set(entry, log) };
  }
}

function* entriesToSet(config: DeclaredConfig, { forwarding }: Parts): Iterable<Step> {
  for (const [underlay, wanted] of config.forwarding) {
    const current = forwarding.view.hopsOf(underlay);
    const hops = hopsToSend(current, wanted);
    const thing = "forwarding" as const;
    const entry = { underlay, nextHops: wanted };
    if (current === undefined) {
      yield { thing, entry, drift: "missing", run: (log) => forwarding.set(entry, log) };
    } else if (hops === "all") {
      yield { thing, entry, drift: "differs", run: (log) => replace(forwarding, entry, log) };
    } else if (hops.length > 0) {
      yield { thing, entry, drift: "differs", run: (log) => forwarding.set({ underlay, nextHops: hops }, log) };
    }
  }
}

function* entriesToClear(config: DeclaredConfig, { forwarding }: Parts): Iterable<Step> {
  for (const { underlay, nextHops } of forwarding.view.entries()) {
    if (config.forwarding.has(underlay)) continue;
    const entry = { underlay, nextHops };
    yield { thing: "forwarding", entry, drift: "unexplained", run: (log) => forwarding.clear(underlay, log) };
  }
}

/** The hops that are not there as wanted; all of them, after a clear, where one is there that must go. */
function hopsToSend(current: readonly NextHop[] = [], wanted: readonly NextHop[]): readonly NextHop[] | "all" {
  if (sameHops(current, wanted)) return [];
  const keys = new Set(wanted.map(hopKey));
  if (current.some((hop) => !keys.has(hopKey(hop)))) return "all";
  const there = new Map(current.map((hop) => [hopKey(hop), hop]));
  return wanted.filter((hop) => !sameHop(there.get(hopKey(hop)), hop));
}

async function replace(forwarding: Forwarding, entry: ForwardingEntry, log?: Log): Promise<void> {
  await forwarding.clear(entry.underlay, log);
  await forwarding.set(entry, log);
}
