/** The tunnels by which networks outside the rack are reached. */
import { describe, expect, it } from "vitest";
import { cidr, ipv6, vniOf } from "../net/make.ts";
import { driverWith } from "./kit.ts";

const at = (address: string, vni = 99) => ({ ip: ipv6(address), vni: vniOf(vni) });
const to = (prefix: string, ...endpoints: ReturnType<typeof at>[]) => ({ prefix: cidr(prefix), endpoints });

describe("prefixes at the boundary", () => {
  it("are listed with IPv4 first, each in the order of addresses, then of lengths", async () => {
    const { driver } = await driverWith();
    for (const prefix of ["::/0", "10.0.0.0/24", "0.0.0.0/0", "10.0.0.0/8"]) {
      await driver.setVirt2Boundary(to(prefix, at("fd00::1")));
    }
    const prefixes = (await driver.dumpVirt2Boundary()).map(({ prefix }) => prefix);
    expect(prefixes).toEqual(["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "::/0"]);
  });

  it("take endpoints beside those they have, in the order of addresses", async () => {
    const { driver } = await driverWith();
    await driver.setVirt2Boundary(to("0.0.0.0/0", at("fd00::2")));
    await driver.setVirt2Boundary(to("0.0.0.0/0", at("fd00::3"), at("fd00::1")));
    expect(await driver.dumpVirt2Boundary()).toEqual([to("0.0.0.0/0", at("fd00::1"), at("fd00::2"), at("fd00::3"))]);
  });

  it("tell endpoints apart by address: a VNI that is there already stays", async () => {
    const { driver } = await driverWith();
    await driver.setVirt2Boundary(to("0.0.0.0/0", at("fd00::1", 1), at("fd00::1", 2)));
    await driver.setVirt2Boundary(to("0.0.0.0/0", at("fd00::1", 3)));
    expect(await driver.dumpVirt2Boundary()).toEqual([to("0.0.0.0/0", at("fd00::1", 2))]);
  });

  it("go with their last endpoint, whatever VNI it is cleared with", async () => {
    const { driver } = await driverWith();
    await driver.setVirt2Boundary(to("0.0.0.0/0", at("fd00::1"), at("fd00::2")));
    await driver.clearVirt2Boundary(to("0.0.0.0/0", at("fd00::1", 7), at("fd00::9")));
    expect(await driver.dumpVirt2Boundary()).toEqual([to("0.0.0.0/0", at("fd00::2"))]);
    await driver.clearVirt2Boundary(to("0.0.0.0/0"));
    expect(await driver.dumpVirt2Boundary()).toHaveLength(1);
    await driver.clearVirt2Boundary(to("0.0.0.0/0", at("fd00::2")));
    expect(await driver.dumpVirt2Boundary()).toEqual([]);
  });

  it("that are not there can be cleared", async () => {
    const { driver } = await driverWith();
    await expect(driver.clearVirt2Boundary(to("10.0.0.0/8", at("fd00::1")))).resolves.toBeUndefined();
  });
});
