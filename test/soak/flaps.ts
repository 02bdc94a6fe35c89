/** NICs that go and come back at random times, and hangups in between. */
import { setTimeout as pause } from "node:timers/promises";
import type { Chance } from "../harness/chance.ts";
import type { NicHost } from "../nics/host.ts";
import type { SoakAgent } from "./agent.ts";

export const NICS = ["u0", "u1"] as const;
const LONGEST_AWAY_MS = 600;
const LONGEST_CALM_MS = 3000;

export class Disturber {
  readonly #host: NicHost;
  readonly #agent: SoakAgent;
  readonly #chance: Chance;
  /** What makes each NIC as it was. */
  readonly #restore = new Map<string, () => Promise<void>>();
  #stopping = new AbortController();
  flaps = 0;
  hangups = 0;

  constructor(host: NicHost, agent: SoakAgent, chance: Chance) {
    this.#host = host;
    this.#agent = agent;
    this.#chance = chance;
  }

  /** Until it is stopped; it leaves NICs as they are just then. */
  async run(): Promise<void> {
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    const calm = (most: number) => pause(this.#chance.next() * most, undefined, { signal }).catch(() => {});
    while (!signal.aborted) {
      await calm(LONGEST_CALM_MS);
      if (signal.aborted) return;
      if (this.#chance.next() < 0.3) this.#hangUp();
      const nic = this.#chance.pick(NICS);
      if (!this.#restore.has(nic)) await this.#disturb(nic);
      await calm(LONGEST_AWAY_MS);
      if (!signal.aborted) await this.restore();
    }
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Every NIC is there again. */
  async restore(): Promise<void> {
    for (const [nic, restore] of this.#restore) {
      await restore();
      this.#restore.delete(nic);
    }
  }

  async #disturb(nic: string): Promise<void> {
    this.flaps++;
    const host = this.#host;
    const kind = this.#chance.pick(["rename", "remove", "remove", "replace", "small", "flap"] as const);
    const index = this.#chance.next() < 0.5 ? await host.indexOf(nic) : undefined;
    switch (kind) {
      case "rename":
        await host.rename(nic, `x${nic}`);
        this.#restore.set(nic, () => host.rename(`x${nic}`, nic));
        break;
      case "remove":
        await host.removeNic(nic);
        this.#restore.set(nic, () => host.addNic(nic, index));
        break;
      case "replace":
        await host.replaceNic(nic, index);
        break;
      case "small":
        await host.setMtu(nic, 1279);
        this.#restore.set(nic, () => host.setMtu(nic, 1500));
        break;
      case "flap":
        await host.loseMemberships(nic);
    }
  }

  #hangUp(): void {
    this.hangups++;
    this.#agent.writeSettings(this.#chance.pick([1, 5, 30]), this.#chance.pick(["warn", "error"]));
    this.#agent.hangUp();
  }
}
