/** Firewall rules, the whereabouts of addresses, gateways: what becomes of a body, what is refused, what lists say. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ip, Ipv6 } from "../../src/net/ip.ts";
import type { Mac } from "../../src/net/mac.ts";
import type { Vni } from "../../src/net/vni.ts";
import type { Virt2Phys } from "../../src/opte/types.ts";
import { RecordingNetwork } from "../harness/network.ts";
import { nic } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { changed } from "./change.ts";
import { expectBadRequest, expectDone } from "./expect.ts";
import * as requests from "./network-requests.ts";
import { FIREWALL, GATEWAY, GATEWAYS, NIC, rules, V2P, virtualNic } from "./network-requests.ts";

const network = new RecordingNetwork();
let sled: Sled;
beforeAll(async () => {
  sled = await Sled.start({ network });
});
beforeEach(() => network.reset());
afterAll(() => sled.close());

async function refused(method: string, path: string, body: unknown, names: string): Promise<void> {
  expectBadRequest(await sled.request(method, path, body), names);
  expect(network.asked).toEqual([]);
}

describe("firewall rules", () => {
  test("are handed on with the VNI of the body, parsed", async () => {
    expectDone(await sled.put(FIREWALL, rules));
    const rule = {
      enabled: true,
      direction: "in",
      targets: [{ vni: 100, mac: "a8:40:25:00:00:01" }],
      hosts: [
        { type: "ip", cidr: "10.0.0.0/8" },
        { type: "vpc", vni: 200 },
      ],
      ports: [
        { first: 22, last: 22 },
        { first: 8000, last: 8010 },
      ],
      protocols: [{ type: "tcp" }, { type: "icmp", filter: { type: 3, codes: { start: 0, end: 9 } } }],
      action: "allow",
      priority: 65_535,
    };
    expect(network.asked).toEqual([["setFirewallRules", 100, [rule]]]);
  });

  test("may be none", async () => {
    expectDone(await sled.put(FIREWALL, { vni: 0, rules: [] }));
    expect(network.asked).toEqual([["setFirewallRules", 0, []]]);
  });

  test.each([
    ["status", "on"],
    ["direction", "in"],
    ["action", "drop"],
    ["priority", 65_536],
    ["priority", -1],
    ["filter_hosts.0.value", "10.0.0.0/33"],
    ["filter_hosts.0.value", "10.0.0.1"],
    ["filter_hosts.0", { type: "subnet", value: "10.0.0.0/8" }],
    ["filter_ports.1", "0"],
    ["filter_ports.1", "65536"],
    ["filter_ports.1", "8010-8000"],
    ["filter_ports.1", "0-80"],
    ["filter_ports.1", "22,23"],
    ["filter_ports.1", 22],
    ["filter_protocols.0", { type: "sctp" }],
    ["filter_protocols.1.value.icmp_type", 256],
    ["filter_protocols.1.value.code", "9-0"],
    ["filter_protocols.1.value.code", "256"],
    ["targets.0.mac", "a8:40:25:00:00"],
  ])("whose %s is %j are refused", async (field, value) => {
    const named = `rules[0].${field}`.replaceAll(/\.(\d+)/g, "[$1]");
    await refused("PUT", FIREWALL, changed(rules, `rules.0.${field}`, value), named);
  });

  test("that come to more than any driver takes are refused", async () => {
    const [rule] = rules.rules;
    const hosts = Array.from({ length: 4096 }, (_, vni) => ({ type: "vpc", value: vni }));
    const protocols = Array.from({ length: 17 }, () => ({ type: "udp" }));
    const many = [rule, { ...rule, filter_hosts: hosts, filter_protocols: protocols }];
    await refused("PUT", FIREWALL, { vni: 100, rules: many }, "rules[1]");
    const ports = Array.from({ length: 70 }, () => "1-65535");
    await refused("PUT", FIREWALL, { vni: 100, rules: [{ ...rule, filter_ports: ports }] }, "rules[0].filter_ports");
  });
});

describe("where an address lives", () => {
  const mapping: Virt2Phys = {
    vip: "fd00:1::5" as Ip,
    phys: { ether: "a8:40:25:00:00:0f" as Mac, ip: "fd00::aa" as Ipv6, vni: 16_777_215 as Vni },
  };
  const body = {
    physical_host_ip: "fd00::aa",
    virtual_ip: "fd00:1::5",
    virtual_mac: "a8:40:25:00:00:0f",
    vni: 16_777_215,
  };

  test("is set and cleared, in whatever spelling", async () => {
    const spelled = {
      ...body,
      physical_host_ip: "FD00:0::AA",
      virtual_ip: "fd00:1::0:5",
      virtual_mac: "A8:40:25:0::F",
    };
    expectDone(await sled.put(V2P, spelled));
    expectDone(await sled.delete(V2P, spelled));
    expect(network.asked).toEqual([
      ["setVirt2Phys", mapping],
      ["clearVirt2Phys", mapping],
    ]);
  });

  test.each(["0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "ff04::1"])(
    "cannot be said of an address that no guest has, which may be cleared: %s",
    async (ip) => {
      await refused("PUT", V2P, virtualNic({ virtual_ip: ip }), "virtual_ip");
      expectDone(await sled.delete(V2P, virtualNic({ virtual_ip: ip })));
    },
  );

  test.each(["::", "::1", "fe80::1", "ff04::1"])(
    "cannot be an address that no sled has, which may be cleared: %s",
    async (ip) => {
      await refused("PUT", V2P, virtualNic({ physical_host_ip: ip }), "physical_host_ip");
      expectDone(await sled.delete(V2P, virtualNic({ physical_host_ip: ip })));
    },
  );

  test.each([
    ["physical_host_ip", "10.0.0.1"],
    ["physical_host_ip", "fd00::/64"],
    ["virtual_ip", "10.0.0.0/24"],
    ["virtual_ip", "10.0.0.256"],
    ["virtual_mac", "a8:40:25:00:00"],
    ["virtual_mac", "a84025000001"],
    ["vni", 16_777_216],
  ])("of a %s that is %j is refused", async (field, value) => {
    await refused("PUT", V2P, virtualNic({ [field]: value }), field);
    await refused("DELETE", V2P, virtualNic({ [field]: value }), field);
  });

  test("is listed in the driver's order", async () => {
    const second = { vip: "10.0.0.5" as Ip, phys: { ...mapping.phys, vni: 16_777_215 as Vni } };
    network.virt2phys = { entries: [mapping, second] };
    const answer = await sled.get(V2P);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers).not.toHaveProperty("age");
    expect(answer.body).toEqual([body, { ...body, virtual_ip: "10.0.0.5" }]);
  });

  test("is listed with its age where the driver did not answer", async () => {
    network.virt2phys = { entries: [mapping], age: 12 };
    const answer = await sled.get(V2P);
    expect(answer.headers.age).toBe("12");
    expect(answer.body).toEqual([body]);
  });
});

describe("gateways", () => {
  const OTHER = "88888888-0000-4000-8000-000000000000";
  const put = (mappings: unknown) => sled.put(GATEWAYS, { mappings });
  const asked = () => {
    const [only] = network.asked;
    if (only?.[0] !== "setGateways") throw new Error("gateways were not set");
    return Object.fromEntries([...only[1]].map(([id, addresses]) => [id, Object.fromEntries(addresses)]));
  };

  test("are handed on by NIC and address", async () => {
    const second = nic(2).id;
    const addresses = { "192.0.2.9": [GATEWAY, OTHER], "2001:db8::9": [] };
    expectDone(await put({ [NIC]: addresses, [second]: {} }));
    expect(asked()).toEqual({ [NIC]: { ...addresses, "192.0.2.9": [OTHER, GATEWAY] }, [second]: {} });
  });

  test("may be none", async () => {
    expectDone(await put({}));
    expect(asked()).toEqual({});
  });

  test("are known by whatever spelling, of which the last wins; gateways of an address are a set", async () => {
    const upper = GATEWAY.toUpperCase();
    expectDone(
      await put({
        [NIC]: { "192.0.2.1": [OTHER] },
        [`{${NIC}}`]: { "2001:DB8::9": [OTHER], "2001:db8::9": [GATEWAY, upper, GATEWAY] },
      }),
    );
    expect(asked()).toEqual({ [NIC]: { "2001:db8::9": [GATEWAY] } });
  });

  test.each([
    ["mappings", { nobody: {} }],
    ["mappings", { "": {} }],
    ["mappings", { 7: {} }],
    ["mappings", []],
    [`mappings.${NIC}`, { [NIC]: { "192.0.2.0/24": [] } }],
    [`mappings.${NIC}`, { [NIC]: { "": [] } }],
    [`mappings.${NIC}`, { [NIC]: null }],
    [`mappings.${NIC}`, { [NIC]: [GATEWAY] }],
    [`mappings.${NIC}.192.0.2.9`, { [NIC]: { "192.0.2.9": GATEWAY } }],
    [`mappings.${NIC}.192.0.2.9[1]`, { [NIC]: { "192.0.2.9": [GATEWAY, "x"] } }],
  ])("are refused with %s named: %j", async (named, mappings) => {
    await refused("PUT", GATEWAYS, { mappings }, named);
  });

  test("of a key that only a prototype has are refused", async () => {
    await refused("PUT", GATEWAYS, `{"mappings":{"__proto__":{}}}`, "mappings");
    await refused("PUT", GATEWAYS, `{"__proto__":${JSON.stringify(requests.gateways)}}`, "mappings");
  });
});
