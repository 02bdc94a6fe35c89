/** What the suites on a lab share: whether one can be built here, and how what arrived is put. */

import type { Delivery, Lab } from "../../scripts/lab/lab.ts";
import { labObstacle } from "../../scripts/lab/obstacle.ts";

/** In CI it is a failure: the suites would be green for not being there. */
function obstacle(): string | undefined {
  const missing = labObstacle();
  if (missing !== undefined && (process.env.CI === "true" || process.env.CI === "1")) throw new Error(missing);
  if (missing !== undefined) console.log(`not tested with real packets: ${missing}`);
  return missing;
}

export const OBSTACLE = obstacle();

/** A join is with the bridges within 30 ms, a leave after a second; the rest is a busy machine's. */
export const SOON = { timeout: 10_000, interval: 50 } as const;

const DATAGRAMS = 3;

/** Sends some datagrams and tells at which interfaces all of them arrived; a part of them is said as such. */
export async function arrivals(lab: Lab, from: number, underlay: string): Promise<string[]> {
  const delivery = await lab.send(lab.sled(from), underlay, DATAGRAMS);
  return each(delivery, "nics").sort();
}

/** The same below the NICs' filters: to where the bridges forwarded them. */
export async function forwardings(lab: Lab, from: number, underlay: string): Promise<string[]> {
  const delivery = await lab.send(lab.sled(from), underlay, DATAGRAMS);
  return each(delivery, "wire").sort();
}

function each(delivery: Delivery, where: "nics" | "wire"): string[] {
  return Object.entries(delivery).flatMap(([sled, counts]) =>
    Object.entries(counts[where])
      .filter(([, count]) => count > 0)
      .map(([nic, count]) => `sled ${sled} ${nic}${count === DATAGRAMS ? "" : `: ${count} of ${DATAGRAMS}`}`),
  );
}

/** Both NICs of each. */
export function bothNicsOf(...sleds: readonly number[]): string[] {
  return sleds.flatMap((sled) => [`sled ${sled} u0`, `sled ${sled} u1`]);
}

export const NOWHERE: readonly string[] = [];
