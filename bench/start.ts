/**
 * How long the daemon takes from the spawn of its process until `/readyz` says that it is ready,
 * with an empty driver model. Most of that is Node and the libraries, so it is held against a bare
 * application that has the same ones and loads them all at once. `--help`, which is to need hardly
 * any, is held against Node alone.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./measure/comparison.ts";
import { inTurn } from "./measure/rounds.ts";
import { type ServerKind, ServerProcess } from "./measure/server-process.ts";

const ROUNDS = 21;
const WARM_UP_ROUNDS = 2;

async function milliseconds(kind: ServerKind, args: readonly string[] = []): Promise<number> {
  const server = await ServerProcess.start(kind, { args });
  await server.stop();
  return server.startedIn;
}

const DAEMON = fileURLToPath(new URL("../dist/daemon.js", import.meta.url));

async function run(...args: readonly string[]): Promise<number> {
  const since = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with status ${status}`);
  return performance.now() - since;
}

const VARIANTS = {
  daemon: () => milliseconds("daemon"),
  sameLibraries: () => milliseconds("start", ["prom-client"]),
  withoutPromClient: () => milliseconds("start"),
  help: () => run(DAEMON, "--help"),
  node: () => run("-e", "0"),
};

export const start: Benchmark = {
  name: "start",
  about:
    `From spawn to /readyz answering 200, asked every 2 ms, ${ROUNDS} rounds; ` +
    "baseline: a bare Fastify application with @fastify/swagger and @fastify/swagger-ui",
  async run() {
    await inTurn(WARM_UP_ROUNDS, VARIANTS);
    const { daemon, sameLibraries, withoutPromClient, help, node } = await inTurn(ROUNDS, VARIANTS);
    const common = { unit: "ms", measured: daemon } as const;
    return [
      {
        ...common,
        title: "baseline loads prom-client too",
        baseline: sameLibraries,
        bound: { kind: "at most", ratio: 1.2 },
      },
      { ...common, title: "baseline without prom-client", baseline: withoutPromClient },
      {
        title: "--help against bare node",
        unit: "ms",
        measured: help,
        baseline: node,
        bound: { kind: "at most", ratio: 2 },
      },
    ];
  },
};
