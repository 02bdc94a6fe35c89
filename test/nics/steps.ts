/** Random steps in the life of a host with NICs: how each is taken, and what it makes of what should be. */
import fc from "fast-check";
import { expect } from "vitest";
import type { NicAgent } from "./agent.ts";
import { joinsOf, type NicHost } from "./host.ts";

export const NICS = ["u0", "u1"] as const;
type Nic = (typeof NICS)[number];
/** Of a configured NIC: there, not there, there under another name, or with an MTU too small for IPv6. */
type NicState = "there" | "gone" | "renamed" | "small";

const GROUPS = ["239.1.1.1", "239.1.1.2", "239.1.1.3"] as const;
const UNDERLAYS = ["ff04::1", "ff04::2", "ff04::1:0:1"] as const;

const otherName = (nic: Nic) => `x${nic}`;

/** What should be; and what the steps are taken on. */
export class World {
  readonly host: NicHost;
  agent: NicAgent;
  readonly #restart: () => Promise<NicAgent>;
  readonly mapped = new Map<string, string>();
  readonly nics = new Map<Nic, NicState>(NICS.map((nic) => [nic, "there"]));
  readonly #indexes = new Map<Nic, number>();
  /** The agent may not know yet of the last changes. */
  unsettled = false;
  /** Whether all changes of the NICs can be seen by the agent itself. */
  readonly #seesAll: boolean;

  private constructor(host: NicHost, agent: NicAgent, restart: () => Promise<NicAgent>, seesAll: boolean) {
    this.host = host;
    this.agent = agent;
    this.#restart = restart;
    this.#seesAll = seesAll;
  }

  static async begin(host: NicHost, start: () => Promise<NicAgent>, seesAll: boolean): Promise<World> {
    const world = new World(host, await start(), start, seesAll);
    for (const nic of NICS) world.#indexes.set(nic, await host.indexOf(nic));
    return world;
  }

  get allThere(): boolean {
    return NICS.every((nic) => this.nics.get(nic) === "there");
  }

  get underlays(): readonly string[] {
    return [...new Set(this.mapped.values())];
  }

  /** The kernel's table as it should be. */
  get joins(): readonly string[] {
    const there = NICS.filter((nic) => this.nics.get(nic) === "there");
    return joinsOf(there, this.underlays);
  }

  async set(group: string, underlay: string): Promise<void> {
    const { status, text } = await this.agent.map(group, underlay);
    if (!this.unsettled) {
      if (this.allThere) expect(status, text).toBe(204);
      else if (!this.underlays.includes(underlay)) expect(status, text).toBe(503);
    }
    // Where a NIC just changed, or is missing and the others have joined already, both answers are true.
    if (status === 204) this.mapped.set(group, underlay);
    else expect(status, text).toBe(503);
  }

  async clear(group: string, underlay: string): Promise<void> {
    expect((await this.agent.unmap(group, underlay)).status).toBe(204);
    if (this.mapped.get(group) === underlay) this.mapped.delete(group);
  }

  async remove(nic: Nic): Promise<void> {
    const state = this.nics.get(nic);
    if (state === "gone") return;
    await this.host.removeNic(state === "renamed" ? otherName(nic) : nic);
    this.nics.set(nic, "gone");
  }

  /** Whatever is amiss with it; a NIC that was gone comes with the index it had, or another. */
  async restore(nic: Nic, sameIndex: boolean): Promise<void> {
    const state = this.nics.get(nic);
    if (state === "gone") {
      await this.host.addNic(nic, sameIndex ? this.#indexes.get(nic) : undefined);
      if (!sameIndex) this.#indexes.set(nic, await this.host.indexOf(nic));
    }
    if (state === "renamed") await this.host.rename(otherName(nic), nic);
    if (state === "small") await this.host.setMtu(nic, 1500);
    this.nics.set(nic, "there");
    if (state === "small" || (state === "gone" && sameIndex)) await this.#unseen();
  }

  async replace(nic: Nic, sameIndex: boolean): Promise<void> {
    await this.remove(nic);
    await this.restore(nic, sameIndex);
  }

  async rename(nic: Nic): Promise<void> {
    if (this.nics.get(nic) !== "there") return;
    await this.host.rename(nic, otherName(nic));
    this.nics.set(nic, "renamed");
  }

  async shrink(nic: Nic): Promise<void> {
    if (this.nics.get(nic) !== "there") return;
    await this.host.setMtu(nic, 1279);
    this.nics.set(nic, "small");
    await this.#unseen();
  }

  async flap(nic: Nic): Promise<void> {
    if (this.nics.get(nic) !== "there") return;
    await this.host.loseMemberships(nic);
    await this.#unseen();
  }

  async kill(): Promise<void> {
    await this.agent.stop("SIGKILL");
    this.agent = await this.#restart();
  }

  /** After a change that only an audit finds where the agent cannot watch. */
  async #unseen(): Promise<void> {
    if (!this.#seesAll) await this.agent.audit();
  }
}

export interface Step {
  readonly text: string;
  take(world: World): Promise<void>;
}

const step = (text: string, take: Step["take"]): Step => ({ text, take });
const group = fc.constantFrom(...GROUPS);
const underlay = fc.constantFrom(...UNDERLAYS);
const nic = fc.constantFrom(...NICS);
const sameIndex = fc.boolean();
const indexText = (same: boolean) => (same ? "the same index" : "another index");

const set = fc.tuple(group, underlay).map(([g, u]) => step(`set ${g} ${u}`, (world) => world.set(g, u)));
const clear = fc.tuple(group, underlay).map(([g, u]) => step(`clear ${g} ${u}`, (world) => world.clear(g, u)));
const clearMapped = group.map((g) =>
  step(`clear ${g}`, async (world) => world.clear(g, world.mapped.get(g) ?? UNDERLAYS[0])),
);
const remove = nic.map((one) => step(`remove ${one}`, (world) => world.remove(one)));
const rename = nic.map((one) => step(`rename ${one}`, (world) => world.rename(one)));
const shrink = nic.map((one) => step(`shrink MTU of ${one}`, (world) => world.shrink(one)));
const flap = nic.map((one) => step(`flap MTU of ${one}`, (world) => world.flap(one)));
const restore = fc
  .tuple(nic, sameIndex)
  .map(([one, same]) => step(`restore ${one} with ${indexText(same)}`, (world) => world.restore(one, same)));
const replace = fc
  .tuple(nic, sameIndex)
  .map(([one, same]) => step(`replace ${one} with ${indexText(same)}`, (world) => world.replace(one, same)));
const kill = fc.constant(step("kill -9 and restart", (world) => world.kill()));

/** A step, and whether the next one follows before the agent has caught up. */
export const oneStep = fc.record({
  step: fc.oneof(
    { weight: 60, arbitrary: set },
    { weight: 10, arbitrary: clear },
    { weight: 20, arbitrary: clearMapped },
    { weight: 5, arbitrary: remove },
    { weight: 18, arbitrary: restore },
    { weight: 5, arbitrary: replace },
    { weight: 5, arbitrary: rename },
    { weight: 4, arbitrary: shrink },
    { weight: 6, arbitrary: flap },
    { weight: 1, arbitrary: kill },
  ),
  hurry: fc.boolean(),
});
