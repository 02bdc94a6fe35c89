/**
 * What an audit of 10,000 groups costs those who ask for something meanwhile. Requests come one
 * every few milliseconds, whether the one before was answered or not, so that one that is kept
 * waiting keeps nobody from asking. Half of them change something and go through the lane. The 99th
 * percentile of their time is measured while one audit follows the other, and without.
 */
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { sampleMapping } from "./mappings.ts";
import { type Benchmark, type Comparison, median } from "./measure/comparison.ts";
import { inTurn } from "./measure/rounds.ts";
import { ServerProcess } from "./measure/server-process.ts";

const GROUPS = 10_000;
/** Each port joins so many of the groups. */
const PORTS = 10;
const JOINED = 200;
const ROUNDS = 7;
const SECONDS = 4;
const EVERY_MS = 4;
/** Milliseconds between two audits. */
const PAUSE_MS = 50;
/** Milliseconds that an audit may add. */
const ADDED = 25;

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const propolis = (n: number) => `bbbbbbbb-0000-4000-8000-${String(n).padStart(12, "0")}`;

function call({ url }: ServerProcess, method: string, path: string, value?: unknown): Promise<number> {
  const body = value === undefined ? "" : JSON.stringify(value);
  const headers = body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { method, headers, agent }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    })
      .on("error", reject)
      .end(body);
  });
}

async function must(server: ServerProcess, method: string, path: string, value?: unknown): Promise<void> {
  const status = await call(server, method, path, value);
  if (status >= 300) throw new Error(`${method} ${path} was answered ${status}`);
}

const membership = (n: number) => ({ group_ip: sampleMapping(n).group, sources: [] });

async function fill(server: ServerProcess, declared: boolean): Promise<void> {
  const m2p = Array.from({ length: GROUPS }, (_, n) => sampleMapping(n));
  const filter = { mode: "exclude", sources: [] };
  const forwarding = m2p.map(({ underlay }) => ({
    underlay,
    next_hops: [{ next_hop: "fd00::99", replication: "underlay", filter }],
  }));
  await must(server, "PUT", "/multicast/config", { generation: 1, m2p, forwarding });
  if (!declared) await must(server, "DELETE", "/multicast/config");
  for (let port = 0; port < PORTS; port++) {
    await must(server, "PUT", `/vmms/${propolis(port)}/ports`, { ports: [`guest${port}`], primary: `guest${port}` });
    for (let n = 0; n < JOINED; n++)
      await must(server, "PUT", `/vmms/${propolis(port)}/multicast-group`, membership(port * JOINED + n));
  }
}

/** The 99th percentile of the requests' times. Milliseconds. */
async function percentile(server: ServerProcess, auditing: boolean): Promise<number> {
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  let running = true;
  const audits = (async () => {
    while (auditing && running) {
      await must(server, "POST", "/multicast/audit");
      await pause(PAUSE_MS);
    }
  })();
  const begin = performance.now();
  for (let n = 0; performance.now() - begin < SECONDS * 1000; n++) {
    const since = performance.now();
    const [method, path, body] =
      n % 2 === 0
        ? (["GET", "/vmms", undefined] as const)
        : (["PUT", `/vmms/${propolis(0)}/multicast-group`, membership(n % JOINED)] as const);
    asked.push(must(server, method, path, body).then(() => void times.push(performance.now() - since)));
    await pause(EVERY_MS);
  }
  running = false;
  await Promise.all([...asked, audits]);
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

async function measured(title: string, declared: boolean): Promise<Comparison> {
  const ports = Array.from({ length: PORTS }, (_, n) => ["--model-port", `guest${n}`]).flat();
  const server = await ServerProcess.start("daemon", { args: ["--audit-interval", "0", ...ports] });
  try {
    await fill(server, declared);
    await percentile(server, true);
    const { without, auditing } = await inTurn(ROUNDS, {
      without: () => percentile(server, false),
      auditing: () => percentile(server, true),
    });
    return { title, unit: "ms", measured: auditing, baseline: without, limit: median(without) + ADDED };
  } finally {
    await server.stop();
  }
}

export const audit: Benchmark = {
  name: "audit",
  about:
    `99th percentile of a request every ${EVERY_MS} ms, ${ROUNDS} rounds of ${SECONDS} s, with ${GROUPS} groups and ${PORTS * JOINED} memberships, ` +
    `audits one after another; baseline: no audits; at most ${ADDED} ms may be added`,
  async run() {
    return [await measured("without a configuration", false), await measured("with one in force", true)];
  },
};
