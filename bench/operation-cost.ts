/**
 * What an operation costs in the agent, in process, with a small and with a large mapping table:
 * no operation may read or copy a whole table. The code is the built one, over the driver model
 * and without NICs, so the driver's and the kernel's own costs are not in it.
 */
import type { SledAgent } from "../src/agent/agent.ts";
import type { MulticastAddr, UnderlayGroup } from "../src/net/group.ts";
import type { Ipv6 } from "../src/net/ip.ts";
import type { DriverModel } from "../src/opte/model/model.ts";
import type { Uuid } from "../src/uuid.ts";
import { type SampleMapping, sampleMapping, sampleMappings } from "./mappings.ts";
import { built } from "./measure/built.ts";
import { type Benchmark, type Comparison, median } from "./measure/comparison.ts";

const SMALL = 10;
const LARGE = 10_000;
const ROUNDS = 40;
const CYCLES_PER_ROUND = 250;
const WARM_UP_ROUNDS = 8;
/** Groups that are set and cleared: so many that none comes back soon, and one that comes back each time. */
const PASSING = 20_000;

const CLOCKED = ["set", "join", "leave", "clear", "set, one group", "clear, one group"] as const;
type Samples = Record<(typeof CLOCKED)[number], number[]>;

const VMM = "bbbbbbbb-0000-4000-8000-000000000001" as Uuid;
const PORT = "opte0";

interface Mapping {
  readonly group: MulticastAddr;
  readonly underlay: UnderlayGroup;
}

/** The sample mappings are canonical multicast text. */
const asMapping = ({ group, underlay }: SampleMapping): Mapping => ({
  group: group as MulticastAddr,
  underlay: underlay as UnderlayGroup,
});

class Sled {
  readonly agent: SledAgent;
  readonly #model: DriverModel;
  readonly #table: readonly Mapping[];
  readonly #passing = sampleMappings(PASSING, "short", 2).map(asMapping);
  readonly #returning = asMapping(sampleMapping(0, "short", 3));
  #cycle = 0;

  private constructor(agent: SledAgent, model: DriverModel, table: readonly Mapping[]) {
    this.agent = agent;
    this.#model = model;
    this.#table = table;
  }

  static async start(mappings: number): Promise<Sled> {
    const { SledAgent } = await built<typeof import("../src/agent/agent.ts")>("agent/agent.js");
    const { DriverModel } = await built<typeof import("../src/opte/model/model.ts")>("opte/model/model.js");
    const { CountedDatalinks } = await built<typeof import("../src/host/datalinks.ts")>("host/datalinks.js");
    const { NO_NICS } = await built<typeof import("../src/host/joins.ts")>("host/joins.js");
    const { Metrics } = await built<typeof import("../src/metrics.ts")>("metrics.js");
    const silent = () => {};
    const model = new DriverModel({ ports: [{ name: PORT }] });
    const agent = new SledAgent({
      transport: model,
      joins: NO_NICS,
      datalinks: new CountedDatalinks(),
      underlayIp: "fd00::1" as Ipv6,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      metrics: new Metrics(),
    });
    await agent.start();
    await agent.adopt(VMM, [PORT], PORT);
    const table = sampleMappings(mappings).map(asMapping);
    for (const mapping of table) await agent.setMapping(mapping);
    return new Sled(agent, model, table);
  }

  /** Leaves the tables as they were. Both sleds join as many different groups, for only the tables' size may differ. */
  async cycle(samples: Samples): Promise<void> {
    const cycle = this.#cycle++;
    const passing = this.#passing[cycle % PASSING] as Mapping;
    const { group } = this.#table[cycle % SMALL] as Mapping;
    samples.set.push(await microseconds(() => this.agent.setMapping(passing)));
    samples.join.push(await microseconds(() => this.agent.join(VMM, { group, sources: [] })));
    samples.leave.push(await microseconds(() => this.agent.leave(VMM, group)));
    samples.clear.push(await microseconds(() => this.agent.clearMapping(passing)));
    const returning = this.#returning;
    samples["set, one group"].push(await microseconds(() => this.agent.setMapping(returning)));
    samples["clear, one group"].push(await microseconds(() => this.agent.clearMapping(returning)));
  }

  /** That the operations did what they were timed for. */
  async prove(): Promise<void> {
    const [passing, mapped] = [this.#passing[0] as Mapping, this.#table[0] as Mapping];
    await this.agent.setMapping(passing);
    await this.agent.join(VMM, { group: mapped.group, sources: [] });
    this.#expect(this.#table.length + 1, 1);
    await this.agent.leave(VMM, mapped.group);
    await this.agent.clearMapping(passing);
    this.#expect(this.#table.length, 0);
  }

  #expect(mappings: number, subscriptions: number): void {
    const { m2p, subscriptions: subscribed } = this.#model.tables;
    if (m2p.length === mappings && subscribed.length === subscriptions) return;
    throw new Error(`the model holds ${m2p.length} mappings and ${subscribed.length} subscriptions`);
  }
}

async function microseconds(operation: () => Promise<void>): Promise<number> {
  const since = performance.now();
  await operation();
  return (performance.now() - since) * 1000;
}

function noSamples(): Samples {
  return Object.fromEntries(CLOCKED.map((clocked) => [clocked, [] as number[]])) as Samples;
}

/** The sleds take turns after every cycle; a round's value is its median. */
async function compare(small: Sled, large: Sled): Promise<Comparison[]> {
  const medians = { small: noSamples(), large: noSamples() };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const samples = { small: noSamples(), large: noSamples() };
    for (let i = 0; i < CYCLES_PER_ROUND; i++) {
      await small.cycle(samples.small);
      await large.cycle(samples.large);
    }
    if (round < 0) continue;
    for (const clocked of CLOCKED) {
      medians.small[clocked].push(median(samples.small[clocked]));
      medians.large[clocked].push(median(samples.large[clocked]));
    }
  }
  return CLOCKED.map((clocked) => ({
    title: clocked,
    unit: "µs",
    measured: medians.large[clocked],
    baseline: medians.small[clocked],
    bound: { kind: "at most", ratio: 1.2 },
  }));
}

export const operationCost: Benchmark = {
  name: "operation-cost",
  about:
    `An operation of SledAgent with ${LARGE} mappings in the table; baseline: the same with ${SMALL}. ` +
    `Each of ${ROUNDS} rounds gives the median of ${CYCLES_PER_ROUND} operations`,
  async run() {
    const small = await Sled.start(SMALL);
    const large = await Sled.start(LARGE);
    try {
      for (const sled of [small, large]) await sled.prove();
      return await compare(small, large);
    } finally {
      for (const sled of [small, large]) await sled.agent.close();
    }
  },
};
