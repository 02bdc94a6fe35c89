/** Rules with their ids, routes and prefixes at the boundary, in a state file. */
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { DriverError } from "../../src/opte/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { FirewallRule, RouterEntry } from "../../src/opte/types.ts";
import { cidr, ipv4, ipv6, vniOf } from "../net/make.ts";
import { NO_EXTERNAL, ownFolder, port } from "./kit.ts";
import { tablesIn, tablesOf } from "./steps.ts";

const fwRule = (n: number): FirewallRule => ({
  direction: n % 2 === 0 ? "in" : "out",
  hosts: { type: "any" },
  protocol: { type: "any" },
  ports: [n],
  action: "allow",
  priority: n % 4,
});
const route = (n: number): RouterEntry => ({
  port: "opte0",
  dest: cidr(`10.${n % 3}.0.0/16`),
  target: { type: "drop" },
  class: "system",
});
const boundary = (n: number) => ({
  prefix: cidr(`10.${n % 3}.0.0/16`),
  endpoints: [{ ip: ipv6(`fd00::${n % 4}`), vni: vniOf(99) }],
});
const network = (n: number) => ({ port: "opte0", cidr: cidr(`10.${n % 3}.0.0/16`), direction: "in" as const });

const KINDS: readonly ((model: DriverModel, n: number) => Promise<unknown>)[] = [
  (model, n) => model.call("AddFwRule", { port: "opte0", rule: fwRule(n) }),
  (model, n) => model.call("RemFwRule", { port: "opte0", direction: fwRule(n).direction, id: BigInt(n % 5) }),
  (model, n) => model.call("SetFwRules", { port: "opte0", rules: [fwRule(n), fwRule(n + 1)] }),
  (model, n) => model.call("AddRouterEntry", route(n)),
  (model, n) => model.call("DelRouterEntry", route(n)),
  (model, n) => model.call("SetVirt2Boundary", boundary(n)),
  (model, n) => model.call("ClearVirt2Boundary", boundary(n)),
  (model, n) => model.call("AllowCidr", network(n)),
  (model, n) => model.call("AttachSubnet", { ...network(n), isExternal: n % 2 === 0 }),
  (model, n) => {
    const v4 = { ...NO_EXTERNAL, ephemeralIp: ipv4(`203.0.113.${n}`) };
    return model.call("SetExternalIps", { port: "opte0", v4, v6: undefined, internetGateways: undefined });
  },
];

async function step(model: DriverModel, n: number): Promise<void> {
  try {
    await KINDS[n % KINDS.length]?.(model, n);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
  }
}

it("come back as they were, whether from a snapshot or from the commands behind it", async () => {
  const folder = ownFolder();
  let runs = 0;
  const steps = fc.array(fc.nat(99), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, steps, async (first, second) => {
      const state = join(folder, `state-${runs++}`);
      const reference = new DriverModel();
      await reference.call("CreateXde", port(0));
      for (const row of [first, second]) {
        const model = new DriverModel({ state });
        if (model.tables.ports.length === 0) await model.call("CreateXde", port(0));
        for (const n of row) {
          await step(model, n);
          await step(reference, n);
        }
        await model.close();
      }
      expect(await tablesIn(() => new DriverModel({ state }))).toEqual(tablesOf(reference));
    }),
    { numRuns: 40 },
  );
});
