/** The driver's process is killed and started again under load: nothing that was acknowledged is lost. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../src/opte/model/tables.ts";
import { ensureBody, propolis } from "../harness/registration.ts";
import { folder, giveUnderlay, Model, OBSTACLE, SOON, XdeDaemon } from "./xde-kit.ts";

const CLIENTS = 12;
/** More groups than underlay groups, so that some share one. */
const UNDERLAYS = 40;
const OUTAGES = 3;
const VMM = `/vmms/${propolis(1)}`;

const groupOf = (n: number) => `239.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
const underlayOf = (n: number) => `ff04::${((n % UNDERLAYS) + 1).toString(16)}`;
const hopOf = (n: number) => `fd00::${((n % 500) + 1).toString(16)}`;

const OPERATIONS = [
  {
    what: "mapping",
    where: "/networking/mcast-m2p",
    body: (n: number) => ({ group: groupOf(n), underlay: underlayOf(n) }),
  },
  {
    what: "forwarding",
    where: "/networking/mcast-fwd",
    body: (n: number) => ({
      underlay: underlayOf(n),
      next_hops: [{ next_hop: hopOf(n), replication: "both", filter: { mode: "exclude", sources: [] } }],
    }),
  },
  { what: "join", where: `${VMM}/multicast-group`, body: (n: number) => ({ group_ip: groupOf(n), sources: [] }) },
] as const;

type What = (typeof OPERATIONS)[number]["what"];

/** Clients that send one request after another until they are told to stop. */
class Load {
  readonly acknowledged: Readonly<Record<What, Set<number>>> = {
    mapping: new Set(),
    forwarding: new Set(),
    join: new Set(),
  };
  readonly statuses = new Map<string, number>();
  #next = 0;
  #stopping = false;
  readonly #clients: Promise<unknown>;

  constructor(daemon: XdeDaemon) {
    this.#clients = Promise.all(Array.from({ length: CLIENTS }, () => this.#send(daemon)));
  }

  async #send(daemon: XdeDaemon): Promise<void> {
    while (!this.#stopping) {
      const n = this.#next++;
      for (const { what, where, body } of OPERATIONS) {
        const { status, body: answer } = await daemon.put(where, body(n));
        const code = (answer as { error_code?: string } | "") || {};
        const key = `${status} ${code.error_code ?? ""}`.trim();
        this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
        if (status === 204) this.acknowledged[what].add(n);
      }
    }
  }

  get count(): number {
    return Object.values(this.acknowledged).reduce((sum, { size }) => sum + size, 0);
  }

  /** Waits until so many more were acknowledged. */
  async moves(more: number): Promise<void> {
    const from = this.count;
    await expect.poll(() => this.count, SOON).toBeGreaterThan(from + more);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#clients;
  }
}

/** What was acknowledged and is not in the driver. */
function missing(
  { m2p, forwarding, subscriptions }: Snapshot,
  { mapping, forwarding: forwarded, join }: Load["acknowledged"],
) {
  const mapped = new Map<string, string>(m2p.map(({ group, underlay }) => [group, underlay]));
  const hops = new Set(forwarding.flatMap(([underlay, found]) => found.map(({ addr }) => `${underlay} ${addr}`)));
  const subscribed = new Set<string>(
    subscriptions.filter(([, ports]) => ports.length > 0).map(([underlay]) => underlay),
  );
  return {
    mappings: [...mapping].filter((n) => mapped.get(groupOf(n)) !== underlayOf(n)),
    hops: [...forwarded].filter((n) => !hops.has(`${underlayOf(n)} ${hopOf(n)}`)),
    // A join whose mapping was refused waits for it, which is no loss.
    joins: [...join].filter((n) => mapping.has(n) && !subscribed.has(underlayOf(n))),
  };
}

describe.skipIf(OBSTACLE !== undefined)("a driver that dies under load", () => {
  test("costs nothing that was acknowledged, is told as degraded, and is used again when it is back", async () => {
    const directory = folder();
    const [socket, state] = [path.join(directory, "xde.sock"), path.join(directory, "tables")];
    let model = await Model.start(socket, "--state", state);
    await giveUnderlay(socket);
    const daemon = await XdeDaemon.ready(socket);
    expect(await daemon.put(VMM, ensureBody())).toMatchObject({ status: 200 });
    const load = new Load(daemon);
    for (let outage = 0; outage < OUTAGES; outage++) {
      await load.moves(100);
      await model.stop("SIGKILL");
      await daemon.becomes("/multicast/status", {
        status: 200,
        body: {
          driver: { unavailable: expect.stringContaining("/dev/xde") },
          degraded: expect.arrayContaining([expect.objectContaining({ thing: "driver", subject: "/dev/xde" })]),
        },
      });
      expect(await daemon.get("/healthz")).toMatchObject({ status: 200 });
      model = await Model.start(socket, "--state", state);
      await load.moves(100);
    }
    await load.stop();
    await daemon.becomes("/readyz", { status: 200, body: { degraded: [] } });
    expect([...load.statuses.keys()].sort()).toEqual(["204", "503 DRIVER_UNAVAILABLE"]);
    expect(missing(await model.tables(), load.acknowledged)).toEqual({ mappings: [], hops: [], joins: [] });
    expect(await daemon.stop()).toBe(0);
    expect(daemon.stderr).toBe("");
  });
});
