/**
 * What a command to the driver costs through a binding, against a plain C program that does the
 * same exchange through the same fake device with the same server. With all ends on one core too:
 * where they are not, the wake-up of another core is most of every figure and all of their noise.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Benchmark, Bound, Comparison } from "./measure/comparison.ts";
import { HelperProcess } from "./measure/helper-process.ts";
import { inTurn } from "./measure/rounds.ts";

const BATCH = 1000;
const SINGLES = 200;
const ROUNDS = 21;
const WARM_UP_ROUNDS = 3;

const MOST_OF_C: Bound = { kind: "at most", ratio: 1.3 };
/**
 * What the binding itself adds to a single command. The sum of an exchange and a hop is printed
 * beside it and not bound: two threads and a server that take turns in one core's caches cost more
 * than their parts, and how much more changes from run to run.
 */
const MOST_OF_HOP: Bound = { kind: "at most", ratio: 1.2 };
const at = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const BUILT = ["build/Release/libfake-xde.so", "build/Release/sledcast.node"];

function works(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function missing(): string | undefined {
  if (process.platform !== "linux") return `the fake device works on Linux only, and this is ${process.platform}`;
  const unbuilt = BUILT.filter((file) => !existsSync(at(file)));
  if (unbuilt.length > 0) return `${unbuilt.join(" and ")} are not built; run: npm run build`;
  return works("cc", "--version") ? undefined : "there is no C compiler (cc) to build the baseline with";
}

/** The last of the cores that this process may use: the first are where others tend to be. */
function oneCore(): string | undefined {
  const allowed = /^Cpus_allowed_list:\s*(?:.*[,-])?(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return allowed !== undefined && works("taskset", "-c", allowed, "true") ? allowed : undefined;
}

/** A series for each figure, from the programs of one placement. */
class Placement {
  readonly #prefix: readonly string[];
  readonly #directory: string;
  readonly #socket: string;

  /** `core` is left out: the programs run where the system puts them. */
  constructor(directory: string, core?: string) {
    this.#prefix = core === undefined ? [] : ["taskset", "-c", core];
    this.#directory = directory;
    this.#socket = path.join(directory, core === undefined ? "free" : "pinned");
  }

  async measure() {
    const server = await this.#start([path.join(this.#directory, "ioctl-echo"), this.#socket], "line");
    const started = [server];
    try {
      const addon = await this.#binding("addon");
      started.push(addon);
      // Optional, so what it cannot do is left out.
      const koffi = await this.#binding("koffi").catch(() => undefined);
      if (koffi !== undefined) started.push(koffi);
      const medians: number[] = [];
      const variants = {
        batch: () => addon.ask("batch"),
        c: async () => {
          const { mean, median } = this.#loop();
          medians.push(median);
          return mean;
        },
        single: () => addon.ask("single"),
        sync: () => addon.ask("sync"),
        empty: () => addon.ask("empty"),
        hop: () => addon.ask("hop"),
        koffiBatch: async () => (koffi === undefined ? Number.NaN : koffi.ask("batch")),
        koffiSingle: async () => (koffi === undefined ? Number.NaN : koffi.ask("single")),
      };
      await inTurn(WARM_UP_ROUNDS, variants);
      medians.length = 0;
      return { ...(await inTurn(ROUNDS, variants)), cSingle: medians, hasKoffi: koffi !== undefined };
    } finally {
      for (const one of started.reverse()) await one.stop();
    }
  }

  #start(command: readonly string[], ready: "line" | "message"): Promise<HelperProcess> {
    return HelperProcess.start([...this.#prefix, ...command], ready);
  }

  #binding(name: string): Promise<HelperProcess> {
    const script = at("bench/native/ioctl-node.mjs");
    const node = [process.execPath, script, name, this.#socket, String(BATCH), String(SINGLES)];
    return this.#start([at("scripts/with-fake-xde"), this.#socket, ...node], "message");
  }

  /** Microseconds a command. Of two rounds the second: in the first the connection is made. */
  #loop(): { readonly mean: number; readonly median: number } {
    const loop = [path.join(this.#directory, "ioctl-loop"), this.#socket, String(BATCH), "2"];
    const [command = "", ...args] = [...this.#prefix, at("scripts/with-fake-xde"), this.#socket, ...loop];
    const said = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    const [, median, mean] = /^round 2: median ([\d.]+) .* mean ([\d.]+) /m.exec(said) ?? [];
    if (median === undefined || mean === undefined) throw new Error(`the C program said: ${said}`);
    return { mean: Number(mean), median: Number(median) };
  }
}

async function compared(where: string, placement: Placement, isBound: boolean): Promise<Comparison[]> {
  const { batch, c, single, sync, empty, hop, koffiBatch, koffiSingle, cSingle, hasKoffi } = await placement.measure();
  const withHop = (exchange: readonly number[]) => hop.map((one, round) => one + (exchange[round] ?? Number.NaN));
  const row = (title: string, measured: number[], baseline: number[], bound?: Bound): Comparison => ({
    title: `${where}: ${title}`,
    unit: "µs",
    measured,
    baseline,
    ...(bound !== undefined && isBound ? { bound } : {}),
  });
  return [
    row(`a command of a batch of ${BATCH}; C`, batch, c, MOST_OF_C),
    row("an empty batch; one hop (fstat)", empty, hop, MOST_OF_HOP),
    ...(hasKoffi ? [row("a single command; the same without a hop, and one hop", single, withHop(sync))] : []),
    row("a single command; C and one hop", single, withHop(cSingle)),
    row("a single command; C", single, cSingle),
    row("one hop (fstat); C", hop, cSingle),
    ...(hasKoffi
      ? [
          row("koffi, a command of a batch; C", koffiBatch, c),
          row("koffi, a single command; C and one hop", koffiSingle, withHop(cSingle)),
        ]
      : []),
  ];
}

export const ioctl: Benchmark = {
  name: "ioctl",
  about:
    "Commands to the fake device through the addon; baseline: as titled, from a C program with the same server. " +
    `Each of ${ROUNDS} rounds gives the mean over a batch of ${BATCH}, or the median of ${SINGLES} single commands`,
  missing,
  async run() {
    const directory = mkdtempSync(path.join(tmpdir(), "ioctl-"));
    try {
      for (const name of ["ioctl-loop", "ioctl-echo"]) {
        const source = at(`bench/native/${name}.c`);
        execFileSync("cc", ["-O2", "-pthread", "-o", path.join(directory, name), source], { stdio: "inherit" });
      }
      const core = oneCore();
      // Held to the bounds where noise does not decide; free placement only where there is no other.
      const pinned = core === undefined ? [] : await compared("one core", new Placement(directory, core), true);
      return [...pinned, ...(await compared("free", new Placement(directory), core === undefined))];
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};
