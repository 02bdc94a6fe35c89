/** sled-agent-api.md §6.3, steps 1 and 2. */
import { describe, expect, it } from "vitest";
import type { AttachedSubnet } from "../../src/ports/spec.ts";
import { vpcCfg } from "../../src/ports/vpc-cfg.ts";
import { cidr, ipv4, ipv6, mac, vniOf } from "../net/make.ts";
import { NO_EXTERNAL } from "../opte/kit.ts";
import { nic, portSpec, v4, v6 } from "./kit.ts";

const PHYS = ipv6("fd00:1122:3344:101::1");
const cfgOf = (change: Parameters<typeof portSpec>[0]) => vpcCfg(portSpec(change), PHYS);
const attached = (...subnets: [string, AttachedSubnet["kind"]][]) =>
  subnets.map(([text, kind]) => ({ subnet: cidr(text), kind }));

const DUAL = nic({ v4: v4("10.0.0.5", "10.0.0.0/24"), v6: v6("fd77::5", "fd77::/64") });
const BOTH_WAYS = { allowIn: true, allowOut: true };

describe("the configuration of a port", () => {
  it("has the NIC's MAC and VNI, the gateway's MAC, and this sled's address", () => {
    expect(cfgOf({ nic: nic({ mac: mac("a8:40:25:9:9:9"), vni: vniOf(7) }) })).toMatchObject({
      guestMac: "a8:40:25:09:09:09",
      gatewayMac: "a8:40:25:ff:77:77",
      vni: 7,
      physIp: "fd00:1122:3344:101::1",
    });
  });

  it("has the families the NIC has, and no other", () => {
    expect(Object.keys(cfgOf({}).ipCfg)).toEqual(["v4"]);
    expect(Object.keys(cfgOf({ nic: nic({ v4: undefined, v6: v6("fd77::5", "fd77::/64") }) }).ipCfg)).toEqual(["v6"]);
    expect(Object.keys(cfgOf({ nic: DUAL }).ipCfg).sort()).toEqual(["v4", "v6"]);
  });

  it("has the private address, and the subnet without host bits", () => {
    const { ipCfg } = cfgOf({ nic: nic({ v4: v4("10.0.0.5", "10.0.0.77/24") }) });
    expect(ipCfg.v4).toMatchObject({ privateIp: "10.0.0.5", vpcSubnet: "10.0.0.0/24" });
  });

  it.each([
    ["10.0.0.0/24", "10.0.0.1"],
    ["10.0.0.77/24", "10.0.0.1"],
    ["172.30.0.0/22", "172.30.0.1"],
    ["10.0.0.192/26", "10.0.0.193"],
  ])("has the first host of %s, %s, as IPv4 gateway", (subnet, gateway) => {
    const cfg = cfgOf({ nic: nic({ v4: v4(gateway, subnet) }) });
    expect(cfg.ipCfg.v4?.gatewayIp).toBe(gateway);
  });

  it("has the subnet's address plus one as IPv6 gateway", () => {
    expect(cfgOf({ nic: DUAL }).ipCfg).toMatchObject({ v4: { gatewayIp: "10.0.0.1" }, v6: { gatewayIp: "fd77::1" } });
  });

  it("passes DHCP on", () => {
    const dhcp = {
      hostname: "a",
      hostDomain: "b",
      domainSearchList: ["c"],
      dns4Servers: [ipv4("1.1.1.1")],
      dns6Servers: [],
    };
    expect(cfgOf({ dhcp }).dhcp).toEqual(dhcp);
  });
});

describe("transit addresses", () => {
  it("are let in and out", () => {
    const { ipCfg } = cfgOf({ nic: nic({ v4: v4("10.0.0.5", "10.0.0.0/24", "10.9.0.0/16") }) });
    expect(ipCfg.v4?.transitIps).toEqual([["10.9.0.0/16", BOTH_WAYS]]);
  });

  it("are ascending and each there once, as in the driver's map", () => {
    const transit = ["10.9.0.0/16", "9.0.0.0/8", "10.9.3.4/16", "10.9.0.0/8"];
    const { ipCfg } = cfgOf({ nic: nic({ v4: v4("10.0.0.5", "10.0.0.0/24", ...transit) }) });
    expect(ipCfg.v4?.transitIps.map(([network]) => network)).toEqual(["9.0.0.0/8", "10.0.0.0/8", "10.9.0.0/16"]);
  });

  it("stay with their family", () => {
    const both = nic({ v4: v4("10.0.0.5", "10.0.0.0/24", "10.9.0.0/16"), v6: v6("fd77::5", "fd77::/64", "fd99::/48") });
    expect(cfgOf({ nic: both }).ipCfg).toMatchObject({
      v4: { transitIps: [["10.9.0.0/16", BOTH_WAYS]] },
      v6: { transitIps: [["fd99::/48", BOTH_WAYS]] },
    });
  });
});

describe("attached subnets", () => {
  it("are split by family, and external where they are of that kind", () => {
    const attachedSubnets = attached(["10.9.0.0/16", "vpc"], ["fd99::/48", "external"], ["9.0.0.0/8", "external"]);
    expect(cfgOf({ nic: DUAL, attachedSubnets }).ipCfg).toMatchObject({
      v4: {
        attachedSubnets: [
          ["9.0.0.0/8", { isExternal: true }],
          ["10.9.0.0/16", { isExternal: false }],
        ],
      },
      v6: { attachedSubnets: [["fd99::/48", { isExternal: true }]] },
    });
  });

  it("count once where they are named twice, the last time", () => {
    const attachedSubnets = attached(["10.9.0.0/16", "vpc"], ["10.9.0.0/16", "external"]);
    expect(cfgOf({ attachedSubnets }).ipCfg.v4?.attachedSubnets).toEqual([["10.9.0.0/16", { isExternal: true }]]);
  });
});

describe("external addresses", () => {
  const v4External = { ...NO_EXTERNAL, ephemeralIp: ipv4("203.0.113.1") };

  it("are those of the family", () => {
    expect(cfgOf({ nic: DUAL, externalIps: { v4: v4External, v6: undefined } }).ipCfg).toMatchObject({
      v4: { externalIps: v4External },
      v6: { externalIps: NO_EXTERNAL },
    });
  });
});
