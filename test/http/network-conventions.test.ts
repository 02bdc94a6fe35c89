/** The manners of the network endpoints: versions, paths, bodies, errors (sled-agent-api.md §3), product.md's words on them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ErrorKind, SledcastError } from "../../src/error.ts";
import { RecordingNetwork } from "../harness/network.ts";
import { PROPOLIS } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { changed, fieldOf } from "./change.ts";
import { expectBadRequest, expectDone, expectError } from "./expect.ts";
import * as requests from "./network-requests.ts";
import { CHANGES } from "./network-requests.ts";

const network = new RecordingNetwork();
let sled: Sled;
beforeAll(async () => {
  sled = await Sled.start({ network });
});
beforeEach(() => network.reset());
afterAll(() => sled.close());

const as = (version: string) => ({ "api-version": version });

/** Refused before anything is handed on. */
async function refused(method: string, path: string, body: unknown, names?: string): Promise<void> {
  expectBadRequest(await sled.request(method, path, body), names);
  expect(network.asked).toEqual([]);
}

describe.each(CHANGES)("%s %s", (method, path, body) => {
  const send = (text: unknown, headers?: Record<string, string>) => sled.request(method, path, text, headers);
  const text = JSON.stringify(body);

  test("is 204 with nothing in it, and is asked of the agent once", async () => {
    expectDone(await send(body));
    expect(network.asked).toHaveLength(1);
  });

  test("ignores a field that is unknown", async () => {
    const [first] = [body].flat();
    const with_ = { ...first, comment: "x" };
    expectDone(await send(Array.isArray(body) ? [with_] : with_));
  });

  test("with a list in place of an object, or the other way round, is 400", async () => {
    await refused(method, path, Array.isArray(body) ? body[0] : [body]);
  });

  test.each([
    ["nothing", ""],
    ["what is not JSON", "vni=100"],
    ["null", "null"],
    ["a word", '"all"'],
    ["more after the value", `${text} x`],
  ])("with %s is 400", async (_what, wrong) => {
    await refused(method, path, wrong);
  });

  test("without a body is 400", async () => {
    await refused(method, path, undefined);
  });

  test("of another content type is 400", async () => {
    expectBadRequest(await send(text, { "content-type": "text/plain" }));
    expect(network.asked).toEqual([]);
  });

  test("over a mebibyte is 413", async () => {
    expectError(await send(text.padEnd((1 << 20) + 1)), { status: 413 });
    expect(network.asked).toEqual([]);
  });

  test.each([
    ["no-such-instance", 404, "NO_SUCH_INSTANCE"],
    ["conflict", 409, "CONFLICT"],
    ["subnet-attached", 409, "SUBNET_ALREADY_ATTACHED"],
    ["driver-refused", 409, "DRIVER_REFUSED"],
    ["driver-unavailable", 503, "DRIVER_UNAVAILABLE"],
  ] satisfies [ErrorKind, number, string][])("that fails for %s is %i %s", async (kind, status, code) => {
    network.failure = new SledcastError(kind, "it is so");
    expectError(await send(body), { status, code, names: "it is so" });
  });
});

describe("a field", () => {
  test.each([
    ["PUT", requests.EXTERNAL_IP, requests.externalIp, ["type", "value"]],
    ["DELETE", requests.EXTERNAL_IP, requests.externalIp, ["type", "value"]],
    ["PUT", requests.SUBNETS, requests.subnets, ["subnets", "subnets.0.subnet", "subnets.1.kind"]],
    ["POST", requests.SUBNETS, requests.subnet, ["subnet", "kind"]],
    ["PUT", requests.FIREWALL, requests.rules, ["vni", "rules", "rules.0.status", "rules.0.targets.0.mac"]],
    [
      "PUT",
      requests.ROUTES,
      [requests.routeSet()],
      [
        "0.id",
        "0.id.vni",
        "0.id.kind",
        "0.id.kind.type",
        "0.version.router_id",
        "0.version.version",
        "0.routes",
        "0.routes.0.dest",
        "0.routes.0.target",
        "0.routes.0.target.type",
        "0.routes.0.target.value",
        "0.routes.0.target.value.type",
        "0.routes.0.target.value.value",
        "0.routes.1.target.value",
      ],
    ],
    ["PUT", requests.V2P, requests.virtualNic(), ["physical_host_ip", "virtual_ip", "virtual_mac", "vni"]],
    ["DELETE", requests.V2P, requests.virtualNic(), ["physical_host_ip", "virtual_ip", "virtual_mac", "vni"]],
    ["PUT", requests.GATEWAYS, requests.gateways, ["mappings"]],
  ])("that %s %s lacks, or has of a wrong type, is named", async (method, path, body, fields) => {
    for (const field of fields) {
      for (const wrong of [undefined, null, true, 0.5, "?", { x: 1 }]) {
        await refused(method, path, changed(body, field, wrong), fieldOf(field));
      }
    }
  });

  test.each([
    ["a negative", -1],
    ["one of 25 bits", 16_777_216],
    ["a broken", 100.5],
    ["a text as", "100"],
  ])("%s VNI is refused wherever one can be", async (_what, vni) => {
    const host = changed(requests.rules, "rules.0.filter_hosts.1.value", vni);
    await refused("PUT", requests.V2P, requests.virtualNic({ vni }), "vni");
    await refused("DELETE", requests.V2P, requests.virtualNic({ vni }), "vni");
    await refused("PUT", requests.FIREWALL, { ...requests.rules, vni }, "vni");
    await refused("PUT", requests.FIREWALL, host, "rules[0].filter_hosts[1].value");
    await refused(
      "PUT",
      requests.FIREWALL,
      changed(requests.rules, "rules.0.targets.0.vni", vni),
      "rules[0].targets[0].vni",
    );
    const sets = [requests.routeSet(), requests.routeSet({ id: { kind: { type: "system" }, vni } })];
    await refused("PUT", requests.ROUTES, sets, "[1].id.vni");
  });

  test("that comes twice has its last value", async () => {
    const text = JSON.stringify(requests.virtualNic()).replace("{", '{"vni":-5,"virtual_ip":"x",');
    expectDone(await sled.put(requests.V2P, text));
    expect(network.asked).toMatchObject([["setVirt2Phys", { vip: "10.0.0.5", phys: { vni: 100 } }]]);
  });
});

describe("the version header", () => {
  const [attached, others] = [
    CHANGES.filter(([, path]) => path === requests.SUBNETS),
    CHANGES.filter(([, path]) => path !== requests.SUBNETS),
  ];

  test.each(others)("of the first version and of any later one is served the same body: %s %s", async (...change) => {
    for (const version of ["1.0.0", "9.9.9", "30.0.0", "48.0.0", "49.0.0-x", "49.0.0"]) {
      expectDone(await sled.request(...change, as(version)));
    }
    const [first, ...later] = network.asked;
    expect(later).toHaveLength(5);
    for (const asked of later) expect(asked).toEqual(first);
  });

  test.each(attached)("before 18.0.0 knows no attached subnets: 404 for %s %s", async (...change) => {
    for (const version of ["1.0.0", "17.0.0", "17.99.0", "18.0.0-rc.1"]) {
      expectError(await sled.request(...change, as(version)), { status: 404 });
      expectError(await sled.delete(requests.SUBNET, undefined, as(version)), { status: 404 });
    }
    expect(network.asked).toEqual([]);
    for (const version of ["18.0.0", "48.0.0"]) expectDone(await sled.request(...change, as(version)));
  });

  test("of no version, or one to come, is 400 before path and body are looked at", async () => {
    for (const [method, path] of CHANGES) {
      expectError(await sled.request(method, path, "{", as("50.0.0")), { status: 400, names: "50.0.0" });
      expectError(await sled.request(method, path, "{", as("v2")), { status: 400, names: "api-version" });
    }
  });

  test("counts on the lists, too", async () => {
    for (const path of [requests.V2P, requests.ROUTES]) {
      expectError(await sled.get(path, as("50.0.0")), { status: 400 });
      expect((await sled.get(path, as("1.0.0"))).body).toEqual([]);
    }
  });
});

describe("a path", () => {
  test.each([
    ["POST", requests.EXTERNAL_IP, "DELETE,PUT"],
    ["GET", requests.SUBNETS, "DELETE,POST,PUT"],
    ["PUT", requests.SUBNET, "DELETE"],
    ["GET", requests.FIREWALL, "PUT"],
    ["DELETE", requests.ROUTES, "GET,PUT"],
    ["POST", requests.V2P, "DELETE,GET,PUT"],
    ["GET", requests.GATEWAYS, "PUT"],
  ])("does not have another method: 405 for %s %s, which has %s", async (method, path, allowed) => {
    const answer = await sled.request(method, path);
    expectError(answer, { status: 405 });
    expect([answer.headers.allow].flat().sort().join()).toBe(allowed);
  });

  test("may end in a slash, as the original has it for /v2p/", async () => {
    expectDone(await sled.put("/v2p/", requests.virtualNic()));
    expect((await sled.get("/v2p/")).status).toBe(200);
  });

  test.each([
    ["a VMM", "/vmms/nobody/external-ip", "propolis_id"],
    ["a VMM", "/vmms/nobody/attached-subnets", "propolis_id"],
    ["a VPC", "/vpc/default/firewall/rules", "vpc_id"],
  ])("of %s that is no UUID is 400 before the body is looked at: %s", async (_what, path, parameter) => {
    await refused("PUT", path, "{", parameter);
    await refused("PUT", path, " ".repeat((1 << 20) + 1), parameter);
  });

  test("takes a VPC's UUID in any form, and does not go by it", async () => {
    for (const id of ["99999999000040008000000000000001", "%7B99999999-0000-4000-8000-000000000002%7D"]) {
      expectDone(await sled.put(`/vpc/${id}/firewall/rules`, requests.rules));
    }
    const [first, second] = network.asked;
    expect(first).toEqual(second);
  });
});

describe("a subnet in a path", () => {
  const detach = (text: string) => sled.delete(`${requests.SUBNETS}/${text}`);

  test.each([
    ["10.7.0.0%2F24", "10.7.0.0/24"],
    ["10.7.0.0%2f24", "10.7.0.0/24"],
    ["%31%30.7.0.0%2F24", "10.7.0.0/24"],
    ["0.0.0.0%2F0", "0.0.0.0/0"],
    ["2001:db8::%2F56", "2001:db8::/56"],
    ["2001%3ADB8%3A0%3A%3A%2F56", "2001:db8::/56"],
    ["2001:db8::%2F56/", "2001:db8::/56"],
  ])("%s is detached as %s", async (text, cidr) => {
    expectDone(await detach(text));
    expect(network.asked).toEqual([["detachSubnet", PROPOLIS, cidr]]);
  });

  test.each([
    "10.7.0.0",
    "10.7.0.0%2F",
    "10.7.0.0%2F33",
    "10.7.0.0%2F024",
    "10.7.0%2F24",
    "10.7.0.0%252F24",
    "fd00::%2F129",
    "all",
    "%20",
  ])("%s is 400 and named", async (text) => {
    expectBadRequest(await detach(text), "subnet");
    expect(network.asked).toEqual([]);
  });

  test("with its slash as a slash is two segments, a path that does not exist: 404", async () => {
    expectError(await detach("10.7.0.0/24"), { status: 404 });
    expect(network.asked).toEqual([]);
  });

  test("comes after a VMM, which is looked at first", async () => {
    expectBadRequest(await sled.delete("/vmms/nobody/attached-subnets/none"), "propolis_id");
  });
});
