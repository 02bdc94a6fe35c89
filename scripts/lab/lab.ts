/** A lab: sleds that an underlay of two bridges connects, each with an agent of its own. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DISTINCT_GROUPS } from "./groups.ts";
import { LabNetwork, type Nic } from "./network.ts";
import { folderOf, newLabId, removeLab, removeLeftovers } from "./ownership.ts";
import { Sled } from "./sled.ts";
import { compileTraffic, Stream, sendRounds, type Tally } from "./traffic.ts";

const BUILT_DAEMON = fileURLToPath(new URL("../../dist/daemon.js", import.meta.url));
const CARRIES_WITHIN_MS = 10_000;
const END_MARK_WITHIN_MS = 5000;

export interface LabSettings {
  readonly sleds: number;
  /** Another build's daemon.js than this tree's, to compare them. */
  readonly daemon?: string | undefined;
  readonly agentFlags?: readonly string[];
}

/** At the sled's NICs, each by its name, and at the wires below their filters. */
interface At<What> {
  readonly nics: What;
  readonly wire: What;
}

/** Datagrams that arrived, by sled. */
export type Delivery = Readonly<Record<number, At<Readonly<Record<string, number>>>>>;
type Tallies = Readonly<Record<string, Tally>>;

export class Lab {
  readonly id = newLabId();
  readonly folder = folderOf(this.id);
  /** Sends and counts packets; `traffic/main.c` says how. */
  readonly traffic = path.join(this.folder, "traffic");
  readonly sleds: readonly Sled[];
  readonly #network = new LabNetwork(this.id);
  readonly #atExit = () => removeLab(this.id);
  #groups: readonly string[] = DISTINCT_GROUPS;
  #runs = 0;

  private constructor({
    sleds,
    daemon = process.env.SLEDCAST_LAB_DAEMON ?? BUILT_DAEMON,
    agentFlags = [],
  }: LabSettings) {
    const numbers = Array.from({ length: sleds }, (_, n) => n + 1);
    const common = { network: this.#network, folder: this.folder, traffic: this.traffic, daemon, agentFlags };
    this.sleds = numbers.map((number) => new Sled({ ...common, number }));
  }

  static async start(settings: LabSettings): Promise<Lab> {
    removeLeftovers();
    const lab = new Lab(settings);
    process.once("exit", lab.#atExit);
    try {
      await lab.#build();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  async #build(): Promise<void> {
    mkdirSync(this.folder);
    const numbers = this.sleds.map(({ number }) => number);
    await Promise.all([compileTraffic(this.traffic), this.#network.build(numbers)]);
    for (const sled of this.sleds) sled.startAgent();
    await Promise.all(this.sleds.map((sled) => sled.startCounter()));
    await this.#until("datagrams reach every wire", () => this.#tryGroups());
    await this.#network.beginQuerying();
    await this.#until("the bridges keep back what nobody has joined", () => this.#isKeptBack());
    await Promise.all(this.sleds.map((sled) => sled.ready()));
  }

  async #until(what: string, attempt: () => Promise<boolean>): Promise<void> {
    const since = performance.now();
    let why = "";
    while (performance.now() - since < CARRIES_WITHIN_MS) {
      try {
        if (await attempt()) return;
      } catch (error) {
        why = `: ${error instanceof Error ? error.message : error}`;
      }
      await pause(50);
    }
    throw new Error(`${this.id}: it is not so within ${CARRIES_WITHIN_MS} ms that ${what}${why}`);
  }

  /** While the bridges still flood: drops the groups that a NIC takes although nobody has joined any. */
  async #tryGroups(): Promise<boolean> {
    const taken = new Set<string>();
    for (const from of this.sleds.slice(0, 2)) {
      for (const { nics, wire } of Object.values(await this.#tallies(from, DISTINCT_GROUPS, 1))) {
        if (Object.values(wire).some((tally) => Object.keys(tally.groups).length < DISTINCT_GROUPS.length))
          return false;
        for (const tally of Object.values(nics)) for (const group of Object.keys(tally.groups)) taken.add(group);
      }
    }
    this.#groups = DISTINCT_GROUPS.filter((group) => !taken.has(group));
    return true;
  }

  async #isKeptBack(): Promise<boolean> {
    for (const from of this.sleds.slice(0, 2)) {
      const delivery = await this.send(from, this.group(0), 1);
      if (Object.values(delivery).some(({ wire }) => Object.values(wire).some((count) => count > 0))) return false;
    }
    return true;
  }

  sled(number: number): Sled {
    const sled = this.sleds[number - 1];
    if (sled === undefined) throw new Error(`the lab has no sled ${number}`);
    return sled;
  }

  /** Underlay groups that every NIC's filter tells from each other and from `otherGroups`. */
  get groups(): readonly string[] {
    return this.#groups;
  }

  group(n: number): string {
    const group = this.#groups[n];
    if (group === undefined) throw new Error(`the lab has ${this.#groups.length} groups that its NICs can tell apart`);
    return group;
  }

  /** Sends datagrams to an underlay group through each of the sled's NICs, and says where they went. */
  async send(from: Sled, group: string, datagrams = 3): Promise<Delivery> {
    const tallies = Object.entries(await this.#tallies(from, [group], datagrams));
    const counts = (of: Tallies) =>
      Object.fromEntries(Object.entries(of).map(([nic, { groups }]) => [nic, groups[group] ?? 0]));
    return Object.fromEntries(
      tallies.map(([sled, { nics, wire }]) => [sled, { nics: counts(nics), wire: counts(wire) }]),
    );
  }

  async #tallies(from: Sled, groups: readonly string[], rounds: number): Promise<Record<number, At<Tallies>>> {
    const run = ++this.#runs;
    const nics = from.nics.map(({ name }) => name);
    const others = this.sleds.filter((sled) => sled !== from);
    await Promise.all(others.map((sled) => sled.settleFilters()));
    await sendRounds(from.namespace, this.traffic, { run, nics, groups }, rounds);
    const tallied = others.map(async (sled) => {
      const at = async (which: "name" | "wire"): Promise<Tallies> => {
        const tally = async (nic: Nic) => [nic.name, await sled.tally(run, nic[which], END_MARK_WITHIN_MS)] as const;
        return Object.fromEntries(await Promise.all(sled.nics.map(tally)));
      };
      return [sled.number, { nics: await at("name"), wire: await at("wire") }] as const;
    });
    return Object.fromEntries(await Promise.all(tallied));
  }

  /** Datagrams to the groups in turn, until it is stopped; `run` is what they are counted under. */
  stream(from: Sled, groups: readonly string[], perSecond: number): { readonly run: number; readonly stream: Stream } {
    const run = ++this.#runs;
    const nics = from.nics.map(({ name }) => name);
    return { run, stream: new Stream(from.namespace, this.traffic, { run, nics, groups, perSecond }) };
  }

  /** To be called where many groups were joined: a bridge that gave up snooping floods, and everything seems to arrive. */
  assertSnooping(): Promise<void> {
    return this.#network.assertSnooping();
  }

  /** Ends everything that runs in the lab and removes it. */
  async close(): Promise<void> {
    process.off("exit", this.#atExit);
    removeLab(this.id);
  }
}
