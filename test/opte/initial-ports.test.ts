/** Ports that the model starts with (`model.ports`). */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isMulticast } from "../../src/net/classify.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { ip, mac, vniOf } from "../net/make.ts";
import { ownFolder, refusal } from "./kit.ts";
import { tablesOf } from "./steps.ts";

const list = (model: DriverModel) => model.call("ListPorts", undefined);

describe("an initial port", () => {
  it("is the same port at every start with its name", () => {
    const start = () => tablesOf(new DriverModel({ ports: [{ name: "vnic0" }, { name: "vnic1" }] }));
    expect(start()).toEqual(start());
  });

  it("does not depend on which others there are", async () => {
    const alone = await list(new DriverModel({ ports: [{ name: "vnic1" }] }));
    const among = await list(new DriverModel({ ports: [{ name: "vnic0" }, { name: "vnic1" }] }));
    expect(among).toContainEqual(alone[0]);
  });

  it("has VNI 100, and a MAC and a unicast address of its name's own, unless told", async () => {
    const names = Array.from({ length: 50 }, (_, n) => ({ name: `vnic${n}` }));
    const ports = await list(new DriverModel({ ports: names }));
    expect(new Set(ports.map((port) => port.mac)).size).toBe(50);
    expect(ports.map((port) => port.ip4 && isMulticast(port.ip4))).toEqual(ports.map(() => false));
    expect(new Set(new DriverModel({ ports: names }).tables.ports.map((port) => port.create.cfg.vni))).toEqual(
      new Set([100]),
    );
  });

  it("has what it is told", async () => {
    const told = { name: "vnic0", vni: vniOf(7), mac: mac("a8:40:25:1:2:3"), ip: ip("fd77::5") };
    const model = new DriverModel({ ports: [told] });
    expect(await list(model)).toEqual([
      expect.objectContaining({ name: "vnic0", mac: "a8:40:25:01:02:03", ip6: "fd77::5", ip4: undefined }),
    ]);
    expect(model.tables.ports[0]?.create.cfg.vni).toBe(7);
  });

  it("is an ordinary port: it can be subscribed and deleted", async () => {
    const model = new DriverModel({ ports: [{ name: "vnic0" }] });
    await model.call("DeleteXde", { name: "vnic0" });
    expect(await list(model)).toEqual([]);
    expect(await refusal(model.call("DeleteXde", { name: "vnic0" }))).toMatchObject({ variant: "PortNotFound" });
  });

  it("is left alone where the state file has it", async () => {
    const state = join(ownFolder(), "state");
    const first = new DriverModel({ state, ports: [{ name: "vnic0" }] });
    first.setPort({ name: "vnic0", state: "running" });
    const before = tablesOf(first);
    await first.close();
    const again = new DriverModel({ state, ports: [{ name: "vnic0", vni: vniOf(5), mac: mac("2:2:2:2:2:2") }] });
    expect(tablesOf(again)).toEqual(before);
  });

  it("is added where the state file has others", async () => {
    const state = join(ownFolder(), "state");
    await new DriverModel({ state, ports: [{ name: "vnic0" }] }).close();
    const ports = await list(new DriverModel({ state, ports: [{ name: "vnic0" }, { name: "vnic1" }] }));
    expect(ports.map(({ name }) => name).sort()).toEqual(["vnic0", "vnic1"]);
  });

  it("stays when a later start does not name it", async () => {
    const state = join(ownFolder(), "state");
    await new DriverModel({ state, ports: [{ name: "vnic0" }] }).close();
    expect(await list(new DriverModel({ state }))).toHaveLength(1);
  });
});
