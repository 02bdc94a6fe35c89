import { describe, expect, it } from "vitest";
import { Driver } from "../../src/opte/driver.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName } from "../../src/opte/types.ts";
import { mapping, refusal } from "./kit.ts";

const FIRST = mapping("239.1.1.1", "ff04::1");
const failing = (command: CommandName) => new Error(`injected into ${command}`);

function faulty(...faults: Parameters<DriverModel["faults"]["inject"]>[0][]) {
  const model = new DriverModel();
  for (const fault of faults) model.faults.inject(fault);
  return { model, driver: new Driver(model) };
}

/** How each of some equal calls ends. */
async function outcomes(calls: number, call: () => Promise<unknown>): Promise<string[]> {
  const ends: string[] = [];
  for (let i = 0; i < calls; i++) {
    ends.push(
      await call().then(
        () => "ok",
        () => "failed",
      ),
    );
  }
  return ends;
}

describe("a fault", () => {
  it("before the command leaves the tables as they were", async () => {
    const { driver } = faulty({ command: "SetMcast2Phys", when: "before", error: failing });
    await expect(driver.setMcast2Phys(FIRST)).rejects.toThrow("injected into SetMcast2Phys");
    expect(await driver.dumpMcast2Phys()).toEqual([]);
  });

  it("after the command fails it although it has taken effect", async () => {
    const { driver } = faulty({ command: "SetMcast2Phys", when: "after", error: failing });
    await expect(driver.setMcast2Phys(FIRST)).rejects.toThrow("injected into SetMcast2Phys");
    expect(await driver.dumpMcast2Phys()).toEqual([FIRST]);
  });

  it("strikes once unless told otherwise", async () => {
    const { driver, model } = faulty({ when: "before", error: failing });
    expect(await outcomes(3, () => driver.listPorts())).toEqual(["failed", "ok", "ok"]);
    expect(model.faults.pending).toBe(0);
  });

  it("strikes as often as it is told", async () => {
    const { driver } = faulty({ when: "before", times: 2, error: failing });
    expect(await outcomes(4, () => driver.listPorts())).toEqual(["failed", "failed", "ok", "ok"]);
  });

  it("strikes for ever when it is told so", async () => {
    const { driver, model } = faulty({ when: "before", times: Number.POSITIVE_INFINITY, error: failing });
    expect(await outcomes(50, () => driver.listPorts())).not.toContain("ok");
    expect(model.faults.pending).toBe(1);
  });

  it("lets calls pass first as it is told", async () => {
    const { driver } = faulty({ when: "before", skip: 2, times: 1, error: failing });
    expect(await outcomes(4, () => driver.listPorts())).toEqual(["ok", "ok", "failed", "ok"]);
  });

  it("lets calls of other commands pass uncounted", async () => {
    const { driver } = faulty({ command: "SetMcast2Phys", when: "before", skip: 1, error: failing });
    await driver.setMcast2Phys(FIRST);
    expect(await outcomes(3, () => driver.dumpMcast2Phys())).toEqual(["ok", "ok", "ok"]);
    await expect(driver.setMcast2Phys(FIRST)).rejects.toThrow("injected");
  });

  it("after a command waits for one that succeeds", async () => {
    const { driver, model } = faulty({ command: "DeleteXde", when: "after", error: failing });
    expect(await refusal(driver.deleteXde("nope"))).toMatchObject({ variant: "PortNotFound" });
    expect(model.faults.pending).toBe(1);
  });

  it("without an error is a delay and no more", async () => {
    const { driver } = faulty({ command: "SetMcast2Phys", when: "before", delay: 30 });
    const since = performance.now();
    await driver.setMcast2Phys(FIRST);
    expect(performance.now() - since).toBeGreaterThan(28);
    expect(await driver.dumpMcast2Phys()).toEqual([FIRST]);
  });

  it("with a delay and an error fails after the delay", async () => {
    const { driver } = faulty({ when: "before", delay: 30, error: failing });
    const since = performance.now();
    await expect(driver.setMcast2Phys(FIRST)).rejects.toThrow("injected");
    expect(performance.now() - since).toBeGreaterThan(28);
  });

  it("does not come any more once the faults are cleared", async () => {
    const { driver, model } = faulty({ when: "before", error: failing }, { when: "after", error: failing });
    model.faults.clear();
    expect(await outcomes(2, () => driver.listPorts())).toEqual(["ok", "ok"]);
  });

  it("after another of the same command strikes when that one is done", async () => {
    const { driver } = faulty({ when: "before", error: failing }, { when: "before", error: failing });
    expect(await outcomes(3, () => driver.listPorts())).toEqual(["failed", "failed", "ok"]);
  });
});
