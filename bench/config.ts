/**
 * The declared configuration. A convergence pass for 1,000 groups in one request, against the pass
 * that the original's control plane makes with the original's calls (for each group: list, set,
 * list, set), to the same daemon. And the same configuration of 10,000 groups sent again, against
 * a bare Fastify route that parses the same body and validates it by the same schema: the daemon
 * has its driver commands counted meanwhile, of which there must be none.
 */
import { Agent, request } from "node:http";
import { sampleConfig, sampleEntry, sampleMapping } from "./mappings.ts";
import type { Benchmark } from "./measure/comparison.ts";
import { inTurn } from "./measure/rounds.ts";
import { ServerProcess } from "./measure/server-process.ts";

const PASS_GROUPS = 1000;
const PASS_ROUNDS = 5;
const RESEND_GROUPS = 10_000;
const RESEND_ROUNDS = 21;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

interface Answer {
  readonly status: number;
  readonly text: string;
}

function call({ url }: ServerProcess, method: string, path: string, body = ""): Promise<Answer> {
  const headers = body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    })
      .on("error", reject)
      .end(body);
  });
}

async function expecting(status: number, answer: Promise<Answer>): Promise<string> {
  const got = await answer;
  if (got.status !== status) throw new Error(`answered ${got.status}, not ${status}: ${got.text.slice(0, 200)}`);
  return got.text;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

const put = (server: ServerProcess, body: string) => expecting(200, call(server, "PUT", "/multicast/config", body));

/** Leaves the daemon without a configuration and its driver empty. */
async function empty(server: ServerProcess): Promise<void> {
  await expecting(204, call(server, "DELETE", "/multicast/config"));
  await put(server, sampleConfig(0, 1));
  await expecting(204, call(server, "DELETE", "/multicast/config"));
}

async function groupByGroup(server: ServerProcess): Promise<void> {
  for (let n = 0; n < PASS_GROUPS; n++) {
    const mapping = sampleMapping(n);
    await expecting(200, call(server, "GET", "/networking/mcast-m2p"));
    await expecting(204, call(server, "PUT", "/networking/mcast-m2p", JSON.stringify(mapping)));
    await expecting(200, call(server, "GET", "/networking/mcast-fwd"));
    await expecting(204, call(server, "PUT", "/networking/mcast-fwd", JSON.stringify(sampleEntry(mapping.underlay))));
  }
}

/** From an empty driver, and from one that holds all of it already, as most passes find it. */
async function passes(daemon: ServerProcess) {
  const pass = sampleConfig(PASS_GROUPS, 2);
  const fresh = async (work: () => Promise<unknown>) => {
    await empty(daemon);
    return timed(work);
  };
  const again = async (work: () => Promise<unknown>) => {
    await empty(daemon);
    await put(daemon, pass);
    await expecting(204, call(daemon, "DELETE", "/multicast/config"));
    return timed(work);
  };
  return inTurn(PASS_ROUNDS, {
    config: () => fresh(() => put(daemon, pass)),
    calls: () => fresh(() => groupByGroup(daemon)),
    configAgain: () => again(() => put(daemon, pass)),
    callsAgain: () => again(() => groupByGroup(daemon)),
  });
}

/** Commands the driver was sent so far. */
async function commands(daemon: ServerProcess): Promise<number> {
  const text = await expecting(200, call(daemon, "GET", "/metrics"));
  const counts = text.matchAll(/^sledcast_driver_command_seconds_count\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function resends(daemon: ServerProcess, bare: ServerProcess) {
  const body = sampleConfig(RESEND_GROUPS, 3);
  await put(daemon, body);
  const before = await commands(daemon);
  const series = await inTurn(RESEND_ROUNDS, {
    daemon: () => timed(() => put(daemon, body)),
    bare: () => timed(() => put(bare, body)),
  });
  const sent = (await commands(daemon)) - before;
  if (sent > 0) throw new Error(`sending the same configuration again made ${sent} driver commands`);
  return series;
}

export const config: Benchmark = {
  name: "config",
  about:
    `One pass for ${PASS_GROUPS} groups by PUT /multicast/config, ${PASS_ROUNDS} rounds; baseline: list, set, list, set for each group. ` +
    `Then ${RESEND_GROUPS} groups unchanged, ${RESEND_ROUNDS} rounds; baseline: parsed and validated by a bare Fastify route`,
  async run() {
    const daemon = await ServerProcess.start("daemon", { args: ["--audit-interval", "0"] });
    const bare = await ServerProcess.start("config");
    try {
      const pass = await passes(daemon);
      const resend = await resends(daemon, bare);
      const bound = { kind: "at most", ratio: 1 / 50 } as const;
      return [
        { title: "into an empty driver", unit: "ms", measured: pass.config, baseline: pass.calls, bound },
        { title: "all of it there already", unit: "ms", measured: pass.configAgain, baseline: pass.callsAgain, bound },
        {
          title: "unchanged, sent again",
          unit: "ms",
          measured: resend.daemon,
          baseline: resend.bare,
          bound: { kind: "at most", ratio: 3 },
        },
      ];
    } finally {
      for (const server of [daemon, bare]) await server.stop();
    }
  },
};
