/**
 * Runs the benchmarks named on the command line, or all of them, and prints what they found. Exits
 * 1 if a bound does not hold, unless `--no-bounds` asks only for the figures, and 2 on bad usage.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { audit } from "./audit.ts";
import { codec } from "./codec.ts";
import { config } from "./config.ts";
import { httpList } from "./http-list.ts";
import { httpPut } from "./http-put.ts";
import { ioctl } from "./ioctl.ts";
import { joins } from "./joins.ts";
import { type Benchmark, holds } from "./measure/comparison.ts";
import { tableOf } from "./measure/report.ts";
import { memory } from "./memory.ts";
import { operationCost } from "./operation-cost.ts";
import { start } from "./start.ts";
import { vmms } from "./vmms.ts";

const BENCHMARKS: readonly Benchmark[] = [
  operationCost,
  httpPut,
  httpList,
  start,
  config,
  audit,
  codec,
  ioctl,
  joins,
  vmms,
  memory,
];

function usage(problem: string): never {
  const names = BENCHMARKS.map(({ name }) => name).join(", ");
  process.stderr.write(`${problem}\nusage: npm run bench -- [--no-bounds] [NAME…], of ${names}\n`);
  process.exit(2);
}

function chosen(): { readonly benchmarks: readonly Benchmark[]; readonly bounds: boolean } {
  const { values, positionals } = parseArgs({
    options: { "no-bounds": { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const named = positionals.map(
    (name) => BENCHMARKS.find((one) => one.name === name) ?? usage(`no benchmark is called ${name}`),
  );
  return { benchmarks: named.length === 0 ? BENCHMARKS : named, bounds: !values["no-bounds"] };
}

const { benchmarks, bounds } = chosen();
let broken = 0;
console.log(`node ${process.version}, ${cpus().length} CPUs; figures are median (min–max) over the rounds`);
for (const benchmark of benchmarks) {
  console.log(`\n${benchmark.name}: ${benchmark.about}`);
  const missing = benchmark.missing?.();
  if (missing !== undefined) {
    console.log(`  skipped: ${missing}`);
    continue;
  }
  const comparisons = await benchmark.run();
  console.log(tableOf(comparisons));
  broken += comparisons.filter((comparison) => !holds(comparison)).length;
}
console.log(broken === 0 ? "\nevery bound holds" : `\nbounds that do not hold: ${broken}`);
process.exitCode = bounds && broken > 0 ? 1 : 0;
