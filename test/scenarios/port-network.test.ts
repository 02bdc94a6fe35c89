/** What the control plane says of ports' networks, from the request to the driver's tables (sled-agent-api.md §6, omicron's port_manager.rs). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureBody, nic, PROPOLIS, propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";

const IGW = "22222222-0000-4000-8000-000000000001";
const ROUTER = "11111111-0000-4000-8000-000000000001";
const VPC_ID = "33333333-0000-4000-8000-000000000001";
const SECOND = propolis(2);

let sled: Sled;
beforeEach(async () => {
  sled = await Sled.start();
});
afterEach(() => sled.close());

const EXTERNAL = {
  v4: {
    source_nat: { ip: "192.0.2.1", first_port: 16384, last_port: 32767 },
    ephemeral_ip: "192.0.2.2",
    floating_ips: ["192.0.2.3"],
  },
};
const EXTERNAL_IP = `/vmms/${PROPOLIS}/external-ip`;
const SUBNETS = `/vmms/${PROPOLIS}/attached-subnets`;

async function register(id = PROPOLIS, local: object = {}): Promise<void> {
  expect((await sled.put(`/vmms/${id}`, ensureBody(local))).status).toBe(200);
}

/** The driver's, of the nth port by (VNI, MAC). */
function port(n = 0) {
  const found = sled.model.tables.ports[n];
  if (found === undefined) throw new Error("the driver has no such port");
  return found;
}
const routes = (n = 0) => port(n).routes.map(({ dest, target, class: kind }) => `${kind} ${dest} ${target.type}`);
const rule = (change: object = {}) => ({
  status: "enabled",
  direction: "inbound",
  targets: [],
  filter_ports: ["22"],
  filter_protocols: [{ type: "tcp" }],
  action: "allow",
  priority: 100,
  ...change,
});
const setFirewall = (rules: readonly object[], vni = 100) => sled.put(`/vpc/${VPC_ID}/firewall/rules`, { vni, rules });

/** The status, and the error's code where there is one. */
async function outcome(answer: ReturnType<Sled["put"]>): Promise<string> {
  const { status, body } = await answer;
  const code = (body as { error_code?: string } | undefined)?.error_code;
  return code === undefined ? String(status) : `${status} ${code}`;
}

describe("external addresses", () => {
  it("are attached to the primary port beside those it has", async () => {
    await register(PROPOLIS, { external_ips: EXTERNAL, nics: [nic(1), nic(2)] });
    expect(await outcome(sled.put(EXTERNAL_IP, { type: "floating", value: "192.0.2.9" }))).toBe("204");
    expect(port(0).externalIps.v4).toEqual({
      snat: { externalIp: "192.0.2.1", firstPort: 16384, lastPort: 32767 },
      ephemeralIp: "192.0.2.2",
      floatingIps: ["192.0.2.3", "192.0.2.9"],
    });
    expect(port(1).externalIps.v4?.floatingIps).toEqual(["192.0.2.3"]);
  });

  it("are detached one by one, and one that is not there is gone already", async () => {
    await register(PROPOLIS, { external_ips: EXTERNAL });
    expect(await outcome(sled.delete(EXTERNAL_IP, { type: "ephemeral", value: "192.0.2.2" }))).toBe("204");
    expect(await outcome(sled.delete(EXTERNAL_IP, { type: "ephemeral", value: "192.0.2.2" }))).toBe("204");
    expect(await outcome(sled.delete(EXTERNAL_IP, { type: "floating", value: "192.0.2.77" }))).toBe("204");
    expect(await outcome(sled.delete(EXTERNAL_IP, { type: "floating", value: "2001:db8::7" }))).toBe("204");
    expect(port().externalIps.v4).toMatchObject({ ephemeralIp: undefined, floatingIps: ["192.0.2.3"] });
  });

  it("take the same ephemeral one again, and no other before it is detached", async () => {
    await register(PROPOLIS, { external_ips: EXTERNAL });
    expect(await outcome(sled.put(EXTERNAL_IP, { type: "ephemeral", value: "192.0.2.2" }))).toBe("204");
    expect(await outcome(sled.put(EXTERNAL_IP, { type: "ephemeral", value: "192.0.2.8" }))).toBe("409 CONFLICT");
    expect(port().externalIps.v4?.ephemeralIp).toBe("192.0.2.2");
  });

  it("are refused for a family that the NIC has not", async () => {
    await register();
    const answer = await sled.put(EXTERNAL_IP, { type: "floating", value: "2001:db8::7" });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("value");
  });

  it("of a VMM that is not there are 404, of an adopted one a conflict", async () => {
    const body = { type: "floating", value: "192.0.2.9" };
    expect(await outcome(sled.put(EXTERNAL_IP, body))).toBe("404 NO_SUCH_INSTANCE");
    expect(await outcome(sled.delete(EXTERNAL_IP, body))).toBe("404 NO_SUCH_INSTANCE");
    await register(SECOND, { nics: [nic(2, { primary: true })] });
    await sled.close();
    sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
    await sled.adopt(PROPOLIS, "guest0");
    expect(await outcome(sled.put(EXTERNAL_IP, body))).toBe("409 CONFLICT");
  });

  it("survive a restart, so that the next change keeps the others", async () => {
    await register(PROPOLIS, { external_ips: EXTERNAL });
    await sled.put(EXTERNAL_IP, { type: "floating", value: "192.0.2.9" });
    sled = await sled.restart();
    await sled.put(EXTERNAL_IP, { type: "floating", value: "192.0.2.10" });
    expect(port().externalIps.v4).toMatchObject({
      snat: { externalIp: "192.0.2.1" },
      ephemeralIp: "192.0.2.2",
      floatingIps: ["192.0.2.3", "192.0.2.9", "192.0.2.10"],
    });
  });
});

describe("the gateways of external addresses", () => {
  const map = (n: number, ip: string) => ({ mappings: { [nic(n).id]: { [ip]: [IGW] } } });

  it("are put to the port of the NIC, and taken from it when they are left out", async () => {
    await register(PROPOLIS, { external_ips: EXTERNAL });
    expect(await outcome(sled.put("/eip-gateways", map(1, "192.0.2.2")))).toBe("204");
    expect(port().externalIps.internetGateways).toEqual([["192.0.2.2", [IGW]]]);
    expect(port().externalIps.v4?.ephemeralIp).toBe("192.0.2.2");
    expect(await outcome(sled.put("/eip-gateways", { mappings: {} }))).toBe("204");
    expect(port().externalIps.internetGateways).toBeUndefined();
  });

  it("wait for a port that is not there yet, also over a restart, and not for a service's", async () => {
    await sled.put("/eip-gateways", {
      mappings: { ...map(1, "192.0.2.2").mappings, ...map(2, "192.0.2.3").mappings },
    });
    sled = await sled.restart();
    const service = { kind: { type: "service", id: "ffffffff-0000-4000-8000-000000000001" } };
    await register(PROPOLIS, { external_ips: EXTERNAL, nics: [nic(1), nic(2, service)] });
    expect(port(0).externalIps.internetGateways).toEqual([["192.0.2.2", [IGW]]]);
    expect(port(1).externalIps.internetGateways).toBeUndefined();
  });
});

describe("attached subnets", () => {
  const list = () => port().attachedSubnets.map(([cidr, { isExternal }]) => `${cidr} ${isExternal}`);

  it("are those of the registration until they are replaced", async () => {
    await register(PROPOLIS, { attached_subnets: [{ subnet: "172.16.0.0/24", kind: "vpc" }] });
    expect(list()).toEqual(["172.16.0.0/24 false"]);
    const subnets = [
      { subnet: "172.17.0.0/24", kind: "external" },
      { subnet: "172.18.0.0/24", kind: "vpc" },
    ];
    expect(await outcome(sled.put(SUBNETS, { subnets }))).toBe("204");
    expect(list()).toEqual(["172.17.0.0/24 true", "172.18.0.0/24 false"]);
  });

  it("are attached and detached one by one; a second time it is a conflict to attach, and nothing to detach", async () => {
    await register();
    const one = { subnet: "172.16.0.0/24", kind: "vpc" };
    expect(await outcome(sled.request("POST", SUBNETS, one))).toBe("204");
    expect(await outcome(sled.request("POST", SUBNETS, one))).toBe("409 SUBNET_ALREADY_ATTACHED");
    expect(list()).toEqual(["172.16.0.0/24 false"]);
    expect(await outcome(sled.delete(`${SUBNETS}/172.16.0.0%2F24`))).toBe("204");
    expect(await outcome(sled.delete(`${SUBNETS}/172.16.0.0%2F24`))).toBe("204");
    expect(list()).toEqual([]);
  });

  it("are all detached at once, and known after a restart", async () => {
    await register(PROPOLIS, { attached_subnets: [{ subnet: "172.16.0.0/24", kind: "vpc" }] });
    await sled.request("POST", SUBNETS, { subnet: "172.17.0.0/24", kind: "external" });
    sled = await sled.restart();
    expect(await outcome(sled.delete(SUBNETS))).toBe("204");
    expect(list()).toEqual([]);
  });

  it("are refused for a family that the NIC has not, and for a VMM that is not there", async () => {
    expect(await outcome(sled.put(SUBNETS, { subnets: [] }))).toBe("404 NO_SUCH_INSTANCE");
    await register();
    const answer = await sled.put(SUBNETS, { subnets: [{ subnet: "fd88::/64", kind: "vpc" }] });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("subnets[0].subnet: fd88::/64");
    const alone = await sled.request("POST", SUBNETS, { subnet: "fd88::/64", kind: "vpc" });
    expect([alone.status, alone.text]).toEqual([400, expect.stringContaining("subnet: fd88::/64")]);
  });
});

describe("a VPC's firewall rules", () => {
  it("replace those of its ports here, each cut to the port, and leave other VPCs alone", async () => {
    await register(PROPOLIS, { firewall_rules: [rule()] });
    await register(SECOND, { nics: [nic(2, { primary: true })] });
    await register(propolis(3), { nics: [nic(3, { primary: true, vni: 200 })], firewall_rules: [rule()] });
    const forSecond = rule({ targets: [nic(2)], filter_ports: ["443"], direction: "outbound", action: "deny" });
    expect(await outcome(setFirewall([rule({ filter_ports: ["80"] }), forSecond]))).toBe("204");
    expect(port(0).firewall.map(({ ports }) => ports)).toEqual([[80]]);
    expect(port(1).firewall).toMatchObject([
      { direction: "in", ports: [80], action: "allow" },
      { direction: "out", ports: [443], action: "deny" },
    ]);
    expect(port(2).firewall.map(({ ports }) => ports)).toEqual([[22]]);
  });

  it("are taken back from all ports where one of them refuses", async () => {
    await register(PROPOLIS, { firewall_rules: [rule()] });
    await register(SECOND, { nics: [nic(2, { primary: true })], firewall_rules: [rule()] });
    sled.fail("SetFwRules", { skip: 1 });
    expect(await outcome(setFirewall([rule({ filter_ports: ["80"] })]))).toBe("503 DRIVER_REFUSED");
    expect([port(0), port(1)].map(({ firewall }) => firewall.map(({ ports }) => ports))).toEqual([[[22]], [[22]]]);
    expect(await outcome(setFirewall([rule({ filter_ports: ["80"] })]))).toBe("204");
  });

  it("that cannot be taken back are degraded and put back when the driver takes them again, also after a restart", async () => {
    await register(PROPOLIS, { firewall_rules: [rule()] });
    sled.fail("SetFwRules", { when: "after", times: 2 });
    expect(await outcome(setFirewall([rule({ filter_ports: ["80"] })]))).toBe("503 DRIVER_REFUSED");
    expect(sled.agent.status().degraded).toMatchObject([{ thing: "port", subject: "firewall rules of opte0" }]);
    sled = await sled.restart();
    expect(sled.agent.status().degraded).toEqual([]);
    expect(port().firewall.map(({ ports }) => ports)).toEqual([[22]]);
  });

  it("are nothing to do for a VPC without ports here", async () => {
    expect(await outcome(setFirewall([rule()], 4711))).toBe("204");
  });
});

describe("a VPC's routes", () => {
  const system = { vni: 100, kind: { type: "system" } };
  const custom = { vni: 100, kind: { type: "custom", subnet: "10.0.0.0/24" } };
  const route = (dest: string, target: object) => ({ dest, target });
  const drop = { type: "drop" };
  const gateway = { type: "internet_gateway", value: { type: "instance", value: IGW } };
  const set = (id: object, version: number | undefined, ...list: readonly object[]) => ({
    id,
    routes: list,
    ...(version === undefined ? {} : { version: { router_id: ROUTER, version } }),
  });
  const put = (...sets: readonly object[]) => sled.put("/vpc-routes", sets);

  it("are given to the ports that use the router, and to those that come later", async () => {
    await register();
    expect(
      await outcome(put(set(system, 1, route("0.0.0.0/0", gateway)), set(custom, 1, route("10.9.0.0/16", drop)))),
    ).toBe("204");
    await register(SECOND, { nics: [nic(2, { primary: true })] });
    const both = ["custom 10.9.0.0/16 drop", "system 0.0.0.0/0 internet-gateway"];
    expect([routes(0), routes(1)]).toEqual([both, both]);
  });

  it("are listed with their versions, also after a restart, and forgotten with the last port", async () => {
    await register();
    const version = { router_id: ROUTER, version: 7 };
    await put(set(system, 7, route("0.0.0.0/0", gateway)));
    const listed = [{ id: system, version }, { id: custom }];
    expect((await sled.get("/vpc-routes")).body).toMatchObject(listed);
    sled = await sled.restart();
    expect((await sled.get("/vpc-routes")).body).toMatchObject(listed);
    await sled.delete(`/vmms/${PROPOLIS}`);
    expect((await sled.get("/vpc-routes")).body).toEqual([]);
  });

  it("change by what is different; an older version or the same one is passed over, another router's is not", async () => {
    await register();
    await put(set(custom, 5, route("10.9.0.0/16", drop)));
    await put(set(custom, 5, route("10.8.0.0/16", drop)));
    await put(set(custom, 4, route("10.7.0.0/16", drop)));
    expect(routes()).toEqual(["custom 10.9.0.0/16 drop"]);
    await put(set(custom, 6, route("10.9.0.0/16", drop), route("10.8.0.0/16", drop)));
    expect(routes().sort()).toEqual(["custom 10.8.0.0/16 drop", "custom 10.9.0.0/16 drop"]);
    const other = { router_id: "11111111-0000-4000-8000-000000000002", version: 1 };
    await put({ ...set(custom, 1, route("10.7.0.0/16", drop)), version: other });
    expect(routes()).toEqual(["custom 10.7.0.0/16 drop"]);
    await put(set(custom, undefined));
    expect(routes()).toEqual([]);
  });

  it("of one destination in two routers are each kept when the other's goes", async () => {
    await register();
    await put(set(system, 1, route("0.0.0.0/0", gateway)), set(custom, 1, route("0.0.0.0/0", drop)));
    await put(set(system, 2));
    expect(routes()).toEqual(["custom 0.0.0.0/0 drop"]);
    await put(set(system, 3, route("0.0.0.0/0", gateway)));
    await put(set(custom, 2));
    expect(routes()).toEqual(["system 0.0.0.0/0 internet-gateway"]);
  });

  it("of a router that no port here uses are passed over", async () => {
    await register();
    expect(await outcome(put(set({ ...system, vni: 4711 }, 1, route("0.0.0.0/0", gateway))))).toBe("204");
    expect((await sled.get("/vpc-routes")).body).toHaveLength(2);
    expect(routes()).toEqual([]);
  });
});

describe("where addresses live", () => {
  const mapping = {
    virtual_ip: "10.0.0.77",
    virtual_mac: "a8:40:25:00:00:77",
    physical_host_ip: "fd00:1122::1",
    vni: 300,
  };

  it("is set, listed as the driver has it, and cleared", async () => {
    expect(await outcome(sled.put("/v2p", mapping))).toBe("204");
    expect((await sled.get("/v2p")).body).toEqual([mapping]);
    expect(await outcome(sled.delete("/v2p", mapping))).toBe("204");
    expect((await sled.get("/v2p")).body).toEqual([]);
  });

  it("is known of the ports made here", async () => {
    await register();
    expect((await sled.get("/v2p")).body).toEqual([
      { virtual_ip: "10.0.0.5", virtual_mac: "a8:40:25:00:00:01", physical_host_ip: "fd00::1", vni: 100 },
    ]);
  });
});

it("says in the log what it changed, a line each, and why it refused", async () => {
  await register(PROPOLIS, { external_ips: EXTERNAL });
  sled.log.records.length = 0;
  await sled.put(EXTERNAL_IP, { type: "floating", value: "192.0.2.9" });
  await sled.put(EXTERNAL_IP, { type: "ephemeral", value: "192.0.2.8" });
  await sled.request("POST", SUBNETS, { subnet: "172.16.0.0/24", kind: "vpc" });
  await setFirewall([rule()]);
  await sled.put("/vpc-routes", [{ id: { vni: 100, kind: { type: "system" } }, routes: [] }]);
  await sled.put("/eip-gateways", { mappings: { [nic(1).id]: { "192.0.2.2": [IGW] } } });
  const said = sled.log.records.filter(({ level }) => level === "info").map(({ message, fields }) => [message, fields]);
  expect(said.filter(([message]) => message !== "change requested")).toEqual([
    ["external addresses set", { port: "opte0", addresses: ["192.0.2.2", "192.0.2.3", "192.0.2.9"] }],
    ["attached subnets changed", { port: "opte0", subnets: ["172.16.0.0/24"] }],
    ["firewall rules set", { vni: 100, rules: 1, ports: 1 }],
    ["routes set", { routers: ["system 100"], changes: 0 }],
    ["gateways of external addresses changed", { nics: 1, ports: 1 }],
  ]);
  const refused = said
    .flatMap(([, fields]) => Object.entries(fields as object))
    .filter(([key]) => key.startsWith("error"));
  expect(refused).toEqual([["error_message_external", expect.stringContaining("detach it before 192.0.2.8")]]);
});
