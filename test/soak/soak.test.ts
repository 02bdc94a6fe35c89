/**
 * A sled in use and in trouble: clients of every kind, NICs that come and go, hangups, and kill -9 of
 * the agent while its driver stays. No acknowledged change is lost, and the agent does not grow.
 * `node bench/long-soak.mjs` runs it for ten minutes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { Chance } from "../harness/chance.ts";
import { NicHost, OBSTACLE as NO_NICS } from "../nics/host.ts";
import { Model, OBSTACLE as NO_DEVICE } from "../process/xde-kit.ts";
import { type Reading, SoakAgent } from "./agent.ts";
import { Books } from "./books.ts";
import { curve, growth, quantile } from "./figures.ts";
import { Disturber, NICS } from "./flaps.ts";
import { followEvents, readSomething } from "./readers.ts";
import { Sender } from "./sender.ts";
import { TableClients } from "./tables.ts";
import { changeV2p, VmmClient, vmmNumbers } from "./vmms.ts";
import { look } from "./world.ts";

const seed = Number(process.env.SLEDCAST_SEED ?? Date.now() & 0x7fff_ffff);
const inCI = process.env.CI === "true" || process.env.CI === "1";
const seconds = Number(process.env.SLEDCAST_SOAK_SECONDS ?? (inCI ? 20 : 3));
/** Of the time, without kills at its end: what grows is seen in one long life. */
const LAST_LIFE = 0.5;
/** Of a life: by then the tables, the collector and the log of events have found their size. */
const WARM_UP = 1 / 3;
/** A life that is shorter never does. */
const LONG_ENOUGH_SECONDS = 60;
const LIMITS = { rssMb: 1.2, descriptors: 1.05 } as const;
const WELL_WITHIN_MS = 30_000;
const READERS = 3;
const FOLLOWERS = 2;

class Soak {
  readonly #host: NicHost;
  readonly #model: Model;
  readonly #agent: SoakAgent;
  readonly #sender: Sender;
  readonly #disturber: Disturber;
  readonly #chance: Chance;
  readonly #tables: TableClients;
  readonly #vmms: readonly VmmClient[];
  /** Of each life, one after the other. */
  readonly lives: Reading[][] = [];
  kills = 0;

  constructor(host: NicHost, model: Model, folder: string) {
    this.#host = host;
    this.#model = model;
    this.#chance = new Chance(seed);
    this.#agent = new SoakAgent({ host, nics: NICS, folder, driver: model.socket });
    this.#sender = new Sender(this.#agent, new Books(), this.#chance);
    this.#disturber = new Disturber(host, this.#agent, this.#chance);
    this.#tables = new TableClients(this.#sender);
    this.#vmms = vmmNumbers.map((n) => new VmmClient(n, this.#sender));
  }

  async run(): Promise<void> {
    const since = performance.now();
    const elapsed = () => (performance.now() - since) / 1000;
    while (elapsed() < seconds * (1 - LAST_LIFE)) {
      await this.#begin();
      await this.#live(0.2 + this.#chance.next() * Math.max(1, seconds / 60), () => this.#kill());
    }
    await this.#begin();
    await this.#live(Math.max(1, seconds - elapsed()), async () => this.#sender.stop());
    await this.#compare("at the end");
    expect(await this.#agent.stop()).toBe(0);
  }

  /** Some start without their NICs. */
  async #begin(): Promise<void> {
    const early = this.#chance.next() < 0.5;
    if (early) await this.#disturber.restore();
    await this.#agent.start();
    await this.#compare(`after ${this.kills} kills`);
  }

  async #live(forSeconds: number, end: () => Promise<void>): Promise<void> {
    const readings: Reading[] = [];
    this.lives.push(readings);
    const sampling = setInterval(() => readings.push(this.#agent.read()), Math.min(1000, forSeconds * 50));
    this.#sender.begin();
    const clients = this.#clients();
    const disturbing = this.#disturber.run();
    try {
      // Clients that fail end it at once; that they all end before their time is a failure, too.
      const early = await Promise.race([clients.then(() => true), pause(forSeconds * 1000, false)]);
      if (early) throw new Error(`the clients have ended by themselves: ${this.#agent.stderr}`);
    } finally {
      clearInterval(sampling);
      this.#disturber.stop();
    }
    await end();
    await Promise.all([clients, disturbing]);
  }

  async #clients(): Promise<void> {
    const sender = this.#sender;
    const times = (count: number, client: () => Promise<unknown>) => Array.from({ length: count }, client);
    await Promise.all([
      this.#tables.run(),
      ...this.#vmms.map((vmm) => vmm.run()),
      sender.repeat(() => changeV2p(sender)),
      ...times(READERS, () => sender.repeat(() => readSomething(sender))),
      ...times(FOLLOWERS, () => followEvents(sender)),
    ]);
  }

  async #kill(): Promise<void> {
    this.kills++;
    await this.#agent.kill();
  }

  /** Everything that was acknowledged, with what the agent lists, what the driver holds, and what the kernel has joined. */
  async #compare(when: string): Promise<void> {
    await this.#disturber.restore();
    await this.#isWell(when);
    const { world, contradictions } = await look(this.#agent, await this.#model.tables(), this.#host, NICS);
    const lost = this.#sender.books.settle(world);
    expect([...lost, ...contradictions], `${when}, SLEDCAST_SEED=${seed}`).toEqual([]);
    expect(this.#agent.errors, when).toEqual([]);
    expect(this.#agent.stderr, when).toBe("");
  }

  /** NICs that have just come back are joined, and what waited for them is done. */
  async #isWell(when: string): Promise<void> {
    const until = performance.now() + WELL_WITHIN_MS;
    for (;;) {
      const { degraded } = await this.#agent.get<{ readonly degraded: readonly unknown[] }>("/multicast/status");
      // Also of what the agent has not been told, or not yet.
      await this.#agent.call("POST", "/multicast/audit");
      if (degraded.length === 0) return;
      if (performance.now() > until) throw new Error(`${when}, still degraded: ${JSON.stringify(degraded)}`);
      await pause(20);
    }
  }

  get report(): string {
    const { books, counts } = this.#sender;
    const { latencies } = this.#agent;
    const last = this.lives.at(-1) ?? [];
    const ended = this.lives.slice(0, -1).flatMap((life) => life.slice(-1));
    const ms = (share: number) => `${quantile(latencies, share).toFixed(1)} ms`;
    return [
      `soak of ${seconds} s, SLEDCAST_SEED=${seed}: ${latencies.length} answers, ${books.acknowledged} acknowledged changes, ${this.kills} kills (${books.unanswered} requests without an answer, of which ${books.doneUnanswered} were done), ${this.#disturber.flaps} NIC flaps, ${this.#disturber.hangups} hangups`,
      `  answers: p50 ${ms(0.5)}, p99 ${ms(0.99)}, longest ${ms(1)}`,
      `  lives that were killed, at their end: ${curve(ended, 20)}`,
      `  last life: ${curve(last, 20)}`,
      `  without its first third, last fifth to first fifth: RSS ${growth(this.settled, "rssMb").toFixed(3)}, descriptors ${growth(this.settled, "descriptors").toFixed(3)}`,
      `  ${[...counts]
        .sort()
        .map(([what, count]) => `${what} ${count}`)
        .join(", ")}`,
      ...this.#agent.errors.map((record) => `  logged: ${record}`),
    ].join("\n");
  }

  /** The last life, once it was warm. */
  get settled(): readonly Reading[] {
    const last = this.lives.at(-1) ?? [];
    return last.slice(Math.floor(last.length * WARM_UP));
  }

  end(): void {
    this.#agent.end();
  }
}

const obstacle = NO_NICS ?? NO_DEVICE;
const LONG = { timeout: seconds * 1000 + 120_000 };

test.skipIf(obstacle !== undefined)(
  "a sled in use loses nothing that was acknowledged, whatever becomes of its agent and its NICs",
  LONG,
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "soak-"));
    const host = await NicHost.withNics(...NICS);
    const model = await Model.start(path.join(folder, "xde"), "--state", path.join(folder, "tables"));
    const soak = new Soak(host, model, folder);
    try {
      await soak.run();
    } finally {
      console.log(soak.report);
      soak.end();
      await model.stop("SIGKILL");
      await host.close();
      rmSync(folder, { recursive: true, force: true });
    }
    if (seconds * LAST_LIFE < LONG_ENOUGH_SECONDS) return;
    expect(growth(soak.settled, "rssMb"), "RSS grew").toBeLessThanOrEqual(LIMITS.rssMb);
    expect(growth(soak.settled, "descriptors"), "descriptors grew").toBeLessThanOrEqual(LIMITS.descriptors);
  },
);
