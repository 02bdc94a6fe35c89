/** Ports as they are made and removed (opteadm.rs, opte-ioctl): what is checked first, and what becomes of the link's id. */
import { describe, expect, it } from "vitest";
import { CountedDatalinks, noDatalinks } from "../../src/host/datalinks.ts";
import { ILLUMOS_ERRNO } from "../../src/opte/error.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { Direct, errorOf, isUsage } from "./kit.ts";

describe("a port", () => {
  const IPV4 = ["--private-ip", "10.0.0.5", "--vpc-subnet", "10.0.0.0/24", "--gateway-ip", "10.0.0.1"];
  const REST = ["--guest-mac", "a8:40:25:0:0:5", "--gateway-mac", "a8:40:25:ff:77:77", "--vpc-vni", "100"];
  const LEAST = [...IPV4, ...REST, "--src-underlay-addr", "fd00::1"];

  it("is made with what is said, and an id for its link", async () => {
    const direct = new Direct();
    const dhcp = ["--hostname", "vm.", "--host-domain", "a.example", "--dns-servers", "1.1.1.1,fd00::53"];
    const more = [...dhcp, "--dns-servers", "9.9.9.9", "--domain-search-list", "a.example,b.example", "--mtu", "8500"];
    const request = await direct.requestOf("create-xde", "opte5", ...LEAST, ...more, "--ephemeral-ip", "203.0.113.1");
    expect(request).toEqual({
      linkId: 1,
      name: "opte5",
      mtu: 8500,
      cfg: {
        ipCfg: {
          v4: {
            vpcSubnet: "10.0.0.0/24",
            privateIp: "10.0.0.5",
            gatewayIp: "10.0.0.1",
            externalIps: { snat: undefined, ephemeralIp: "203.0.113.1", floatingIps: [] },
            attachedSubnets: [],
            transitIps: [],
          },
        },
        guestMac: "a8:40:25:00:00:05",
        gatewayMac: "a8:40:25:ff:77:77",
        vni: 100,
        physIp: "fd00::1",
        dhcp: {
          hostname: "vm.",
          hostDomain: "a.example",
          domainSearchList: ["a.example", "b.example"],
          dns4Servers: ["1.1.1.1", "9.9.9.9"],
          dns6Servers: ["fd00::53"],
        },
      },
    });
    expect(direct.links.live).toBe(1);
    expect(direct.warnings).toEqual([]);
    await direct.run("delete-xde", "opte5");
    expect(direct.links.live).toBe(0);
    expect(direct.model.tables.ports).toEqual([]);
  });

  it("can be an IPv6 one", async () => {
    const ipv6 = ["--private-ip", "fd77::5", "--vpc-subnet", "fd77::/64", "--gateway-ip", "fd77::1"];
    const direct = new Direct();
    await direct.run("create-xde", "opte5", ...ipv6, ...REST, "--src-underlay-addr", "fd00::1");
    expect(direct.model.tables.ports[0]?.create).toMatchObject({
      mtu: undefined,
      cfg: { ipCfg: { v6: { privateIp: "fd77::5", vpcSubnet: "fd77::/64", gatewayIp: "fd77::1" } } },
    });
  });

  it.each([
    ["a subnet of another family", ["--vpc-subnet", "fd77::/64"], "expected IPv4 VPC subnet"],
    ["a gateway of another family", ["--gateway-ip", "fd77::1"], "expected IPv4 gateway IP"],
    ["an external address of another family", ["--ephemeral-ip", "2001:db8::1"], "2001:db8::1"],
    ["an IPv6 address with an IPv4 subnet", ["--private-ip", "fd77::5"], "expected IPv6 VPC subnet"],
    ["half a pool for SNAT", ["--snat-start", "1"], "--snat-ip"],
    ["a domain name with an empty label", ["--hostname", "a..b"], "--hostname"],
    ["a domain name that is too long", ["--host-domain", "a".repeat(64)], "--host-domain"],
    ["an MTU that is no number", ["--mtu", "big"], "--mtu"],
    ["a VNI of over 24 bits", ["--vpc-vni", "16777216"], "--vpc-vni"],
  ])("is refused with %s, and has no id then", async (_what, options, named) => {
    const direct = new Direct();
    const error = await errorOf(direct.run("create-xde", "opte5", ...LEAST, ...options));
    expect(error).toSatisfy(isUsage);
    expect(error.message).toContain(named);
    expect(direct.sent).toEqual([]);
    expect(direct.links.live).toBe(0);
  });

  it("is refused with a name that the kernel could not bear, and with one option missing", async () => {
    const direct = new Direct();
    expect(await errorOf(direct.run("create-xde", "a".repeat(19), ...LEAST))).toSatisfy(isUsage);
    expect(await errorOf(direct.run("create-xde", "é".repeat(10), ...LEAST))).toSatisfy(isUsage);
    expect(await errorOf(direct.run("create-xde", "opte5", ...LEAST.slice(2)))).toSatisfy(isUsage);
    expect(direct.sent).toEqual([]);
  });

  it("gives its id back where the driver refuses it", async () => {
    const direct = new Direct({ model: new DriverModel({ underlay: false }) });
    const error = await errorOf(direct.run("create-xde", "opte5", ...LEAST));
    expect(error.message).toContain("underlay not initialized");
    expect(direct.links.live).toBe(0);
  });

  it("is not made where something bears its name already", async () => {
    const direct = new Direct();
    await direct.links.create("opte5");
    expect(await errorOf(direct.run("create-xde", "opte5", ...LEAST))).toMatchObject({ kind: "conflict" });
    expect(direct.sent).toEqual([]);
  });

  it("keeps its id where it cannot be removed", async () => {
    const direct = new Direct();
    await direct.run("create-xde", "opte5", ...LEAST);
    direct.model.setPort({ name: "opte5", busy: true });
    expect((await errorOf(direct.run("delete-xde", "opte5"))).message).toContain(`errno ${ILLUMOS_ERRNO.EBUSY}`);
    expect(direct.links.live).toBe(1);
  });

  it("stays where dlmgmtd cannot be asked for its id", async () => {
    const model = new DriverModel();
    await new Direct({ model }).run("create-xde", "opte5", ...LEAST);
    const direct = new Direct({ model, datalinks: noDatalinks("no libdladm") });
    expect((await errorOf(direct.run("delete-xde", "opte5"))).message).toContain("no libdladm");
    expect(direct.sent).toEqual([]);
  });

  it("that is refused and whose id stays is said to have one", async () => {
    const links = new CountedDatalinks();
    const destroy = async () => Promise.reject(new Error("the id of opte5 stays"));
    const datalinks = { ...noDatalinks(""), create: (name: string) => links.create(name), destroy };
    const direct = new Direct({ model: new DriverModel({ underlay: false }), datalinks });
    const error = await errorOf(direct.run("create-xde", "opte5", ...LEAST));
    expect(error.message).toContain("underlay not initialized");
    expect(direct.warnings).toEqual(["the id of opte5 stays"]);
  });

  it("has no MTU of its own with a driver before API 41, which is said", async () => {
    const direct = new Direct({ apiVersion: 40 });
    await direct.run("create-xde", "opte5", ...LEAST, "--mtu", "8500");
    expect(direct.warnings).toEqual([expect.stringContaining("API 40 cannot set a port's MTU")]);
  });
});
