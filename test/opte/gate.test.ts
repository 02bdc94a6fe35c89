/** What must never reach the driver (opte-driver.md, last but one section). */
import { describe, expect, it } from "vitest";
import { SledcastError } from "../../src/error.ts";
import { Driver, type Transport } from "../../src/opte/driver.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName, FirewallRule } from "../../src/opte/types.ts";
import { cidr, ip } from "../net/make.ts";
import { mapping, port, refusal, subscription } from "./kit.ts";

const NUL = "op\0te";

/** A driver, and the names of the commands that get through to it. */
function watched(model = new DriverModel()) {
  const sent: CommandName[] = [];
  const transport: Transport = {
    info: model.info,
    call: (command, request) => {
      sent.push(command);
      return model.call(command, request);
    },
    close: () => model.close(),
  };
  return { driver: new Driver(transport), sent };
}

const cidrs = { port: NUL, cidr: cidr("10.0.0.0/8"), direction: "in" as const, isExternal: false };
const route = { port: NUL, dest: cidr("10.0.0.0/8"), target: { type: "drop" as const }, class: "system" as const };

const ALLOW: FirewallRule = {
  direction: "in",
  hosts: { type: "any" },
  protocol: { type: "any" },
  ports: "any",
  action: "allow",
  priority: 1,
};

const NAMING: Readonly<Record<string, (driver: Driver) => Promise<unknown>>> = {
  CreateXde: (d) => d.createXde(port(0, { name: NUL })),
  DeleteXde: (d) => d.deleteXde(NUL),
  "SetXdeUnderlay, first": (d) => d.setXdeUnderlay("net\0", "net1"),
  "SetXdeUnderlay, second": (d) => d.setXdeUnderlay("net0", "\0net1"),
  AddFwRule: (d) => d.addFwRule({ port: NUL, rule: ALLOW }),
  RemFwRule: (d) => d.remFwRule({ port: NUL, direction: "in", id: 0n }),
  ListLayers: (d) => d.listLayers(NUL),
  DumpLayer: (d) => d.dumpLayer(NUL, "gateway"),
  DumpUft: (d) => d.dumpUft(NUL),
  DumpTcpFlows: (d) => d.dumpTcpFlows(NUL),
  ClearLft: (d) => d.clearLft(NUL, "gateway"),
  SetFwRules: (d) => d.setFwRules({ port: NUL, rules: [] }),
  AddRouterEntry: (d) => d.addRouterEntry(route),
  DelRouterEntry: (d) => d.delRouterEntry(route),
  SetExternalIps: (d) => d.setExternalIps({ port: NUL, v4: undefined, v6: undefined, internetGateways: undefined }),
  AllowCidr: (d) => d.allowCidr(cidrs),
  RemoveCidr: (d) => d.removeCidr(cidrs),
  AttachSubnet: (d) => d.attachSubnet(cidrs),
  DetachSubnet: (d) => d.detachSubnet(cidrs),
  ClearUft: (d) => d.clearUft(NUL),
  McastSubscribe: (d) => d.mcastSubscribe(subscription(NUL, "239.1.1.1")),
  McastUnsubscribe: (d) => d.mcastUnsubscribe({ port: NUL, group: ip("239.1.1.1") }),
};

describe("a name with a NUL in it", () => {
  it.each(Object.entries(NAMING))("does not reach the driver in %s", async (_command, call) => {
    const { driver, sent } = watched();
    const error = await call(driver).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SledcastError);
    expect(error).toMatchObject({ kind: "bad-request" });
    expect(sent).toEqual([]);
  });
});

describe("the length of a port name", () => {
  it("is 18 bytes at most for a new port", async () => {
    const { driver, sent } = watched();
    await driver.createXde(port(0, { name: "a".repeat(18) }));
    await expect(driver.createXde(port(1, { name: "b".repeat(19) }))).rejects.toMatchObject({ kind: "bad-request" });
    expect(sent).toEqual(["CreateXde"]);
  });

  it("is counted in bytes, as the kernel cuts kstat names", async () => {
    const { driver, sent } = watched();
    await expect(driver.createXde(port(0, { name: "é".repeat(10) }))).rejects.toMatchObject({ kind: "bad-request" });
    expect(sent).toEqual([]);
  });

  it("does not matter for a port that somebody else made", async () => {
    const { driver } = watched();
    expect(await refusal(driver.deleteXde("a".repeat(31)))).toMatchObject({ variant: "PortNotFound" });
  });
});

describe("a prefix at the boundary", () => {
  it("is not set without an endpoint: the kernel divides by their number at the first packet", async () => {
    const { driver, sent } = watched();
    const none = driver.setVirt2Boundary({ prefix: cidr("0.0.0.0/0"), endpoints: [] });
    await expect(none).rejects.toMatchObject({ kind: "bad-request" });
    expect(sent).toEqual([]);
  });
});

describe("unsubscribing all ports of a group", () => {
  it("is not sent where there is no port", async () => {
    const { driver, sent } = watched(new DriverModel({ underlay: false }));
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.mcastUnsubscribeAll({ group: ip("239.1.1.1") });
    expect(sent).not.toContain("McastUnsubscribeAll");
  });

  it("is sent where a port proves that the underlay is set", async () => {
    const { driver, sent } = watched();
    await driver.createXde(port(0));
    await driver.mcastUnsubscribeAll({ group: ip("239.1.1.1") });
    expect(sent).toContain("McastUnsubscribeAll");
  });
});

describe("the model behind the gate", () => {
  it("panics, like the kernel, where all ports are unsubscribed before an underlay is set", async () => {
    const model = new DriverModel({ underlay: false });
    await expect(model.call("McastUnsubscribeAll", { group: ip("239.1.1.1") })).rejects.toThrow(/panics the kernel/);
  });

  it("panics, like the kernel, at a NUL in the name of an underlay device", async () => {
    const model = new DriverModel({ underlay: false });
    await expect(model.call("SetXdeUnderlay", { u1: "net\0", u2: "net1" })).rejects.toThrow(/panics the kernel/);
  });
});
