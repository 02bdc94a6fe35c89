/** An endless, repeatable row of commands for the suites about the state file. Some of them are refused. */
import { readFileSync } from "node:fs";
import { type Ip, ipFromBytes } from "../../src/net/ip.ts";
import { DriverError } from "../../src/opte/error.ts";
import { sourceFilter } from "../../src/opte/filter.ts";
import type { DriverModel } from "../../src/opte/model/model.ts";
import { cidr, ip, underlay } from "../net/make.ts";
import { forwarding, hop, mapping, port, subscription } from "./kit.ts";

/** How many different steps there are; the nth is that of `n % STEPS`. */
export const STEPS = 96;

function sources(n: number, count: number): Ip[] {
  return Array.from({ length: count }, (_, i) => ipFromBytes([10, n & 255, i >> 8, i & 255]) as Ip);
}

const KINDS: readonly ((model: DriverModel, n: number, bulk: number) => Promise<unknown> | undefined)[] = [
  (model, n) => model.call("SetMcast2Phys", mapping(`239.0.0.${n}`, `ff04::${n % 5}`)),
  (model, n) => model.call("CreateXde", port(n % 4)),
  (model, n, bulk) => {
    const filter = sourceFilter("include", sources(n, bulk));
    return model.call("SetMcastForwarding", forwarding(`ff04::${n % 5}`, hop(`fd00::${n % 7}`, { filter })));
  },
  (model, n) => model.call("McastSubscribe", subscription(`opte${n % 4}`, `ff04::${n % 5}`)),
  (model, n) => {
    model.setPort({ name: `opte${n % 4}`, busy: n % 3 === 0, state: n % 2 === 0 ? "running" : "ready" });
    return undefined;
  },
  (model, n) => model.call("AllowCidr", { port: `opte${n % 4}`, cidr: cidr(`10.${n}.0.0/16`), direction: "in" }),
  (model, n) => model.call("DeleteXde", { name: `opte${n % 4}` }),
  (model, n) => model.call("ClearMcast2Phys", mapping(`239.0.0.${n + 1}`, "ff04::1")),
  (model, n) => model.call("ClearMcastForwarding", { underlay: underlay(`ff04::${n % 5}`) }),
  (model, n) => model.call("McastUnsubscribe", { port: `opte${n % 4}`, group: ip(`239.0.0.${n}`) }),
  (model, n) => model.call("RemoveCidr", { port: `opte${n % 4}`, cidr: cidr(`10.${n}.0.0/16`), direction: "in" }),
];

/** Carries out the nth step. `bulk`: sources in a filter, where a step has one. */
export async function step(model: DriverModel, n: number, bulk = 2): Promise<void> {
  const k = n % STEPS;
  try {
    await KINDS[k % KINDS.length]?.(model, k, bulk);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
  }
}

/** The tables as data that nobody changes any more. */
export function tablesOf(model: DriverModel): unknown {
  return JSON.parse(JSON.stringify(model.tables));
}

/** What a state file's tables are: it is opened, and closed again. */
export async function tablesIn(open: () => DriverModel): Promise<unknown> {
  const model = open();
  const tables = tablesOf(model);
  await model.close();
  return tables;
}

export const bytesOf = (path: string): Buffer => readFileSync(path);
