/** What a restart finds of ports in ledgers that are damaged, older, or of another host's make. */
import { afterEach, expect, test } from "vitest";
import { noDatalinks } from "../../src/host/datalinks.ts";
import { type Ledger, MemoryLedger, SALVAGED } from "../../src/intent/ledger.ts";
import { NO_LOG } from "../../src/log.ts";
import type { Ipv6 } from "../../src/net/ip.ts";
import { FirewallSets } from "../../src/ports/firewall-sets.ts";
import { PortManager } from "../../src/ports/manager.ts";
import { readPorts } from "../../src/ports/records.ts";
import { ensureBody, nic, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { mac } from "../net/make.ts";
import { driverWith } from "../opte/kit.ts";
import { nic as portNic, portSpec } from "./kit.ts";

let sled: Sled | undefined;
afterEach(async () => {
  await sled?.close();
  sled = undefined;
});

const SECOND = propolis(2);
const RULE = {
  status: "enabled",
  direction: "inbound",
  targets: [],
  filter_ports: ["22"],
  filter_protocols: [{ type: "tcp" }],
  action: "allow",
  priority: 100,
};
const FLOATING = { type: "floating", value: "192.0.2.9" };

/** Two VMMs of one VPC with the same rules. */
async function two(first: object = {}): Promise<Sled> {
  const made = await Sled.start();
  sled = made;
  await made.put(`/vmms/${PROPOLIS}`, ensureBody({ nics: [nic(1, first)], firewall_rules: [RULE] }));
  await made.put(`/vmms/${SECOND}`, ensureBody({ nics: [nic(2, { primary: true })], firewall_rules: [RULE] }));
  return made;
}

async function without(ledger: Ledger, gone: (key: string) => boolean, more: Record<string, unknown> = {}) {
  const kept = new MemoryLedger();
  const entries = [...ledger.entries("")].filter(([key]) => !gone(key));
  await kept.record([...entries, ...Object.entries(more)].map(([key, value]) => ({ key, value })));
  return kept;
}

test("ports with the same firewall rules share one set of them", async () => {
  const { ledger } = await two();
  const [first, second] = readPorts(ledger, new FirewallSets(ledger)).map(({ state }) => state.settings?.firewall);
  expect(first?.rules).toHaveLength(1);
  expect(second).toBe(first);
});

test("the routes that a service brought to its VPC are known when the service is gone, and can be taken away", async () => {
  const before = await two({ kind: { type: "service", id: PROPOLIS } });
  await before.delete(`/vmms/${PROPOLIS}`);
  const after = await before.restart();
  sled = after;
  const routes = () => after.model.tables.ports.map((port) => port.routes.map(({ dest }) => dest));
  expect(routes()).toEqual([["0.0.0.0/0", "0.0.0.0/0", "::/0", "::/0"]]);
  const kinds = [{ type: "system" }, { type: "custom", subnet: "10.0.0.0/24" }];
  await after.put(
    "/vpc-routes",
    kinds.map((kind) => ({ id: { vni: 100, kind }, routes: [] })),
  );
  expect(routes()).toEqual([[]]);
});

test("a port whose record a repair has lost is not changed, and nothing is kept of it", async () => {
  const before = await two();
  const after = await before.restart({
    ledger: await without(before.ledger, (key) => key === "port opte0", { [SALVAGED]: true }),
  });
  sled = after;
  const answer = await after.put(`/vmms/${PROPOLIS}/external-ip`, FLOATING);
  expect([answer.status, answer.text]).toEqual([409, expect.stringContaining("opte0")]);
  await after.delete(`/vmms/${PROPOLIS}`);
  expect(after.ports).toEqual(["opte0", "opte1"]);
  expect([...after.ledger.entries("")].filter(([key]) => key.includes("opte0"))).toEqual([]);
});

test("a port of an earlier version's ledger gives way to one of which all is known", async () => {
  const before = await two();
  const after = await before.restart({
    ledger: await without(before.ledger, (key) => /^(port-state|firewall) /.test(key)),
  });
  sled = after;
  const refused = await after.put(`/vmms/${PROPOLIS}/external-ip`, FLOATING);
  expect([refused.status, refused.text]).toEqual([409, expect.stringContaining("unregister its VMM")]);
  await after.delete(`/vmms/${PROPOLIS}`);
  await after.put(`/vmms/${PROPOLIS}`, ensureBody({ nics: [nic(1)] }));
  expect((await after.put(`/vmms/${PROPOLIS}/external-ip`, FLOATING)).status).toBe(204);
});

test("a port of two that somebody deleted and made anew gets what was set on it, by the audit", async () => {
  const after = await Sled.start();
  sled = after;
  const external_ips = { v4: { floating_ips: ["192.0.2.1"] } };
  const body = ensureBody({ nics: [nic(1), nic(2)], firewall_rules: [RULE], external_ips });
  await after.put(`/vmms/${PROPOLIS}`, body);
  await after.put(`/vmms/${PROPOLIS}/external-ip`, FLOATING);
  const drop = { dest: "10.9.0.0/16", target: { type: "drop" } };
  await after.put("/vpc-routes", [{ id: { vni: 100, kind: { type: "system" } }, routes: [drop] }]);
  const port = () => after.model.tables.ports[0];
  const set = () => [port()?.firewall, port()?.externalIps.v4?.floatingIps, port()?.routes.map(({ dest }) => dest)];
  const [before, made] = [set(), port()?.create];
  await after.model.call("DeleteXde", { name: "opte0" });
  await after.request("POST", "/multicast/audit");
  if (made !== undefined) await after.model.call("CreateXde", made);
  expect(set()).not.toEqual(before);
  await after.request("POST", "/multicast/audit");
  expect(set()).toEqual(before);
  expect(after.agent.status().degraded).toEqual([]);
});

test("where datalink ids cannot be reached, the id of a port that went stays listed, and none is begun", async () => {
  const { ledger, model } = await two();
  const { driver } = await driverWith(0);
  const ports = new PortManager(driver, noDatalinks("no libdladm"), "fd00::1" as Ipv6, ledger, NO_LOG);
  expect(model.tables.ports).toHaveLength(2);
  const ticket = ports.claim("opte0");
  ports.disownUnclaimed();
  if (ticket === undefined) throw new Error("the ledger has no port opte0");
  expect(await ports.release(ticket)).toBe(false);
  expect(ports.leftovers.map((left) => left.reason)).toContainEqual(expect.stringContaining("datalink id of opte0"));
  expect([...ledger.entries("port ")].map(([key]) => key)).toContain("port opte0");
  const keys = [...ledger.entries("")].length;
  await expect(ports.create(portSpec({ nic: portNic({ mac: mac("a8:40:25:00:00:09") }) }))).rejects.toMatchObject({
    kind: "resource-limit",
  });
  expect([...ledger.entries("")]).toHaveLength(keys);
});
