/**
 * Ten thousand underlay groups on two NICs: joined when the agent starts, left, closed, and left
 * behind by a killed process; against a plain C program that does the same joins in the same way.
 * Every run has a network namespace of its own, with veth pairs in it: the kernel keeps remnants of
 * groups for a while. The kernel's cost of a join is linear in the groups that are joined already
 * (its list is walked), so most of every figure is its own and quadratic: that is shown by itself. So
 * is what the joins do to any other process of the machine: with two cores an idle event loop beside
 * the C program is held up for 15 to 20 ms, which nobody's code there does. The bound of 20 ms is for
 * what the agent does itself; with the kernel's share it is shown beside that idle one.
 */
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Benchmark, Comparison } from "./measure/comparison.ts";

const GROUPS = 10_000;
const GROUPS_A_SOCKET = 64;
const ROUNDS = 5;
const NICS = ["u0", "u1"] as const;
const at = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));

const NETWORK = [
  "for n in 0 1; do",
  "ip link add u$n type veth peer name p$n",
  "echo 1 > /proc/sys/net/ipv6/conf/p$n/disable_ipv6",
  "echo 0 > /proc/sys/net/ipv6/conf/u$n/accept_dad",
  "ip link set p$n up && ip link set u$n up",
  "done",
].join("\n");

function missing(): string | undefined {
  if (process.platform !== "linux") return `it needs network namespaces, and this is ${process.platform}`;
  if (spawnSync("unshare", ["--net", "sh", "-ec", NETWORK], { stdio: "ignore" }).status !== 0) {
    return "a network namespace with a veth pair cannot be made: it needs root, unshare and ip";
  }
  return spawnSync("cc", ["--version"], { stdio: "ignore" }).status === 0 ? undefined : "there is no C compiler (cc)";
}

/** A program in a network namespace of its own, with the NICs made; it says lines of JSON. */
class InNamespace {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #output = "";

  constructor(command: string, ...args: readonly string[]) {
    const script = `set -e\n${NETWORK}\nexec "$@"`;
    this.#child = spawn("unshare", ["--net", "sh", "-c", script, "sh", command, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
  }

  async said<T>(): Promise<T> {
    for (;;) {
      const end = this.#output.indexOf("\n");
      if (end >= 0) {
        const line = this.#output.slice(0, end);
        this.#output = this.#output.slice(end + 1);
        return JSON.parse(line) as T;
      }
      const ended = await Promise.race([once(this.#child, "close"), once(this.#child.stdout, "data")]);
      if (ended.length === 2) throw new Error(`the program ended with ${ended[0] ?? ended[1]}`);
    }
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Kills it with -9; milliseconds until it is gone. */
  async kill(): Promise<number> {
    const gone = once(this.#child, "exit");
    const since = performance.now();
    this.#child.kill("SIGKILL");
    await gone;
    return performance.now() - since;
  }
}

interface Started {
  readonly joinMs: number;
  readonly startMs: number;
  readonly heldUpMs: number;
  readonly idleHeldUpMs: number;
  readonly joined: boolean;
}

interface Clocked {
  readonly ms: number;
  readonly heldUpMs: number;
}

async function agent(binding: string): Promise<{ program: InNamespace; started: Started }> {
  const child = at("bench/native/agent-joins.mjs");
  const program = new InNamespace(process.execPath, child, binding, String(GROUPS), ...NICS);
  const started = await program.said<Started>();
  if (!started.joined) throw new Error("not all groups were joined");
  return { program, started };
}

const ONCE = ["--once", String(GROUPS), String(GROUPS_A_SOCKET)];

async function plainC(compiled: string, groups: number): Promise<{ joinMs: number; leaveNewestFirstMs: number }> {
  return new InNamespace(compiled, "--once", String(groups), String(GROUPS_A_SOCKET), ...NICS).said();
}

interface Round {
  readonly c: number;
  readonly cLeave: number;
  readonly cTenth: number;
  readonly addon: Started;
  readonly koffi: Started;
  readonly leave: Clocked;
  readonly close: Clocked;
  readonly killed: number;
  /** Event loops: the agent's own share of its start, and an idle one beside C's joins; ms. */
  readonly own: number;
  readonly floor: number;
}

async function round(compiled: string, number: number): Promise<Round> {
  const runC = async () => ({ whole: await plainC(compiled, GROUPS), tenth: await plainC(compiled, GROUPS / 10) });
  // Who comes first changes with every round.
  const before = number % 2 === 0 ? await runC() : undefined;
  const leaving = await agent("addon");
  leaving.program.tell("leave");
  const leave = await leaving.program.said<Clocked>();
  const closing = await agent("addon");
  closing.program.tell("close");
  const close = await closing.program.said<Clocked>();
  const dying = await agent("koffi");
  const koffi = dying.started;
  await dying.program.kill();
  const killing = await agent("addon");
  const killed = await killing.program.kill();
  const own = await agent("none");
  await own.program.kill();
  const idle = new InNamespace(process.execPath, at("bench/native/idle-beside.mjs"), compiled, ...ONCE, ...NICS);
  const { heldUpMs: floor } = await idle.said<{ readonly heldUpMs: number }>();
  const { whole, tenth } = before ?? (await runC());
  return {
    c: whole.joinMs,
    cLeave: whole.leaveNewestFirstMs,
    cTenth: tenth.joinMs,
    addon: leaving.started,
    koffi,
    leave,
    close,
    killed,
    own: own.started.heldUpMs,
    floor,
  };
}

async function run(): Promise<readonly Comparison[]> {
  const directory = mkdtempSync(path.join(tmpdir(), "bench-joins-"));
  const compiled = path.join(directory, "join-groups");
  try {
    execFileSync("cc", ["-O2", "-o", compiled, at("bench/native/join-groups.c")], { stdio: "inherit" });
    const rounds: Round[] = [];
    for (let number = 0; number < ROUNDS; number++) rounds.push(await round(compiled, number));
    const of = (figure: (one: Round) => number) => rounds.map(figure);
    const c = of((one) => one.c);
    const addon = of((one) => one.addon.joinMs);
    const atMost = (ratio: number) => ({ kind: "at most", ratio }) as const;
    const ms = "ms" as const;
    const idle = of((one) => one.addon.idleHeldUpMs);
    const floor = of((one) => one.floor);
    return [
      { title: "joins at start, against C", unit: ms, measured: addon, baseline: c, bound: atMost(1.2) },
      { title: "the same through koffi", unit: ms, measured: of((one) => one.koffi.joinMs), baseline: c },
      { title: "the whole start, against C's joins", unit: ms, measured: of((one) => one.addon.startMs), baseline: c },
      {
        title: "leaving all, against joining",
        unit: ms,
        measured: of((one) => one.leave.ms),
        baseline: addon,
        bound: atMost(0.1),
      },
      {
        title: "closing, against joining",
        unit: ms,
        measured: of((one) => one.close.ms),
        baseline: addon,
        bound: atMost(0.1),
      },
      { title: "leaving all in C, newest first", unit: ms, measured: of((one) => one.cLeave), baseline: c },
      {
        title: "kill -9 until gone, against joining",
        unit: ms,
        measured: of((one) => one.killed),
        baseline: addon,
        limit: 1000,
      },
      {
        title: "event loop held up by the start, without the kernel, against idle",
        unit: ms,
        measured: of((one) => one.own),
        baseline: idle,
        limit: 20,
      },
      {
        title: "event loop held up by the start, against an idle one beside C",
        unit: ms,
        measured: of((one) => one.addon.heldUpMs),
        baseline: floor,
      },
      { title: "the same through koffi", unit: ms, measured: of((one) => one.koffi.heldUpMs), baseline: floor },
      {
        title: "event loop held up by leaving",
        unit: ms,
        measured: of((one) => one.leave.heldUpMs),
        baseline: idle,
        limit: 20,
      },
      {
        title: "event loop held up by closing",
        unit: ms,
        measured: of((one) => one.close.heldUpMs),
        baseline: idle,
        limit: 20,
      },
      {
        title: "the kernel: C's joins, against a tenth as many",
        unit: ms,
        measured: c,
        baseline: of((one) => one.cTenth),
      },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const joins: Benchmark = {
  name: "joins",
  about: `${GROUPS.toLocaleString("en-US")} underlay groups on ${NICS.length} NICs, ${ROUNDS} rounds; baselines as named`,
  missing,
  run,
};
