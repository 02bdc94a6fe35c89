/** A last record that was not written to its end: kill -9 inside write(2), at every byte. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DriverModel } from "../../src/opte/model/model.ts";
import { ownFolder } from "./kit.ts";
import { bytesOf, step, tablesIn, tablesOf } from "./steps.ts";

/** A file whose last command is step `last`, with the tables before and after it. */
async function written(state: string, last: number) {
  const model = new DriverModel({ state });
  for (let n = 0; n < 11; n++) await step(model, n);
  const before = { tables: tablesOf(model), size: statSync(state).size };
  await step(model, last);
  const after = tablesOf(model);
  await model.close();
  return { before, after, bytes: bytesOf(state) };
}

describe("a state file that ends inside its last record", () => {
  it.each([11, 12, 15, 18])("has the state of the command before, wherever it ends (step %i)", async (last) => {
    const folder = ownFolder();
    const { before, bytes } = await written(join(folder, "whole"), last);
    expect(bytes.length).toBeGreaterThan(before.size);
    for (let end = before.size; end < bytes.length; end++) {
      const state = join(folder, "torn");
      writeFileSync(state, bytes.subarray(0, end));
      expect(await tablesIn(() => new DriverModel({ state })), `cut at ${end}`).toEqual(before.tables);
    }
  });

  it("has the state of the last command when its record is whole", async () => {
    const state = join(ownFolder(), "whole");
    const { after, before } = await written(state, 12);
    expect(after).not.toEqual(before.tables);
    expect(await tablesIn(() => new DriverModel({ state }))).toEqual(after);
  });

  it("takes the next commands as if nothing had happened", async () => {
    const folder = ownFolder();
    const { before, bytes } = await written(join(folder, "whole"), 12);
    const reference = new DriverModel();
    for (const n of [...Array(11).keys(), 20, 21]) await step(reference, n);
    for (let end = before.size; end < bytes.length; end += 7) {
      const state = join(folder, "torn");
      writeFileSync(state, bytes.subarray(0, end));
      const model = new DriverModel({ state });
      for (const n of [20, 21]) await step(model, n);
      await model.close();
      expect(await tablesIn(() => new DriverModel({ state })), `cut at ${end}`).toEqual(tablesOf(reference));
    }
  });

  it("has the state of its last whole record when garbage follows it", async () => {
    const state = join(ownFolder(), "state");
    const { after, bytes } = await written(state, 12);
    for (const garbage of ["\n", "garbage\n", "1 [\n", "999 {}\n", "\0\0\0\0"]) {
      writeFileSync(state, Buffer.concat([bytes, Buffer.from(garbage)]));
      expect(await tablesIn(() => new DriverModel({ state })), JSON.stringify(garbage)).toEqual(after);
    }
  });
});
