/** A port's layers as suites look at them. */
import type { Driver } from "../../src/opte/driver.ts";
import type { Direction, FirewallRule } from "../../src/opte/types.ts";
import { driverWith, port, V4_ONLY, V6_ONLY } from "./kit.ts";

/** id, priority, predicates, action. */
export type Row = readonly [number, number, readonly string[], string];

export async function rules(driver: Driver, layer: string, way: Direction, name = "opte0"): Promise<Row[]> {
  const dump = await driver.dumpLayer(name, layer);
  return dump[way].rules.map(({ id, priority, predicates, dataPredicates, action }) => [
    Number(id),
    priority,
    [...predicates, ...dataPredicates],
    action,
  ]);
}

export const rule = (change: Partial<FirewallRule> = {}): FirewallRule => ({
  direction: "in",
  hosts: { type: "any" },
  protocol: { type: "any" },
  ports: "any",
  action: "allow",
  priority: 100,
  ...change,
});

/** One with IPv4 alone, `v4`, and one with IPv6 alone, `v6`. */
export async function withPorts() {
  const { driver } = await driverWith();
  await driver.createXde(port(4, { name: "v4", ipCfg: V4_ONLY(4) }));
  await driver.createXde(port(6, { name: "v6", ipCfg: V6_ONLY(6) }));
  return driver;
}
