/**
 * What the daemon takes with 10,000 groups and 1,000 VMMs, and that it does not grow by being used.
 * Two measures of growth: the memory that is resident, which is what a host has less of and which
 * sees native memory too, but goes up and down by some MB with the collector's mood; and the heap
 * after a collection, asked for before and after and never in between, which shows a few bytes that
 * are kept of an operation. A leak of 20 bytes an operation, hardly more than a number in a Map,
 * breaks the second bound with any count of operations, and the first one too with a million.
 *
 * With `--model-state`: what grows in the model or its file would be found as well, and the figure
 * includes the driver's tables, which a host with xde has in its kernel. No NICs: joins are bounded by
 * groups, and have a benchmark of their own.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Benchmark, type Comparison, median } from "./measure/comparison.ts";
import { Pipeline } from "./measure/pipeline.ts";
import { ServerProcess } from "./measure/server-process.ts";
import { declaring, GROUPS, imperative, membersOnly, RELEASE, registrations, VMMS } from "./traffic.ts";

const OPERATIONS = Number(process.env.SLEDCAST_BENCH_OPERATIONS ?? 100_000);
const A_ROUND = 10_000;
/** The tables, the collector and malloc take that long to find their sizes: with four rounds it still grows by 48 bytes an operation, with sixteen by none. */
const WARM_UP_ROUNDS = 12;
const CONNECTIONS = 4;
/** Requests under way on a connection. */
const DEPTH = 8;
/** A turn is ten operations and some, one of members three. Tens of turns: see `traffic.ts`. */
const TURNS = 220;
const MEMBER_TURNS = 80;
const SAMPLE_MS = 100;
const MB = 1e6;

/** For the process as a whole, at its highest. MB. */
const LIMIT = 200;
const RESIDENT_GROWTH = 10;
const BYTES_AN_OPERATION = 10;

const SETTLED_HEAP = fileURLToPath(new URL("measure/settled-heap.mjs", import.meta.url));

class Subject {
  readonly server: ServerProcess;
  readonly connections: readonly Pipeline[];
  readonly #modelState: string;
  #turn = 0;
  #generation = 0;
  operations = 0;

  private constructor(server: ServerProcess, connections: readonly Pipeline[], modelState: string) {
    this.server = server;
    this.connections = connections;
    this.#modelState = modelState;
  }

  static async start(directory: string): Promise<Subject> {
    const modelState = path.join(directory, "model");
    const server = await ServerProcess.start("daemon", {
      args: ["--model-state", modelState],
      node: ["--expose-gc", "--import", SETTLED_HEAP],
    });
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => Pipeline.open(server.url)));
    return new Subject(server, connections, modelState);
  }

  async fill(): Promise<void> {
    await this.#declare();
    await this.#first.send(RELEASE);
    await this.#first.sendAll(registrations(), DEPTH);
  }

  async round(): Promise<void> {
    await this.#onEach((first) => imperative(first, TURNS), TURNS);
    // Each hop is another one, and then the one from before.
    await this.#declare("fd00::98");
    await this.#onEach((first) => membersOnly(first, MEMBER_TURNS), MEMBER_TURNS);
    await this.#declare();
    await this.#first.send(RELEASE);
    this.operations += 3;
  }

  /** MB that are resident. */
  resident(): number {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.server.pid}/status`, "utf8"))?.[1];
    return (Number(kilobytes) * 1024) / MB;
  }

  /** MB that are in use once everything that can go is gone. */
  async settledHeap(): Promise<number> {
    return (await this.server.ask("settled heap")) / MB;
  }

  /** MB in the ledger's files, and in the model's. */
  files(): { readonly ledger: number; readonly model: number } {
    const { stateDir } = this.server;
    const sizes = readdirSync(stateDir).map((name) => {
      // A generation may go between the two calls.
      return statSync(path.join(stateDir, name), { throwIfNoEntry: false })?.size ?? 0;
    });
    return { ledger: sizes.reduce((sum, size) => sum + size, 0) / MB, model: statSync(this.#modelState).size / MB };
  }

  descriptors(): number {
    return readdirSync(`/proc/${this.server.pid}/fd`).length;
  }

  async stop(): Promise<void> {
    for (const connection of this.connections) connection.close();
    await this.server.stop();
  }

  get #first(): Pipeline {
    return this.connections[0] as Pipeline;
  }

  async #declare(hop?: string): Promise<void> {
    await this.#first.send(declaring(++this.#generation, hop));
  }

  async #onEach(callsOf: (first: number) => Iterable<Parameters<Pipeline["send"]>[0]>, turns: number): Promise<void> {
    await Promise.all(
      this.connections.map(async (connection) => {
        const first = this.#turn;
        this.#turn += turns;
        await connection.sendAll(this.#counted(callsOf(first)), DEPTH);
      }),
    );
  }

  *#counted<T>(calls: Iterable<T>): Generator<T> {
    for (const call of calls) {
      this.operations++;
      yield call;
    }
  }
}

interface Samples {
  readonly resident: number[];
  readonly ledger: number[];
  readonly model: number[];
}

/** What is seen of it while the work is done. */
async function sampled(subject: Subject, work: () => Promise<void>): Promise<Samples> {
  const samples: Samples = { resident: [], ledger: [], model: [] };
  const take = () => {
    const { ledger, model } = subject.files();
    samples.resident.push(subject.resident());
    samples.ledger.push(ledger);
    samples.model.push(model);
  };
  const timer = setInterval(take, SAMPLE_MS);
  await work().finally(() => clearInterval(timer));
  take();
  return samples;
}

async function measure(subject: Subject): Promise<readonly Comparison[]> {
  const empty = [subject.resident()];
  const filling = await sampled(subject, () => subject.fill());
  const filled = [subject.resident()];
  const idle = subject.descriptors();
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await subject.round();
  const heapBefore = await subject.settledHeap();
  const begun = subject.operations;
  const rounds: Samples[] = [];
  const since = performance.now();
  for (let done = 0; done < OPERATIONS; done += A_ROUND) rounds.push(await sampled(subject, () => subject.round()));
  const seconds = (performance.now() - since) / 1000;
  const operations = subject.operations - begun;
  const heapAfter = await subject.settledHeap();
  console.log(`  ${operations.toLocaleString("en-US")} operations in ${Math.round(seconds)} s`);

  const tenth = Math.max(1, Math.round(rounds.length / 10));
  const during = (figure: keyof Samples, some = rounds) => some.flatMap((samples) => samples[figure]);
  const first = during("resident", rounds.slice(0, tenth));
  const last = during("resident", rounds.slice(-tenth));
  const highest = (values: readonly number[]) => [Math.max(...values)];
  const half = rounds.length >> 1;
  const later = (figure: "ledger" | "model", title: string): Comparison => ({
    title,
    unit: "MB",
    measured: highest(during(figure, rounds.slice(half))),
    baseline: highest(during(figure, rounds.slice(0, half))),
    bound: { kind: "at most", ratio: 1.2 },
  });
  return [
    { title: "resident when filled; empty", unit: "MB", measured: filled, baseline: empty, limit: LIMIT },
    {
      title: "resident at its highest; when filled",
      unit: "MB",
      measured: highest([...filling.resident, ...during("resident")]),
      baseline: filled,
      limit: LIMIT,
    },
    {
      title: "resident, last tenth; first tenth",
      unit: "MB",
      measured: [median(last)],
      baseline: [median(first)],
      limit: median(first) + RESIDENT_GROWTH,
    },
    {
      title: "heap after a collection, at the end; at the beginning",
      unit: "MB",
      measured: [heapAfter],
      baseline: [heapBefore],
      limit: heapBefore + (operations * BYTES_AN_OPERATION) / MB,
    },
    later("ledger", "ledger's files at their largest, second half; first half"),
    later("model", "model's file at its largest, second half; first half"),
    {
      title: "descriptors at the end; when filled",
      unit: "descriptors",
      measured: [subject.descriptors()],
      baseline: [idle],
      bound: { kind: "at most", ratio: 1 },
    },
  ];
}

export const memory: Benchmark = {
  name: "memory",
  about:
    `${GROUPS} groups in M2P and forwarding, ${VMMS} VMMs with ${GROUPS} memberships, then ${OPERATIONS.toLocaleString("en-US")} operations of all kinds ` +
    "(SLEDCAST_BENCH_OPERATIONS=1000000, or bench/long-memory.mjs, for the whole count); MB of 10^6 bytes",
  missing: () => (process.platform === "linux" ? undefined : `it reads /proc/PID, and this is ${process.platform}`),
  async run() {
    const directory = mkdtempSync(path.join(tmpdir(), "bench-memory-"));
    const subject = await Subject.start(directory);
    try {
      return await measure(subject);
    } finally {
      await subject.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
