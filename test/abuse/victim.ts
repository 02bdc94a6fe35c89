/** The daemon that is abused, with its well-behaved client, and how it is found to be unharmed. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, vi } from "vitest";
import { Daemon } from "../process/daemon.ts";
import { quantile } from "../soak/figures.ts";
import { type Access, Caller } from "./access.ts";
import { GoodClient } from "./good-client.ts";

const inCI = process.env.CI === "true" || process.env.CI === "1";
/** Otherwise a share of it. */
export const full = inCI || process.env.SLEDCAST_ABUSE === "full";

/** What V8 and malloc may keep of the worst of it. */
const RSS_GROWTH_MB = 150;
const SOON = { timeout: 30_000, interval: 20 };
/** bunyan's number for an error. */
const ERROR = 50;
/** Of the well-behaved client, where it is asked for: `bench/long-abuse.mjs` does, with a machine of its own. */
const P99_LIMIT_MS =
  process.env.SLEDCAST_ABUSE_P99_MS === undefined ? undefined : Number(process.env.SLEDCAST_ABUSE_P99_MS);

export class Victim {
  readonly daemon: Daemon;
  readonly port: number;
  readonly #caller: Caller;
  readonly #client: GoodClient;
  readonly #rssBefore: number;
  readonly #descriptorsBefore: number;
  /** What others than the well-behaved client made before it began. */
  readonly #given: string;

  private constructor(daemon: Daemon, caller: Caller, port: number, client: GoodClient, given: string) {
    this.daemon = daemon;
    this.#caller = caller;
    this.port = port;
    this.#client = client;
    this.#given = given;
    this.#rssBefore = this.rssMb;
    this.#descriptorsBefore = this.descriptors;
  }

  /** With so many mappings, which make its lists long. `doors`: how its client comes in, where that is not open to all. */
  static async start(
    mappings: number,
    args: readonly string[] = [],
    doors: Omit<Access, "port"> = {},
  ): Promise<Victim> {
    const daemon = await Daemon.ready("--log-format", "bunyan", ...args);
    const port = Number(new URL(daemon.url).port);
    const caller = new Caller({ port, ...doors });
    const m2p = Array.from({ length: mappings }, (_, n) => ({
      group: `239.2.${n >> 8}.${n & 255}`,
      underlay: `ff04::2:${(n >> 3).toString(16)}`,
    }));
    const config = { generation: 1, m2p, forwarding: [] };
    expect(await caller.call("PUT", "/multicast/config", config)).toMatchObject({ status: 200 });
    expect(await caller.call("DELETE", "/multicast/config")).toMatchObject({ status: 204 });
    const given = await state(caller);
    const client = new GoodClient({ port, ...doors });
    await isServed(client);
    return new Victim(daemon, caller, port, client, given);
  }

  get rssMb(): number {
    const status = readFileSync(`/proc/${this.daemon.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.daemon.pid}/fd`).length;
  }

  /** Newcomers cannot be served while all connections are taken: its client is to stay with its own. */
  async isFull(): Promise<void> {
    await this.#client.ask("alone");
  }

  /** Its client had some answers more, enough to say how long they took. */
  async waited(): Promise<void> {
    const before = await this.#client.answered();
    await expect.poll(() => this.#client.answered(), SOON).toBeGreaterThan(before + (full ? 300 : 20));
  }

  /**
   * It has served its client all the time, it is what its client and nobody else made of it, and it
   * has given back what it took. Prints how long its client waited, under this name.
   */
  async isUnharmed(after: string, detail = ""): Promise<void> {
    const atWorst = this.rssMb;
    // The well-behaved client may have a connection more, or one less.
    await expect.poll(() => this.descriptors, SOON).toBeLessThanOrEqual(this.#descriptorsBefore + 2);
    const { latencies, failures, mappings } = await this.#client.ask();
    const ms = (share: number) => `${quantile(latencies, share).toFixed(1)} ms`;
    expect(failures, after).toEqual([]);
    expect(latencies.length, `answers to the well-behaved client, ${after}`).toBeGreaterThan(0);
    const others = (await state(this.#caller)).split("\n").filter((line) => !line.includes('"239.1.1.'));
    expect(others, after).toEqual(this.#given.split("\n"));
    expect(mappings.length, after).toBeLessThanOrEqual(20);
    expect(this.rssMb - this.#rssBefore, `MB that it grew, ${after}`).toBeLessThanOrEqual(RSS_GROWTH_MB);
    expect(this.daemon.records.filter(({ level }) => Number(level) >= ERROR)).toEqual([]);
    expect(this.daemon.stderr, after).toBe("");
    console.log(
      `abuse, ${after}: ${detail}the well-behaved client had ${latencies.length} answers, p50 ${ms(0.5)}, p99 ${ms(0.99)}, longest ${ms(1)}; RSS ${this.#rssBefore.toFixed(0)} MB before, ${atWorst.toFixed(0)} MB then`,
    );
    if (P99_LIMIT_MS !== undefined) expect(quantile(latencies, 0.99), `p99, ${after}`).toBeLessThan(P99_LIMIT_MS);
  }

  async stop(): Promise<void> {
    await this.#client.stop();
    expect(await this.daemon.stop()).toBe(0);
  }
}

/** Everything that a request can have changed, one thing a line. */
async function state(caller: Caller): Promise<string> {
  const lists = ["/networking/mcast-m2p", "/networking/mcast-fwd", "/networking/mcast-subs", "/vmms", "/v2p"];
  const lines: string[] = [];
  for (const where of [...lists, "/vpc-routes", "/networking/ports"]) {
    const { status, text } = await caller.call("GET", where);
    expect(status, where).toBe(200);
    lines.push(...(JSON.parse(text) as object[]).map((entry) => `${where} ${JSON.stringify(entry)}`));
  }
  const { status } = await caller.call("GET", "/multicast/config");
  return [...lines, `/multicast/config ${status}`].join("\n");
}

/** What the first requests cost is not what abuse makes of it. */
async function isServed(client: GoodClient): Promise<void> {
  let answers = 0;
  await vi.waitFor(async () => {
    answers += (await client.ask()).latencies.length;
    expect(answers).toBeGreaterThan(50);
  }, SOON);
}
