/** Routes of a VPC's routers: what becomes of a body, what is refused, what the list says. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cidr } from "../../src/net/cidr.ts";
import type { Vni } from "../../src/net/vni.ts";
import type { Uuid } from "../../src/uuid.ts";
import { RecordingNetwork } from "../harness/network.ts";
import { Sled } from "../harness/sled.ts";
import { changed } from "./change.ts";
import { expectBadRequest, expectDone } from "./expect.ts";
import { GATEWAY, ROUTER, ROUTES, routeSet } from "./network-requests.ts";

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

describe("routes", () => {
  const target = (value: unknown, dest = "10.1.0.0/16") => [routeSet({ routes: [{ dest, target: value }] })];
  const put = (sets: unknown) => sled.put(ROUTES, sets);

  test("are handed on by router, with the router's version", async () => {
    const custom = {
      id: { kind: { type: "custom", subnet: "FD00:1::/64" }, vni: 16_777_215 },
      routes: [
        { dest: "::/0", target: { type: "internet_gateway", value: { type: "system" } } },
        { dest: "fd00:2::/64", target: { type: "vpc_subnet", value: "fd00:3::/64" } },
        { dest: "192.0.2.0/24", target: { type: "drop" } },
      ],
    };
    expectDone(await put([routeSet(), custom, routeSet({ id: { kind: { type: "system" }, vni: 0 }, version: null })]));
    const routes = [
      { dest: "0.0.0.0/0", target: { type: "internet-gateway", id: GATEWAY } },
      { dest: "10.1.0.0/16", target: { type: "ip", ip: "10.0.0.9" } },
    ];
    expect(network.asked).toEqual([
      [
        "setRoutes",
        [
          { id: { vni: 100, subnet: undefined }, version: { routerId: ROUTER, version: 7n }, routes },
          {
            id: { vni: 16_777_215, subnet: "fd00:1::/64" },
            version: undefined,
            routes: [
              { dest: "::/0", target: { type: "internet-gateway", id: undefined } },
              { dest: "fd00:2::/64", target: { type: "vpc-subnet", cidr: "fd00:3::/64" } },
              { dest: "192.0.2.0/24", target: { type: "drop" } },
            ],
          },
          { id: { vni: 0, subnet: undefined }, version: undefined, routes },
        ],
      ],
    ]);
  });

  test("may be none, for a router and for all", async () => {
    expectDone(await put([]));
    expectDone(await put([routeSet({ routes: [] })]));
    expect(network.asked).toMatchObject([
      ["setRoutes", []],
      ["setRoutes", [{ routes: [] }]],
    ]);
  });

  test("are a set: one that is listed twice, in whatever spelling, counts once", async () => {
    const route = { dest: "fd00::/48", target: { type: "ip", value: "fd00::1" } };
    const again = { dest: "FD00:0::/48", target: { value: "fd00:0::1", type: "ip" } };
    expectDone(await put([routeSet({ routes: [route, again, route] })]));
    const routes = [{ dest: "fd00::/48", target: { type: "ip", ip: "fd00::1" } }];
    expect(network.asked).toMatchObject([["setRoutes", [{ routes }]]]);
  });

  test.each([
    ["10.1.0.0/16", { type: "ip", value: "fd00::1" }],
    ["10.1.0.0/16", { type: "vpc_subnet", value: "fd00::/64" }],
    ["fd00::/64", { type: "ip", value: "10.0.0.1" }],
    ["fd00::/64", { type: "ip", value: "300.0.0.1" }],
    ["::/0", { type: "vpc_subnet", value: "10.0.0.0/24" }],
    ["10.1.0.0/16", { type: "vpc_subnet", value: "10.0.0.0" }],
    ["10.1.0.0/16", { type: "internet_gateway", value: "system" }],
  ])("to %s by a target that cannot lead there are refused: %j", async (dest, value) => {
    await refused("PUT", ROUTES, target(value, dest), "[0].routes[0].target.value");
  });

  test.each(["224.0.0.0/4", "239.1.1.1/32", "ff00::/8", "ff04::/16", "ff0e::1/128"])(
    "to multicast are refused, as the driver would: %s",
    async (dest) => {
      for (const type of ["drop", "internet_gateway"]) {
        await refused("PUT", ROUTES, target({ type, value: { type: "system" } }, dest), "[0].routes[0].dest");
      }
    },
  );

  test.each([
    ["[0].id.kind", "0.id.kind.type", "vpc"],
    ["[0].id.kind", "0.id.kind", { type: "custom" }],
    ["[0].id.kind.subnet", "0.id.kind", { type: "custom", subnet: "10.0.0.0" }],
    ["[0].version.router_id", "0.version.router_id", "x"],
    ["[0].version.version", "0.version.version", -1],
    ["[0].version.version", "0.version.version", 1.5],
    ["[0].version.version", "0.version.version", "7"],
    ["[0].routes[1].dest", "0.routes.1.dest", "10.1.0.0/33"],
    ["[0].routes[0].target", "0.routes.0.target.type", "gateway"],
    ["[0].routes[0].target.value.value", "0.routes.0.target.value.value", "x"],
  ])("whose %s is wrong are refused", async (named, path, value) => {
    await refused("PUT", ROUTES, changed([routeSet()], path, value), named);
  });

  describe("of a version", () => {
    const at = (digits: string, version = 9_007_199_254_740_991) =>
      JSON.stringify([routeSet(), routeSet({ id: { kind: { type: "system" }, vni: 5 } })])
        .replace('"version":7', `"version":${version}`)
        .replace('"version":7', `"version":${digits}`);

    test.each(["0", "9007199254740991", "9007199254740993", "18446744073709551615"])(
      "of 64 bits are exact to the digit: %s",
      async (digits) => {
        expectDone(await put(at(digits)));
        const versions = [{ version: { version: 9_007_199_254_740_991n } }, { version: { version: BigInt(digits) } }];
        expect(network.asked).toMatchObject([["setRoutes", versions]]);
      },
    );

    test.each(["18446744073709551616", "18446744073709551617", "1e20", "9007199254740993.5", "9007199254740993e1"])(
      "that is no integer of 64 bits are refused: %s",
      async (digits) => {
        await refused("PUT", ROUTES, at(digits), "[1].version.version");
      },
    );

    test("that is listed twice in its JSON have the last one", async () => {
      expectDone(await put(at('9007199254740995,"version":9007199254740993')));
      expect(network.asked).toMatchObject([["setRoutes", [{}, { version: { version: 9_007_199_254_740_993n } }]]]);
    });
  });

  describe("of a router that is listed twice", () => {
    test("count once where both say the same, in whatever order", async () => {
      const [first, second] = routeSet().routes;
      expectDone(await put([routeSet(), routeSet({ routes: [second, first, second] })]));
      expect(network.asked).toMatchObject([["setRoutes", [{ id: { vni: 100 } }]]]);
    });

    test.each([
      ["other routes", { routes: [] }],
      ["one route more", { routes: [...routeSet().routes, { dest: "10.9.0.0/16", target: { type: "drop" } }] }],
      ["another target", { routes: changed(routeSet(), "routes.1.target.value", "10.0.0.8").routes }],
      ["another version", { version: { router_id: ROUTER, version: 8 } }],
      ["another router's version", { version: { router_id: GATEWAY, version: 7 } }],
      ["no version", { version: null }],
    ])("are refused where the second has %s", async (_what, change) => {
      const other = routeSet({ id: { kind: { type: "system" }, vni: 101 } });
      await refused("PUT", ROUTES, [routeSet(), other, routeSet(change)], "[2].id");
    });

    test("are another matter for the router of a subnet, or another VPC's", async () => {
      const custom = (subnet: string) => routeSet({ id: { kind: { type: "custom", subnet }, vni: 100 }, routes: [] });
      expectDone(await put([routeSet(), custom("10.0.0.0/24"), custom("10.0.0.0/25"), custom("fd00::/64")]));
      expect(network.asked[0]?.[1]).toHaveLength(4);
    });
  });

  test("are listed as routers with their versions, exact to the digit", async () => {
    const routerId = ROUTER as Uuid;
    network.routes = [
      { id: { vni: 100 as Vni, subnet: undefined }, version: { routerId, version: 18_446_744_073_709_551_615n } },
      { id: { vni: 100 as Vni, subnet: "10.0.0.0/24" as Cidr }, version: undefined },
    ];
    const answer = await sled.get(ROUTES);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.text).toBe(
      `[{"id":{"kind":{"type":"system"},"vni":100},"version":{"router_id":"${ROUTER}","version":18446744073709551615}},` +
        '{"id":{"kind":{"type":"custom","subnet":"10.0.0.0/24"},"vni":100},"version":null}]',
    );
  });
});
