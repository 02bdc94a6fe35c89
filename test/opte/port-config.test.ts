/** The commands that change a port: external addresses, networks, routes, rules, flow table. */
import { describe, expect, it } from "vitest";
import type { CommandName, Direction, RouterTarget } from "../../src/opte/types.ts";
import { cidr, ip, ipv4, ipv6, uuid } from "../net/make.ts";
import { driverWith, NO_EXTERNAL, port, refusal, V4_ONLY, V6_ONLY } from "./kit.ts";

const INVALID = { variant: "InvalidIpCfg" };
const external4 = { ...NO_EXTERNAL, ephemeralIp: ipv4("203.0.113.1"), floatingIps: [ipv4("203.0.113.2")] };
const external6 = { ...NO_EXTERNAL, ephemeralIp: ipv6("2001:db8::1") };

async function singleStack() {
  const made = await driverWith();
  await made.driver.createXde(port(4, { name: "v4", ipCfg: V4_ONLY(4) }));
  await made.driver.createXde(port(6, { name: "v6", ipCfg: V6_ONLY(6) }));
  return made;
}

describe("setting external addresses", () => {
  const both = { port: "opte0", v4: external4, v6: external6, internetGateways: undefined };

  it("shows them in the list of ports", async () => {
    const { driver } = await driverWith(1);
    await driver.setExternalIps(both);
    expect((await driver.listPorts())[0]).toMatchObject({
      ephemeralIp4: "203.0.113.1",
      floatingIp4s: ["203.0.113.2"],
      ephemeralIp6: "2001:db8::1",
      floatingIp6s: [],
    });
  });

  it("takes the addresses of a family that is left out away", async () => {
    const { driver } = await driverWith(1);
    await driver.setExternalIps(both);
    await driver.setExternalIps({ ...both, v4: undefined });
    expect((await driver.listPorts())[0]).toMatchObject({
      ephemeralIp4: undefined,
      floatingIp4s: [],
      ephemeralIp6: "2001:db8::1",
    });
  });

  it("refuses a family that the port lacks, and keeps the addresses it has", async () => {
    const { driver } = await singleStack();
    await driver.setExternalIps({ ...both, port: "v4", v6: undefined });
    expect(await refusal(driver.setExternalIps({ ...both, port: "v4", v4: undefined }))).toEqual(INVALID);
    expect(await refusal(driver.setExternalIps({ ...both, port: "v6", v6: undefined }))).toEqual(INVALID);
    expect((await driver.listPorts())[0]).toMatchObject({ name: "v4", ephemeralIp4: "203.0.113.1" });
  });
});

describe("networks of a port", () => {
  const lists = async (change: readonly Direction[]) => {
    const { driver, model } = await driverWith(1);
    for (const direction of change) await driver.allowCidr({ port: "opte0", cidr: cidr("10.9.0.0/16"), direction });
    return { driver, transit: () => model.tables.ports[0]?.transitIps };
  };

  it("are allowed one direction at a time", async () => {
    const { transit } = await lists(["in"]);
    expect(transit()).toEqual([["10.9.0.0/16", { allowIn: true, allowOut: false }]]);
  });

  it("are allowed both ways after both directions", async () => {
    const { transit } = await lists(["in", "out"]);
    expect(transit()).toEqual([["10.9.0.0/16", { allowIn: true, allowOut: true }]]);
  });

  it("stay in the other direction when one is removed, and go with the last", async () => {
    const { driver, transit } = await lists(["in", "out"]);
    const remove = (direction: Direction) => driver.removeCidr({ port: "opte0", cidr: cidr("10.9.0.0/16"), direction });
    expect(await remove("in")).toBe("10.9.0.0/16");
    expect(transit()).toEqual([["10.9.0.0/16", { allowIn: false, allowOut: true }]]);
    expect(await remove("out")).toBe("10.9.0.0/16");
    expect(transit()).toEqual([]);
    expect(await remove("out")).toBeUndefined();
  });

  it("are attached and detached, and a detach says whether there was one", async () => {
    const { driver, model } = await driverWith(1);
    const where = { port: "opte0", cidr: cidr("10.9.0.0/16") };
    await driver.attachSubnet({ ...where, isExternal: false });
    await driver.attachSubnet({ ...where, isExternal: true });
    expect(model.tables.ports[0]?.attachedSubnets).toEqual([["10.9.0.0/16", { isExternal: true }]]);
    expect(await driver.detachSubnet(where)).toBe("10.9.0.0/16");
    expect(await driver.detachSubnet(where)).toBeUndefined();
  });

  it("must be of a family that the port has", async () => {
    const { driver } = await singleStack();
    for (const where of [
      { port: "v4", cidr: cidr("fd01::/64") },
      { port: "v6", cidr: cidr("10.9.0.0/16") },
    ]) {
      expect(await refusal(driver.allowCidr({ ...where, direction: "in" }))).toEqual(INVALID);
      expect(await refusal(driver.removeCidr({ ...where, direction: "in" }))).toEqual(INVALID);
      expect(await refusal(driver.attachSubnet({ ...where, isExternal: false }))).toEqual(INVALID);
      expect(await refusal(driver.detachSubnet(where))).toEqual(INVALID);
    }
  });
});

describe("routes of a port", () => {
  const route = (dest: string, target: RouterTarget) => ({
    port: "opte0",
    dest: cidr(dest),
    target,
    class: "system" as const,
  });

  it("are taken away by their destination alone, whatever their target and class", async () => {
    const { driver } = await driverWith(1);
    const entry = route("0.0.0.0/0", { type: "internet-gateway", id: uuid("aaaaaaaa-0000-4000-8000-000000000001") });
    await driver.addRouterEntry(entry);
    expect(await driver.delRouterEntry({ ...entry, dest: cidr("0.0.0.0/1") })).toBe("not-found");
    expect(await driver.delRouterEntry({ ...entry, class: "custom", target: { type: "drop" } })).toBe("ok");
    expect(await driver.delRouterEntry(entry)).toBe("not-found");
  });

  it("stand by length of prefix, custom before system, drops first, and the first to a destination goes", async () => {
    const { driver, model } = await driverWith(1);
    const targets = () =>
      model.tables.ports[0]?.routes.map(({ dest, target, class: kind }) => [dest, target.type, kind]);
    const ig = { type: "internet-gateway", id: undefined } as const;
    await driver.addRouterEntry(route("10.0.0.0/8", ig));
    await driver.addRouterEntry(route("10.0.0.0/8", { type: "drop" }));
    await driver.addRouterEntry({ ...route("10.0.0.0/8", ig), class: "custom" });
    await driver.addRouterEntry(route("10.1.0.0/16", ig));
    expect(targets()).toEqual([
      ["10.1.0.0/16", "internet-gateway", "system"],
      ["10.0.0.0/8", "internet-gateway", "custom"],
      ["10.0.0.0/8", "drop", "system"],
      ["10.0.0.0/8", "internet-gateway", "system"],
    ]);
    await driver.delRouterEntry(route("10.0.0.0/8", ig));
    expect(targets()?.map(([, target]) => target)).toEqual(["internet-gateway", "drop", "internet-gateway"]);
  });

  it.each(["224.0.0.0/4", "ff00::/8", "239.1.1.1/32"])("do not lead to %s, which is multicast", async (dest) => {
    const { driver } = await driverWith(1);
    const error = {
      variant: "InvalidRouterEntry",
      dest,
      target: "multicast destinations not allowed in router entries",
    };
    expect(await refusal(driver.addRouterEntry(route(dest, { type: "drop" })))).toEqual(error);
    expect(await refusal(driver.delRouterEntry(route(dest, { type: "drop" })))).toEqual(error);
  });

  it.each<readonly [string, RouterTarget, string]>([
    ["172.16.0.0/12", { type: "ip", ip: ip("fd00::9") }, "ip6=fd00::9"],
    ["fd01::/48", { type: "ip", ip: ip("10.0.0.9") }, "ip4=10.0.0.9"],
    ["10.9.0.0/16", { type: "vpc-subnet", cidr: cidr("fd77::/64") }, "sub6=fd77::/64"],
    ["2001:db8::/32", { type: "vpc-subnet", cidr: cidr("172.30.4.0/22") }, "sub4=172.30.4.0/22"],
  ])("to %s do not go by the other family", async (dest, target, text) => {
    const { driver } = await driverWith(1);
    const error = { variant: "InvalidRouterEntry", dest, target: text };
    expect(await refusal(driver.addRouterEntry(route(dest, target)))).toEqual(error);
  });
});

describe("clearing a port's flow table", () => {
  it("fails with BadState on a port that nobody has opened", async () => {
    const { driver } = await driverWith(1);
    expect(await refusal(driver.clearUft("opte0"))).toEqual({ variant: "BadState", text: "ready" });
  });

  it("succeeds on a running port", async () => {
    const { model, driver } = await driverWith(1);
    model.setPort({ name: "opte0", state: "running" });
    await expect(driver.clearUft("opte0")).resolves.toBeUndefined();
  });
});

describe("every command on a port that is not there", () => {
  const gone = { port: "nope", cidr: cidr("10.0.0.0/8"), direction: "in" as const, isExternal: false };
  const requests = {
    SetFwRules: { port: "nope", rules: [] },
    SetExternalIps: { port: "nope", v4: undefined, v6: undefined, internetGateways: undefined },
    AllowCidr: gone,
    RemoveCidr: gone,
    AttachSubnet: gone,
    DetachSubnet: gone,
    ClearUft: gone,
    AddRouterEntry: { ...gone, dest: cidr("10.0.0.0/8"), target: { type: "drop" }, class: "system" },
    DelRouterEntry: { ...gone, dest: cidr("10.0.0.0/8"), target: { type: "drop" }, class: "system" },
  } satisfies Partial<Record<CommandName, object>>;

  it.each(Object.entries(requests))("is PortNotFound: %s", async (command, request) => {
    const { model } = await driverWith();
    expect(await refusal(model.call(command as CommandName, request as never))).toEqual({
      variant: "PortNotFound",
      text: "nope",
    });
  });
});
