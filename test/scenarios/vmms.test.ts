/** The original's known weaknesses around ports and VMMs, by row; adoption; what a failed create leaves. */
import { afterEach, describe, expect, test } from "vitest";
import { initialPort } from "../../src/opte/model/initial-port.ts";
import type { CommandName } from "../../src/opte/types.ts";
import { ensureBody, INSTANCE, nic, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

let sled: Sled;
afterEach(() => sled.close());

async function start(...ports: string[]): Promise<Sled> {
  sled = await Sled.start({ model: { ports: ports.map((name) => ({ name })) } });
  return sled;
}

const register = (local: object = {}, id = PROPOLIS) => sled.put(`/vmms/${id}`, ensureBody(local));
const unregister = (id = PROPOLIS) => sled.delete(`/vmms/${id}`);
const portNamed = (name: string) => sled.model.tables.ports.find(({ create }) => create.name === name);

test("a port is made for each NIC, named opteN, with the gateway of its subnet", async () => {
  await start();
  await register({ nics: [nic(1), nic(2)] });
  expect(sled.ports).toEqual(["opte0", "opte1"]);
  expect(portNamed("opte0")?.create.cfg).toMatchObject({
    guestMac: "a8:40:25:00:00:01",
    gatewayMac: "a8:40:25:ff:77:77",
    vni: 100,
    physIp: "fd00::1",
    ipCfg: { v4: { privateIp: "10.0.0.5", gatewayIp: "10.0.0.1", vpcSubnet: "10.0.0.0/24" } },
    dhcp: { hostname: "vm1", dns4Servers: ["1.1.1.1"] },
  });
});

test("the MTU and the memberships are the primary NIC's, the external IPs every NIC's", async () => {
  await start();
  await sled.setMapping("239.1.1.1", "ff04::1");
  await register({
    nics: [nic(1, { primary: false }), nic(2, { primary: true })],
    primary_nic_mtu: 8500,
    multicast_groups: [{ group_ip: "239.1.1.1", sources: [] }],
    external_ips: { v4: { floating_ips: ["203.0.113.9"], ephemeral_ip: "203.0.113.8" } },
  });
  expect(portNamed("opte0")?.create.mtu).toBeUndefined();
  expect(portNamed("opte1")?.create.mtu).toBe(8500);
  expect(sled.subscriptions).toEqual({ "ff04::1": { opte1: "exclude()" } });
  for (const name of ["opte0", "opte1"]) {
    expect(portNamed(name)?.externalIps.v4).toMatchObject({ floatingIps: ["203.0.113.9"], ephemeralIp: "203.0.113.8" });
  }
});

test("row 18: a port that the driver does not let go is retried, and its VMM's unregister is 200", async () => {
  await start();
  await register();
  sled.model.setPort({ name: "opte0", busy: true });
  expect((await unregister()).status).toBe(200);
  expect(sled.ports).toEqual(["opte0"]);
  expect(sled.agent.status().degraded).toMatchObject([{ thing: "port", subject: "opte0" }]);
  sled.model.setPort({ name: "opte0", busy: false });
  await expect.poll(() => sled.datalinks.live, { timeout: 5000 }).toBe(0);
  expect(sled.ports).toEqual([]);
});

test("row 18: a port left over that others deleted and made anew under its name is theirs, and stays", async () => {
  await start();
  await register();
  sled.model.setPort({ name: "opte0", busy: true });
  await unregister();
  sled.model.setPort({ name: "opte0", busy: false });
  await sled.model.call("DeleteXde", { name: "opte0" });
  await sled.model.call("CreateXde", initialPort({ name: "opte0" }));
  await sled.agent.repair();
  expect(sled.agent.status().degraded).toEqual([]);
  expect(sled.ports).toEqual(["opte0"]);
});

test("row 18: the next register of a NIC whose port is left over deletes it first", async () => {
  await start();
  await register();
  sled.model.setPort({ name: "opte0", busy: true });
  await unregister();
  const refused = await register();
  expect(refused.status).toBe(409);
  expect(refused.text).toContain("opte0");
  sled.model.setPort({ name: "opte0", busy: false });
  expect((await register()).status).toBe(200);
  expect(sled.ports).toEqual(["opte1"]);
});

describe("row 19: a create that fails leaves nothing", () => {
  const steps: CommandName[] = ["CreateXde", "SetExternalIps", "SetFwRules", "AddRouterEntry", "McastSubscribe"];
  const cases = steps.flatMap((command) => (["before", "after"] as const).map((when) => ({ command, when })));
  const local = {
    // A service's port gets routes from the start, unless an instance of its VPC was there first.
    nics: [nic(1), nic(2, { kind: { type: "service", id: INSTANCE }, vni: 200 })],
    multicast_groups: [{ group_ip: "239.1.1.1", sources: [] }],
  };

  test.each(cases)("when $command fails $when its effect", async ({ command, when }) => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.fail(command, { when });
    expect((await register(local)).status).toBe(503);
    expect(sled.ports).toEqual([]);
    expect(sled.subscriptions).toEqual({});
    expect(sled.datalinks.live).toBe(0);
    expect((await sled.get("/vmms")).body).toEqual([]);
    expect(sled.agent.status().degraded).toEqual([]);
    expect((await register(local)).status).toBe(200);
    expect(sled.ports).toHaveLength(2);
  });

  test("and does not touch a port of somebody else's that has the name it wanted", async () => {
    await start("opte0");
    sled.fail("CreateXde");
    expect((await register()).status).toBe(503);
    expect(sled.ports).toEqual(["opte0"]);
  });

  test("and does not take the other port's routes", async () => {
    await start();
    const service = (n: number) => nic(n, { kind: { type: "service", id: INSTANCE } });
    await register({ nics: [service(1)] });
    sled.fail("AddRouterEntry");
    expect((await register({ nics: [service(2)] }, propolis(2))).status).toBe(503);
    await register({ nics: [service(3)] }, propolis(3));
    const routes = sled.model.tables.ports.map((port) => port.routes.length);
    expect(routes).toEqual([4, 4]);
  });
});

describe("row 20: the same NIC twice on a sled", () => {
  test("is a conflict, and the first stays", async () => {
    await start();
    await register();
    const answer = await register({}, propolis(2));
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ error_code: "CONFLICT" });
    expect(sled.ports).toEqual(["opte0"]);
  });

  test("is a conflict also when the other port is somebody else's", async () => {
    sled = await Sled.start({
      model: { ports: [{ name: "guest0", vni: 100 as never, mac: "a8:40:25:00:00:01" as never }] },
    });
    expect((await register()).status).toBe(409);
    expect(sled.ports).toEqual(["guest0"]);
    expect(sled.datalinks.live).toBe(0);
  });

  test("a device removed behind our back does no harm", async () => {
    await start();
    await register();
    await sled.model.call("DeleteXde", { name: "opte0" });
    expect((await unregister()).status).toBe(200);
    expect((await register()).status).toBe(200);
    expect(sled.ports).toEqual(["opte1"]);
  });
});

test("row 21: a VNI of 2^24 is refused by name", async () => {
  await start();
  const answer = await register({ nics: [nic(1, { vni: 16_777_216 })] });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("local_config.nics[0].vni");
});

test("row 22: the attached subnets of a registration are honoured, on the primary NIC", async () => {
  await start();
  const attached_subnets = [
    { subnet: "192.168.7.0/24", kind: "vpc" },
    { subnet: "203.0.113.0/28", kind: "external" },
  ];
  await register({ nics: [nic(1), nic(2)], attached_subnets });
  expect(portNamed("opte0")?.attachedSubnets).toEqual([
    ["192.168.7.0/24", { isExternal: false }],
    ["203.0.113.0/28", { isExternal: true }],
  ]);
  expect(portNamed("opte1")?.attachedSubnets).toEqual([]);
});

const rule = (change: object) => ({
  status: "enabled",
  direction: "inbound",
  targets: [],
  filter_hosts: null,
  filter_ports: null,
  filter_protocols: null,
  action: "allow",
  priority: 10,
  ...change,
});

test("row 32: a rule with ports and no protocol is for TCP and UDP, not for all", async () => {
  await start();
  await register({ firewall_rules: [rule({ filter_ports: ["22"] })] });
  expect(portNamed("opte0")?.firewall).toMatchObject([
    { protocol: { type: "tcp" }, ports: [22] },
    { protocol: { type: "udp" }, ports: [22] },
  ]);
});

describe("rules that come to more than any memory holds", () => {
  test("by protocols and hosts are refused by name", async () => {
    await start();
    const filter_protocols = Array.from({ length: 300 }, () => ({ type: "tcp" }));
    const filter_hosts = Array.from({ length: 300 }, (_, n) => ({ type: "vpc", value: n }));
    const answer = await register({ firewall_rules: [rule({}), rule({ filter_protocols, filter_hosts })] });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("local_config.firewall_rules[1]");
  });

  test("by ports are refused by name", async () => {
    await start();
    const answer = await register({
      firewall_rules: Array.from({ length: 100 }, () => rule({ filter_ports: ["2-65535"] })),
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toMatch(/local_config\.firewall_rules\[\d+\]\.filter_ports/);
  });
});

test("row 33: an inverted port range is refused by name", async () => {
  await start();
  const answer = await register({ firewall_rules: [rule({ filter_ports: ["22", "100-50"] })] });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("local_config.firewall_rules[0].filter_ports[1]");
});

describe("registration", () => {
  test("again with the same instance answers the state and ignores the new body", async () => {
    await start();
    await register();
    const again = await register({ nics: [nic(5)] });
    expect(again.status).toBe(200);
    expect(sled.ports).toEqual(["opte0"]);
  });

  test("with another instance is a conflict", async () => {
    await start();
    await register();
    const other = "aaaaaaaa-0000-4000-8000-000000000099";
    const answer = await sled.put(`/vmms/${PROPOLIS}`, ensureBody({ nics: [nic(5)] }, { instance_id: other }));
    expect(answer.status).toBe(409);
  });

  test("keeps what it does not act on and gives it back as it was sent", async () => {
    await start();
    const text = JSON.stringify(ensureBody({}, { unheard_of: [1, 2, { "€": null }] }), undefined, 3);
    expect((await sled.put(`/vmms/${PROPOLIS}`, text)).status).toBe(200);
    expect((await sled.get(`/vmms/${PROPOLIS}/registration`)).text).toBe(text);
  });

  test("keeps a generation of 64 bits to the digit", async () => {
    await start();
    const text = JSON.stringify(ensureBody()).replace('"gen":1', '"gen":18446744073709551614');
    expect((await sled.put(`/vmms/${PROPOLIS}`, text)).text).toContain('"gen":18446744073709551614');
    const state = await sled.put(`/vmms/${PROPOLIS}/state`, { state: { type: "running" } });
    expect(state.text).toContain('"gen":18446744073709551615');
  });

  test("takes the last of a key given twice, also beside such a generation", async () => {
    await start();
    const text = JSON.stringify(ensureBody()).replace('"gen":1', '"gen":7,"gen":18446744073709551613');
    const answer = await sled.put(`/vmms/${PROPOLIS}`, text.replace('"silo_id"', '"note":1,"note":2,"silo_id"'));
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('"gen":18446744073709551613');
  });

  test("passes over port names that others have, and never uses one twice", async () => {
    await start("opte0", "opte2");
    await register();
    await unregister();
    await register();
    expect(sled.ports).toContain("opte3");
    expect(sled.ports).not.toContain("opte1");
  });

  test("puts and gets the state that the control plane says", async () => {
    await start();
    await register();
    const asked = [
      [{ type: "running" }, "running"],
      [{ type: "migration_target", value: { src_propolis_addr: "[fd00::2]:12400" } }, "migrating"],
      [{ type: "reboot" }, "running"],
      [{ type: "stopped" }, "stopped"],
    ] as const;
    for (const [i, [state, expected]] of asked.entries()) {
      const answer = await sled.put(`/vmms/${PROPOLIS}/state`, { state });
      expect(answer.body).toMatchObject({ updated_runtime: { vmm_state: { state: expected, gen: i + 2 } } });
    }
    expect((await sled.get(`/vmms/${PROPOLIS}/state`)).body).toMatchObject({ vmm_state: { state: "stopped", gen: 5 } });
    expect(sled.ports).toEqual(["opte0"]);
  });
});

describe("adoption", () => {
  test("gives a VMM ports that exist; unregister unsubscribes them and lets them be", async () => {
    await start("guest0", "guest1");
    expect((await sled.adopt(PROPOLIS, "guest0", "guest1")).status).toBe(204);
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(PROPOLIS, "239.1.1.1");
    expect((await unregister()).status).toBe(200);
    expect(sled.ports).toEqual(expect.arrayContaining(["guest0", "guest1"]));
    expect(sled.subscriptions).toEqual({});
  });

  test("again moves the memberships to the new primary", async () => {
    await start("guest0", "guest1");
    await sled.adopt(PROPOLIS, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.join(PROPOLIS, "239.1.1.1", "10.0.0.1");
    expect((await sled.adopt(PROPOLIS, "guest1")).status).toBe(204);
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest1: "include(10.0.0.1)" } });
  });

  test.each(["McastSubscribe", "McastUnsubscribe"] as const)(
    "that fails at %s leaves the old primary",
    async (command) => {
      await start("guest0", "guest1");
      await sled.adopt(PROPOLIS, "guest0");
      await sled.setMapping("239.1.1.1", "ff04::1");
      await sled.join(PROPOLIS, "239.1.1.1");
      sled.fail(command);
      expect((await sled.adopt(PROPOLIS, "guest1")).status).toBe(503);
      expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
      expect((await sled.get("/vmms")).body).toMatchObject([{ ports: [{ name: "guest0", primary: true }] }]);
    },
  );

  test("of a port that another VMM has is a conflict", async () => {
    await start("guest0");
    await sled.adopt(PROPOLIS, "guest0");
    expect((await sled.adopt(propolis(2), "guest0")).status).toBe(409);
    await register({}, propolis(3));
    expect((await sled.adopt(propolis(2), "opte0")).status).toBe(409);
  });

  test("of a port that the driver lacks is 404 and changes nothing", async () => {
    await start("guest0");
    expect((await sled.adopt(PROPOLIS, "guest0", "guest9")).status).toBe(404);
    expect((await sled.get("/vmms")).body).toEqual([]);
  });

  test("a membership whose port went is applied by the audit when the port is back", async () => {
    await start("guest0");
    await sled.adopt(PROPOLIS, "guest0");
    await sled.setMapping("239.1.1.1", "ff04::1");
    const guest = portNamed("guest0");
    await sled.model.call("DeleteXde", { name: "guest0" });
    expect((await sled.join(PROPOLIS, "239.1.1.1")).status).toBe(204);
    expect(await sled.memberships(PROPOLIS)).toEqual({ "239.1.1.1": "pending" });
    await sled.model.call("CreateXde", guest?.create as never);
    await sled.request("POST", "/multicast/audit");
    expect(await sled.memberships(PROPOLIS)).toEqual({ "239.1.1.1": "applied" });
    expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
  });
});

test("1000 VMMs registered and unregistered leave nothing", async () => {
  await start();
  const mac = (n: number) =>
    `a8:40:25:01:${(n >> 8).toString(16).padStart(2, "0")}:${(n & 255).toString(16).padStart(2, "0")}`;
  const all = Array.from({ length: 1000 }, (_, n) => n);
  await Promise.all(all.map((n) => register({ nics: [nic(1, { mac: mac(n) })] }, propolis(n))));
  expect(sled.ports).toHaveLength(1000);
  await Promise.all(all.map((n) => unregister(propolis(n))));
  expect(sled.ports).toEqual([]);
  expect(sled.datalinks.live).toBe(0);
  expect(sled.agent.status().counts).toMatchObject({ vmms: 0, memberships: 0, port_leftovers: 0 });
});
