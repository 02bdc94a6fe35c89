import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DriverModel } from "../../src/opte/model/model.ts";
import { ownFolder } from "./kit.ts";
import { bytesOf, step, tablesIn, tablesOf } from "./steps.ts";

const MIB = 1 << 20;
const epochOf = (state: string) => Number(bytesOf(state).subarray(0, 63).toString().split(" ")[2]);

describe("many commands", () => {
  it("keep the file within a few times its tables and a few MiB", async () => {
    const folder = ownFolder();
    const state = join(folder, "state");
    const model = new DriverModel({ state });
    let written = 0;
    let largest = 0;
    let tables = 0;
    for (let n = 0, last = 0; n < 4000; n++) {
      await step(model, n, 1000);
      const size = statSync(state).size;
      written += Math.max(0, size - last);
      last = size;
      largest = Math.max(largest, size);
      if (n % 500 === 0) tables = Math.max(tables, JSON.stringify(model.tables).length);
    }
    await model.close();
    expect(epochOf(state)).toBeGreaterThan(2);
    expect(written).toBeGreaterThan(2 * largest);
    expect(largest).toBeLessThan(3 * MIB + 8 * tables);
    expect(readdirSync(folder)).toEqual(["state"]);
  });

  it("leave the right tables, also right after each compaction", async () => {
    const state = join(ownFolder(), "state");
    const reference = new DriverModel();
    let model = new DriverModel({ state });
    let compactions = 0;
    for (let n = 0, epoch = epochOf(state); n < 8000 && compactions < 2; n++) {
      await step(model, n, 2000);
      await step(reference, n, 2000);
      const now = n % 11 === 2 ? epochOf(state) : epoch;
      if (now === epoch) continue;
      compactions++;
      await model.close();
      expect(await tablesIn(() => new DriverModel({ state }))).toEqual(tablesOf(reference));
      model = new DriverModel({ state });
      epoch = epochOf(state);
    }
    await model.close();
    expect(compactions).toBe(2);
  });

  it("leave a file after a restart that is not larger than the tables need", async () => {
    const state = join(ownFolder(), "state");
    const model = new DriverModel({ state });
    for (let n = 0; n < 500; n++) await step(model, n, 100);
    const tables = JSON.stringify(model.tables).length;
    await model.close();
    for (let start = 0; start < 3; start++) await new DriverModel({ state }).close();
    expect(statSync(state).size).toBeLessThan(3 * tables + 4096);
  });
});
