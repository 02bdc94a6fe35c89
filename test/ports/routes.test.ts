/** Route sets and who counts on them (sled-agent-api.md §6.3 step 8, §12 row 19). */
import { describe, expect, it } from "vitest";
import { Routes } from "../../src/ports/routes.ts";
import { vniOf } from "../net/make.ts";
import { driverWith } from "../opte/kit.ts";
import { contextOf, nic, v4, v6 } from "./kit.ts";

const SINGLE = nic();
const DUAL = nic({ v6: v6("fd77::5", "fd77::/64") });
const SERVICE = nic({ kind: "service" });

async function routesOver(ports: number) {
  const { driver, model } = await driverWith(ports);
  const inDriver = () => model.tables.ports.map((port) => port.routes.map(({ dest }) => dest));
  return { routes: new Routes(contextOf(driver)), model, inDriver };
}

describe("the route sets of a port", () => {
  it("are the system router's and one for each subnet", async () => {
    const { routes } = await routesOver(2);
    await routes.acquire("opte0", SINGLE);
    expect(routes.size).toBe(2);
    await routes.acquire("opte1", DUAL);
    expect(routes.size).toBe(3);
  });

  it("are shared by ports of one VPC and subnet, and go with the last", async () => {
    const { routes } = await routesOver(2);
    await routes.acquire("opte0", SINGLE);
    await routes.acquire("opte1", SINGLE);
    expect(routes.size).toBe(2);
    routes.release("opte0");
    expect(routes.size).toBe(2);
    routes.release("opte1");
    expect(routes.size).toBe(0);
  });

  it("are another VPC's where the VNI differs, also for the same subnet", async () => {
    const { routes } = await routesOver(2);
    await routes.acquire("opte0", SINGLE);
    await routes.acquire("opte1", nic({ vni: vniOf(101) }));
    expect(routes.size).toBe(4);
  });

  it("are another subnet's where only the VNI is shared", async () => {
    const { routes } = await routesOver(2);
    await routes.acquire("opte0", SINGLE);
    await routes.acquire("opte1", nic({ v4: v4("10.1.0.5", "10.1.0.0/24") }));
    expect(routes.size).toBe(3);
  });

  it("count a port once, however often it takes them", async () => {
    const { routes } = await routesOver(1);
    await routes.acquire("opte0", SINGLE);
    await routes.acquire("opte0", SINGLE);
    routes.release("opte0");
    expect(routes.size).toBe(0);
  });

  it("are not counted down by a port that never took them", async () => {
    const { routes } = await routesOver(1);
    await routes.acquire("opte0", SINGLE);
    routes.release("opte9");
    routes.release("opte9");
    expect(routes.size).toBe(2);
  });

  it("are given back whole after an acquisition that failed half-way", async () => {
    const { routes, model } = await routesOver(2);
    await routes.acquire("opte0", SERVICE);
    model.faults.inject({ command: "AddRouterEntry", when: "before", error: () => new Error("injected") });
    await expect(routes.acquire("opte1", SERVICE)).rejects.toThrow("injected");
    routes.release("opte1");
    expect(routes.size).toBe(2);
    routes.release("opte0");
    expect(routes.size).toBe(0);
  });
});

describe("the routes a port starts with", () => {
  it("are none for an instance", async () => {
    const { routes, inDriver } = await routesOver(1);
    await routes.acquire("opte0", DUAL);
    expect(inDriver()).toEqual([[]]);
  });

  it("lead a service to the world in both families through the system's internet gateway, by each of its routers", async () => {
    const { routes, model } = await routesOver(1);
    await routes.acquire("opte0", SERVICE);
    const entry = { port: "opte0", target: { type: "internet-gateway", id: undefined } };
    expect(model.tables.ports[0]?.routes).toEqual([
      { ...entry, class: "custom", dest: "0.0.0.0/0" },
      { ...entry, class: "system", dest: "0.0.0.0/0" },
      { ...entry, class: "custom", dest: "::/0" },
      { ...entry, class: "system", dest: "::/0" },
    ]);
  });

  it("are given to every port that shares the set", async () => {
    const { routes, inDriver } = await routesOver(2);
    await routes.acquire("opte0", SERVICE);
    await routes.acquire("opte1", SERVICE);
    const bySystemAndSubnet = ["0.0.0.0/0", "0.0.0.0/0", "::/0", "::/0"];
    expect(inDriver()).toEqual([bySystemAndSubnet, bySystemAndSubnet]);
  });
});
