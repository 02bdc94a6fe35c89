/**
 * kill -9 of an agent under load, again and again: after each restart everything acknowledged is in
 * effect, nothing unacknowledged is half in effect, and the driver is what follows from the two.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { OBSTACLE } from "../process/xde-kit.ts";
import { CrashingAgent } from "./agent.ts";
import { GUESTS, Load } from "./load.ts";
import { sameMap, show, subscriptionsThatFollow, type TableBelief, type VmmBelief } from "./world.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const kills = Number(process.env.SLEDCAST_KILLS ?? 4);
/** Answers that the load gets before the kill, at most; after the last of them it comes at any moment. */
const ANSWERS = 150;
const MOMENT_MS = 8;

/** Random numbers that a seed repeats (mulberry32). */
function random(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Seen {
  readonly tables: TableBelief;
  readonly vmms: ReadonlyMap<
    string,
    NonNullable<VmmBelief> & { readonly primary: string; readonly ports: readonly string[] }
  >;
  readonly subscriptions: readonly string[];
  readonly ports: readonly { readonly name: string; readonly owner: string; readonly propolis_id?: string }[];
  readonly degraded: unknown;
}

async function look(agent: CrashingAgent): Promise<Seen> {
  const list = async <T>(where: string): Promise<T> => {
    const { status, body } = await agent.get(where);
    expect(status, where).toBe(200);
    return body as T;
  };
  const { status: declared, body: config } = await agent.get("/multicast/config");
  const m2p = await list<{ group: string; underlay: string }[]>("/networking/mcast-m2p");
  const fwd = await list<{ underlay: string; next_hops: { next_hop: string }[] }[]>("/networking/mcast-fwd");
  const subs =
    await list<{ underlay: string; subscribers: { port: string; filter: { mode: string; sources: string[] } }[] }[]>(
      "/networking/mcast-subs",
    );
  const all =
    await list<{ propolis_id: string; origin: string; ports: { name: string; primary: boolean }[] }[]>("/vmms");
  const vmms: [string, NonNullable<VmmBelief> & { primary: string; ports: string[] }][] = [];
  for (const { propolis_id: id, origin, ports } of all) {
    const groups = await list<{ group_ip: string; sources: string[] }[]>(`/vmms/${id}/multicast-group`);
    const primary = ports.find((port) => port.primary)?.name ?? "";
    const memberships = new Map(groups.map(({ group_ip: group, sources }) => [group, sources.join()]));
    const adopted = origin === "adopted" ? primary : undefined;
    vmms.push([id, { adopted, memberships, primary, ports: ports.map(({ name }) => name) }]);
  }
  return {
    tables: {
      generation: declared === 200 ? (config as { generation: number }).generation : undefined,
      m2p: new Map(m2p.map(({ group, underlay }) => [group, underlay])),
      forwarding: new Map(
        fwd.map(({ underlay, next_hops: hops }) => [underlay, hops.map((hop) => hop.next_hop).join()]),
      ),
    },
    vmms: new Map(vmms),
    subscriptions: subs
      .flatMap(({ underlay, subscribers }) =>
        subscribers.map(({ port, filter }) => `${underlay} ${port} ${filter.mode}(${filter.sources.join(",")})`),
      )
      .sort(),
    ports: await list("/networking/ports"),
    degraded: ((await list("/multicast/status")) as { degraded: unknown }).degraded,
  };
}

const sameTables = (a: TableBelief, b: TableBelief) =>
  a.generation === b.generation && sameMap(a.m2p, b.m2p) && sameMap(a.forwarding, b.forwarding);

function sameVmm(a: VmmBelief, b: VmmBelief): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.adopted === b.adopted && sameMap(a.memberships, b.memberships);
}

/** Answers how many of the requests under way turned out done. */
async function check(agent: CrashingAgent, load: Load): Promise<number> {
  const seen = await look(agent);
  expect(seen.degraded).toEqual([]);
  const outcomes = [load.tables.settle((state) => sameTables(state, seen.tables), show(seen.tables))];
  for (const { id, client } of load.vmms) {
    const found = seen.vmms.get(id);
    outcomes.push(client.settle((state) => sameVmm(state, found), show(found)));
  }
  // The driver is what follows: subscriptions of the memberships, ports of the VMMs and nobody else's.
  const members = [...seen.vmms.values()].map(({ primary, memberships }) => ({ port: primary, memberships }));
  expect(seen.subscriptions).toEqual(subscriptionsThatFollow(members, seen.tables.m2p));
  const owned = [...seen.vmms.values()].flatMap(({ ports }) => ports);
  expect(seen.ports.map(({ name }) => name).sort()).toEqual([...new Set([...GUESTS, ...owned])].sort());
  return outcomes.filter((outcome) => outcome === "new").length;
}

/** How many requests were answered before. */
async function killedUnderLoad(agent: CrashingAgent, load: Load, next: () => number): Promise<number> {
  const wanted = 1 + Math.floor(next() * ANSWERS);
  let answered = 0;
  let enough = () => {};
  const loaded = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const loading = load.run(async (method, where, body) => {
    const { status } = await agent.call(method, where, body);
    if (++answered === wanted) enough();
    return status;
  });
  await Promise.race([loaded, loading]);
  await pause(next() * MOMENT_MS);
  await agent.kill();
  await loading;
  return answered;
}

async function killAgain(agent: CrashingAgent, times: number): Promise<void> {
  const next = random(seed);
  const load = new Load((of) => of[Math.floor(next() * of.length)] as (typeof of)[number]);
  let turnedOutDone = 0;
  let answered = 0;
  for (let n = 0; n < times; n++) {
    await agent.start();
    try {
      turnedOutDone += await check(agent, load);
    } catch (error) {
      throw new Error(`after ${n} kills (SLEDCAST_SEED=${seed})`, { cause: error });
    }
    answered += await killedUnderLoad(agent, load, next);
  }
  await agent.start();
  await check(agent, load);
  console.log(
    `${times} kills amid ${answered} answered requests; ${turnedOutDone} without an answer were done all the same; SLEDCAST_SEED=${seed}`,
  );
}

async function within(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "crash-"));
  await work(folder);
  rmSync(folder, { recursive: true });
}

const LONG = { timeout: 60_000 + kills * 20_000 };

test("an agent killed under load comes back with all that it acknowledged, over the model's file", LONG, async () => {
  await within(async (folder) => {
    const agent = CrashingAgent.overModel(folder);
    try {
      await killAgain(agent, Math.ceil((kills * 3) / 4));
    } finally {
      await agent.end();
    }
  });
});

test.skipIf(OBSTACLE)("and likewise over a device", LONG, async () => {
  await within(async (folder) => {
    const agent = await CrashingAgent.overXde(folder);
    try {
      await killAgain(agent, Math.floor(kills / 4));
    } finally {
      await agent.end();
    }
  });
});
