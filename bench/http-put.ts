/**
 * What the daemon adds to HTTP itself: requests a second of setting a mapping, against a Fastify
 * server that checks the same two-field body and answers 204 at once. Both log each request to the
 * null device. Setting one mapping again and again is the driver's cheapest case; going through
 * many shows whether that flattered it.
 */
import type { Request } from "autocannon";
import { type SampleMapping, sampleMapping, samplePath } from "./mappings.ts";
import type { Benchmark, Bound } from "./measure/comparison.ts";
import { requestRate } from "./measure/load.ts";
import { inTurn } from "./measure/rounds.ts";
import { ServerProcess } from "./measure/server-process.ts";

const CONNECTIONS = 50;
/** Each connection goes through its own: 1,000 groups in all. */
const GROUPS_PER_CONNECTION = 20;
const ROUNDS = 9;
const SECONDS = 1.5;
const WARM_UP_SECONDS = 2;
const BOUND: Bound = { kind: "at least", ratio: 0.7 };

const put = (mapping: SampleMapping): Request => ({
  method: "PUT",
  path: samplePath,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(mapping),
});

const one = () => [put(sampleMapping(0))];
const many = (connection: number) =>
  Array.from({ length: GROUPS_PER_CONNECTION }, (_, n) => put(sampleMapping(connection * GROUPS_PER_CONNECTION + n)));

function rate({ url }: ServerProcess, requestsOf: (connection: number) => Request[], seconds = SECONDS) {
  return requestRate({ url, connections: CONNECTIONS, seconds, status: 204, requestsOf });
}

export const httpPut: Benchmark = {
  name: "http-put",
  about:
    `PUT ${samplePath} on the daemon, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s; ` +
    "baseline: a bare Fastify route with the same body schema and the default request log",
  async run() {
    const bare = await ServerProcess.start("put");
    const daemon = await ServerProcess.start("daemon");
    try {
      for (const server of [bare, daemon]) await rate(server, many, WARM_UP_SECONDS);
      const series = await inTurn(ROUNDS, {
        bareOne: () => rate(bare, one),
        daemonOne: () => rate(daemon, one),
        bareMany: () => rate(bare, many),
        daemonMany: () => rate(daemon, many),
      });
      const common = { unit: "requests/s", bound: BOUND } as const;
      const groups = CONNECTIONS * GROUPS_PER_CONNECTION;
      return [
        { ...common, title: "one mapping", measured: series.daemonOne, baseline: series.bareOne },
        { ...common, title: `${groups} mappings`, measured: series.daemonMany, baseline: series.bareMany },
      ];
    } finally {
      for (const server of [bare, daemon]) await server.stop();
    }
  },
};
