/** A port's layers and flow tables: which rules the driver makes of what it was told (oxide-vpc `engine/`), written out. */
import { describe, expect, it } from "vitest";
import type { Driver } from "../../src/opte/driver.ts";
import type { RouterTarget } from "../../src/opte/types.ts";
import { cidr, ip, uuid } from "../net/make.ts";
import { driverWith, refusal } from "./kit.ts";
import { rules, withPorts } from "./layers-kit.ts";

describe("the list of layers", () => {
  const of = async (driver: Driver, name: string) =>
    (await driver.listLayers(name)).map((one) => [
      one.name,
      Number(one.rulesIn),
      Number(one.rulesOut),
      one.defaultIn,
      one.defaultOut,
    ]);

  it("goes from the guest outward, with the rules each layer has from the start", async () => {
    const { driver } = await driverWith(1);
    expect(await of(driver, "opte0")).toEqual([
      ["gateway", 5, 12, "deny", "deny"],
      ["firewall", 0, 0, "deny", "stateful allow"],
      ["router", 0, 1, "allow", "deny"],
      ["nat", 0, 1, "allow", "allow"],
      ["overlay", 2, 1, "deny", "deny"],
    ]);
  });

  it("has fewer in the gateway of a port with one family", async () => {
    const driver = await withPorts();
    expect((await of(driver, "v4"))[0]).toEqual(["gateway", 2, 5, "deny", "deny"]);
    expect((await of(driver, "v6"))[0]).toEqual(["gateway", 3, 7, "deny", "deny"]);
  });

  it("is not to be had of a port that is not there, nor is a layer, nor a layer that is not there", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.listLayers("opte9"))).toEqual({ variant: "PortNotFound", text: "opte9" });
    expect(await refusal(driver.dumpLayer("opte9", "nat"))).toEqual({ variant: "PortNotFound", text: "opte9" });
    expect(await refusal(driver.dumpLayer("opte0", "x"))).toEqual({ variant: "LayerNotFound", text: "x" });
  });
});

describe("the router's rules", () => {
  it("are the routes, behind the one that lets multicast pass", async () => {
    const { driver } = await driverWith(1);
    const id = uuid("11111111-2222-4333-8444-555555555555");
    const routes: readonly [string, RouterTarget, "system" | "custom"][] = [
      ["0.0.0.0/0", { type: "internet-gateway", id: undefined }, "system"],
      ["::/0", { type: "internet-gateway", id }, "custom"],
      ["10.0.0.0/24", { type: "vpc-subnet", cidr: cidr("10.0.0.0/24") }, "system"],
      ["10.0.1.0/24", { type: "ip", ip: ip("10.0.0.9") }, "custom"],
      ["fd00::/64", { type: "drop" }, "system"],
    ];
    for (const [dest, target, kind] of routes) {
      await driver.addRouterEntry({ port: "opte0", dest: cidr(dest), target, class: kind });
    }
    expect(await rules(driver, "router", "out")).toEqual([
      [0, 0, ["any(inner.ip.dst=224.0.0.0/4,inner.ip6.dst=ff00::/8)"], "Allow"],
      [4, 26, ["inner.ip.dst=10.0.1.0/24"], "Meta: Target = IP: 10.0.0.9"],
      [3, 27, ["inner.ip.dst=10.0.0.0/24"], "Meta: Target = Subnet: 10.0.0.0/24"],
      [1, 75, ["inner.ip.dst=0.0.0.0/0"], "Meta: Target = IG(None)"],
      [5, 139, ["inner.ip6.dst=fd00::/64"], "Deny"],
      [2, 266, ["inner.ip6.dst=::/0"], `Meta: Target = IG(Some(${id}))`],
    ]);
    expect(await rules(driver, "router", "in")).toEqual([]);
  });
});

describe("the overlay's rules", () => {
  it("are the same for every port", async () => {
    const { driver } = await driverWith(1);
    expect(await rules(driver, "overlay", "in")).toEqual([
      [0, 1, [], "Static: Decap"],
      [1, 2, [], "Meta: mcast-vni-validator"],
    ]);
    expect(await rules(driver, "overlay", "out")).toEqual([[0, 1, [], "Static: Encap"]]);
  });
});

describe("flow tables of a port that no packet came through", () => {
  it("are empty, and there to be looked into and cleared once somebody has opened the port", async () => {
    const { driver } = await driverWith(1, { portsStart: "running" });
    const none = { limit: 524_288, count: 0, flows: [] };
    expect(await driver.dumpUft("opte0")).toEqual({ in: none, out: none });
    expect(await driver.dumpTcpFlows("opte0")).toEqual([]);
    await driver.clearLft("opte0", "nat");
    expect(await refusal(driver.clearLft("opte0", "x"))).toEqual({ variant: "LayerNotFound", text: "x" });
  });

  it("are refused before", async () => {
    const { driver } = await driverWith(1);
    const ready = { variant: "BadState", text: "ready" };
    expect(await refusal(driver.dumpUft("opte0"))).toEqual(ready);
    expect(await refusal(driver.dumpTcpFlows("opte0"))).toEqual(ready);
    expect(await refusal(driver.clearLft("opte0", "x"))).toEqual(ready);
  });
});
