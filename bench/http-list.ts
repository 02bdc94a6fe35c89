/**
 * What a long list costs: requests a second of listing the mappings, against a Fastify route that
 * makes JSON of the same list for each request. The daemon's list is a fresh dump of the driver's
 * table. Long addresses are a case of their own: their text is most of the answer.
 */
import { sampleMappings, samplePath, type UnderlayForm } from "./mappings.ts";
import type { Benchmark, Comparison } from "./measure/comparison.ts";
import { requestRate } from "./measure/load.ts";
import { inTurn } from "./measure/rounds.ts";
import { ServerProcess } from "./measure/server-process.ts";

const MAPPINGS = 10_000;
const FORMS: readonly UnderlayForm[] = ["short", "full"];
const TITLES = { short: "ff04::x:x", full: "eight hextets" } as const;
const CONNECTIONS = 10;
const ROUNDS = 9;
const SECONDS = 1.5;
const WARM_UP_SECONDS = 2;
const FILLING_AT_ONCE = 20;

async function fill(url: string, form: UnderlayForm): Promise<void> {
  const mappings = sampleMappings(MAPPINGS, form).values();
  const headers = { "content-type": "application/json" };
  const fillFrom = async () => {
    for (const mapping of mappings) {
      const response = await fetch(`${url}${samplePath}`, { method: "PUT", headers, body: JSON.stringify(mapping) });
      if (response.status !== 204) throw new Error(`setting ${mapping.group} answered ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: FILLING_AT_ONCE }, fillFrom));
}

async function listed(url: string): Promise<string> {
  return (await fetch(`${url}${samplePath}`)).text();
}

function rate({ url }: ServerProcess, seconds = SECONDS): Promise<number> {
  const requestsOf = () => [{ method: "GET", path: samplePath } as const];
  return requestRate({ url, connections: CONNECTIONS, seconds, status: 200, requestsOf });
}

async function compare(form: UnderlayForm, daemon: ServerProcess): Promise<Comparison> {
  await fill(daemon.url, form);
  const list = await listed(daemon.url);
  const bare = await ServerProcess.start("list", { input: list });
  try {
    if ((JSON.parse(list) as unknown[]).length !== MAPPINGS) throw new Error("the daemon's list has another length");
    if ((await listed(bare.url)) !== list) throw new Error("the two servers do not send the same list");
    for (const server of [bare, daemon]) await rate(server, WARM_UP_SECONDS);
    const { measured, baseline } = await inTurn(ROUNDS, { measured: () => rate(daemon), baseline: () => rate(bare) });
    return { title: TITLES[form], unit: "requests/s", measured, baseline, bound: { kind: "at least", ratio: 0.8 } };
  } finally {
    await bare.stop();
  }
}

export const httpList: Benchmark = {
  name: "http-list",
  about:
    `GET ${samplePath} of ${MAPPINGS} mappings on the daemon, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s; ` +
    "baseline: a bare Fastify route that sends JSON.stringify of the same list, with the default request log",
  async run() {
    const comparisons: Comparison[] = [];
    for (const form of FORMS) {
      const daemon = await ServerProcess.start("daemon");
      try {
        comparisons.push(await compare(form, daemon));
      } finally {
        await daemon.stop();
      }
    }
    return comparisons;
  },
};
