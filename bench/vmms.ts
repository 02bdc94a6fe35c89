/**
 * What a VMM costs in the agent, in process, with few and with many others there: its ports, rules,
 * routes and memberships made, and taken away again. And that the heap is what it was after a thousand
 * came and went, eight at a time, for several rounds. The code is the built one, over the driver model
 * and a ledger in memory, without NICs: the driver's and the disk's own costs are not in it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { SledAgent } from "../src/agent/agent.ts";
import type { EnsureBody } from "../src/http/schemas/vmm.ts";
import type { MulticastAddr, UnderlayGroup } from "../src/net/group.ts";
import type { Ipv6 } from "../src/net/ip.ts";
import type { DriverModel } from "../src/opte/model/model.ts";
import type { Uuid } from "../src/uuid.ts";
import type { Registration } from "../src/vmm/vmm.ts";
import { built } from "./measure/built.ts";
import { type Benchmark, type Comparison, median } from "./measure/comparison.ts";

const FEW = 10;
const MANY = 1000;
const AT_ONCE = 8;
const ROUNDS = 20;
const CYCLES_PER_ROUND = 50;
const WARM_UP_ROUNDS = 4;
const MEMORY_ROUNDS = 10;
/** The log of events and the tables find their sizes. */
const MEMORY_WARM_UP_ROUNDS = 4;
const MB = 1e6;

const MAPPED = ["239.1.1.1", "239.1.1.2"];
const hex = (n: number) => n.toString(16).padStart(2, "0");
const uuid = (kind: string, n: number) => `${kind}-0000-4000-8000-${n.toString(16).padStart(12, "0")}` as Uuid;
const propolis = (n: number) => uuid("bbbbbbbb", n);

/** The nth VMM: a NIC whose MAC no other has, in the VPC and the subnet of all. */
function bodyOf(n: number): object {
  const [a, b, c] = [(n >> 16) & 255, (n >> 8) & 255, n & 255] as const;
  const nic = {
    id: uuid("cccccccc", n),
    kind: { type: "service", id: uuid("aaaaaaaa", n) },
    name: "net0",
    ip_config: { type: "v4", value: { ip: `10.${a}.${b}.${c}`, subnet: "10.0.0.0/8", transit_ips: [] } },
    mac: `a8:40:25:${hex(a)}:${hex(b)}:${hex(c)}`,
    vni: 100,
    primary: true,
    slot: 0,
  };
  const rule = {
    status: "enabled",
    direction: "inbound",
    targets: [],
    filter_hosts: [{ type: "vpc", value: 100 }],
    filter_ports: ["22", "443"],
    filter_protocols: [{ type: "tcp" }],
    action: "allow",
    priority: 100,
  };
  return {
    vmm_spec: {
      board: { chipset: { type: "i440_fx", value: { enable_pcie: false } }, cpus: 2, memory_mb: 2048 },
      components: {},
    },
    local_config: {
      hostname: `vm${n}`,
      nics: [nic],
      external_ips: {},
      attached_subnets: [],
      multicast_groups: [...MAPPED, "239.1.1.9"].map((group_ip) => ({ group_ip, sources: [] })),
      firewall_rules: [rule],
      dhcp_config: { dns_servers: ["1.1.1.1"], host_domain: null, search_domains: [] },
      delegated_zvols: [],
      primary_nic_mtu: null,
    },
    vmm_runtime: { state: "starting", gen: 1, time_updated: "2026-01-02T03:04:05.678901Z" },
    instance_id: uuid("aaaaaaaa", n),
    migration_id: null,
    propolis_addr: "[fd00:1122:3344:101::7]:12400",
    metadata: { silo_id: uuid("dddddddd", 0), project_id: uuid("dddddddd", 1) },
  };
}

interface Samples {
  readonly register: number[];
  readonly unregister: number[];
}

type Parse = (body: EnsureBody, text: string) => Registration;

class Sled {
  readonly agent: SledAgent;
  readonly #model: DriverModel;
  readonly #parse: Parse;
  readonly #there: number;
  #next = 0;

  private constructor(agent: SledAgent, model: DriverModel, parse: Parse, there: number) {
    this.agent = agent;
    this.#model = model;
    this.#parse = parse;
    this.#there = there;
  }

  static async start(vmms: number): Promise<Sled> {
    const { SledAgent } = await built<typeof import("../src/agent/agent.ts")>("agent/agent.js");
    const { DriverModel } = await built<typeof import("../src/opte/model/model.ts")>("opte/model/model.js");
    const { CountedDatalinks } = await built<typeof import("../src/host/datalinks.ts")>("host/datalinks.js");
    const { NO_NICS } = await built<typeof import("../src/host/joins.ts")>("host/joins.js");
    const { MemoryLedger } = await built<typeof import("../src/intent/ledger.ts")>("intent/ledger.js");
    const { Metrics } = await built<typeof import("../src/metrics.ts")>("metrics.js");
    const { parseRegistration } =
      await built<typeof import("../src/http/parse/registration.ts")>("http/parse/registration.js");
    const silent = () => {};
    const model = new DriverModel();
    const agent = new SledAgent({
      transport: model,
      joins: NO_NICS,
      datalinks: new CountedDatalinks(),
      ledger: new MemoryLedger(),
      underlayIp: "fd00::1" as Ipv6,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      metrics: new Metrics(),
    });
    await agent.start();
    for (const group of MAPPED)
      await agent.setMapping({ group: group as MulticastAddr, underlay: "ff04::1" as UnderlayGroup });
    const sled = new Sled(agent, model, parseRegistration, vmms);
    for (let n = 0; n < vmms; n++) await sled.#register();
    return sled;
  }

  #registrationOf(n: number): Registration {
    const body = bodyOf(n);
    return this.#parse(body as EnsureBody, JSON.stringify(body));
  }

  async #register(): Promise<Uuid> {
    const n = ++this.#next;
    await this.agent.register(propolis(n), this.#registrationOf(n));
    return propolis(n);
  }

  /** One more comes and goes. */
  async cycle({ register, unregister }: Samples): Promise<void> {
    const n = ++this.#next;
    const registration = this.#registrationOf(n);
    register.push(await microseconds(() => this.agent.register(propolis(n), registration)));
    unregister.push(await microseconds(() => this.agent.unregister(propolis(n))));
  }

  /** So many come, and then go, eight at a time. */
  async wave(vmms: number): Promise<void> {
    const ids: Uuid[] = [];
    for (let done = 0; done < vmms; done += AT_ONCE) {
      ids.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => this.#register()))));
    }
    this.prove(vmms);
    for (let done = 0; done < ids.length; done += AT_ONCE) {
      await Promise.all(ids.slice(done, done + AT_ONCE).map((id) => this.agent.unregister(id)));
    }
    this.prove(0);
  }

  /** That there are as many more as there should be. */
  prove(more: number): void {
    const { ports, subscriptions } = this.#model.tables;
    const wanted = this.#there + more;
    const subscribed = subscriptions[0]?.[1].length ?? 0;
    if (ports.length === wanted && subscribed === wanted) return;
    throw new Error(`the model holds ${ports.length} ports and ${subscribed} subscriptions, not ${wanted}`);
  }
}

async function microseconds(operation: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await operation();
  return (performance.now() - since) * 1000;
}

const CLOCKED = ["register", "unregister"] as const;

/** The sleds take turns after every cycle; a round's value is its median. */
async function costs(few: Sled, many: Sled): Promise<Comparison[]> {
  const noSamples = (): Samples => ({ register: [], unregister: [] });
  const medians = { few: noSamples(), many: noSamples() };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const samples = { few: noSamples(), many: noSamples() };
    for (let i = 0; i < CYCLES_PER_ROUND; i++) {
      await few.cycle(samples.few);
      await many.cycle(samples.many);
    }
    if (round < 0) continue;
    for (const clocked of CLOCKED) {
      medians.few[clocked].push(median(samples.few[clocked]));
      medians.many[clocked].push(median(samples.many[clocked]));
    }
  }
  for (const sled of [few, many]) sled.prove(0);
  return CLOCKED.map((clocked) => ({
    title: `${clocked}, ${MANY} VMMs there; ${FEW}`,
    unit: "µs",
    measured: medians.many[clocked],
    baseline: medians.few[clocked],
    bound: { kind: "at most", ratio: 1.3 },
  }));
}

/** What is in use once everything that can go is gone. */
function settledHeap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed / MB;
}

/** The heap after each round, against that after the first one. */
async function memory(sled: Sled): Promise<Comparison> {
  for (let round = 0; round < MEMORY_WARM_UP_ROUNDS; round++) await sled.wave(MANY);
  const first = settledHeap();
  const measured: number[] = [];
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    await sled.wave(MANY);
    measured.push(settledHeap());
  }
  return {
    title: `heap after each of ${MEMORY_ROUNDS} times ${MANY} VMMs; before`,
    unit: "MB",
    measured,
    baseline: measured.map(() => first),
    bound: { kind: "at most", ratio: 1.02 },
  };
}

export const vmms: Benchmark = {
  name: "vmms",
  about:
    `A VMM with ${MANY} others there; baseline: with ${FEW}. Each of ${ROUNDS} rounds gives the median of ` +
    `${CYCLES_PER_ROUND}. And the heap over rounds of ${MANY} that come and go, ${AT_ONCE} at a time`,
  async run() {
    const few = await Sled.start(FEW);
    const many = await Sled.start(MANY);
    try {
      return [...(await costs(few, many)), await memory(few)];
    } finally {
      for (const sled of [few, many]) await sled.agent.close();
    }
  },
};
