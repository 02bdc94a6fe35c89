/** SetXdeUnderlay and ClearXdeUnderlay. */
import { describe, expect, it } from "vitest";
import { driverWith, forwarding, hop, mapping, port, refusal } from "./kit.ts";

describe("setting the underlay devices", () => {
  it("lets ports be made", async () => {
    const { driver } = await driverWith(0, { underlay: false });
    await driver.setXdeUnderlay("cxgbe0", "cxgbe1");
    await driver.createXde(port(0));
    expect(await driver.listPorts()).toHaveLength(1);
  });

  it("fails with EEXIST where they are set", async () => {
    const { driver } = await driverWith();
    expect(await refusal(driver.setXdeUnderlay("net0", "net1"))).toEqual({
      variant: "System",
      errno: 17,
      msg: "underlay already initialized",
    });
  });

  it.each([
    ["nosuch0", "net1", "nosuch0"],
    ["net0", "nosuch1", "nosuch1"],
  ])("fails with EFAULT for links %s and %s, of which %s is unknown", async (u1, u2, unknown) => {
    const { driver, model } = await driverWith(0, { underlay: false, links: ["net0", "net1"] });
    expect(await refusal(driver.setXdeUnderlay(u1, u2))).toEqual({
      variant: "System",
      errno: 14,
      msg: `failed to get linkid for ${unknown}: link not found`,
    });
    expect(model.tables.underlay).toBeNull();
  });
});

describe("clearing the underlay devices", () => {
  it("wipes the forwarding table and leaves the mappings", async () => {
    const { driver } = await driverWith();
    await driver.setMcastForwarding(forwarding("ff04::1", hop("fd00::a")));
    await driver.setMcast2Phys(mapping("239.1.1.1", "ff04::1"));
    await driver.clearXdeUnderlay();
    expect(await driver.dumpMcastForwarding()).toEqual([]);
    expect(await driver.dumpMcast2Phys()).toEqual([mapping("239.1.1.1", "ff04::1")]);
  });

  it("fails with EBUSY where there are ports, and wipes nothing", async () => {
    const { driver } = await driverWith(1);
    await driver.setMcastForwarding(forwarding("ff04::1", hop("fd00::a")));
    expect(await refusal(driver.clearXdeUnderlay())).toEqual({
      variant: "System",
      errno: 16,
      msg: "underlay in use by attached ports",
    });
    expect(await driver.dumpMcastForwarding()).toHaveLength(1);
  });

  it("fails with ENOENT where they are not set", async () => {
    const { driver } = await driverWith(0, { underlay: false });
    expect(await refusal(driver.clearXdeUnderlay())).toEqual({
      variant: "System",
      errno: 2,
      msg: "underlay not yet initialized",
    });
  });

  it("lets them be set anew", async () => {
    const { driver, model } = await driverWith();
    await driver.clearXdeUnderlay();
    await driver.setXdeUnderlay("other0", "other1");
    expect(model.tables.underlay).toEqual(["other0", "other1"]);
  });
});
