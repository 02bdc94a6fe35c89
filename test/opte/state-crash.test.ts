/**
 * The end of the process between and inside any two writes to the state file: every byte that
 * could be the last one is one (in long snapshots: one in some). Only the header, 64 bytes inside one page, is written all or not at all.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { DriverModel, type ModelOptions } from "../../src/opte/model/model.ts";
import { ownFolder } from "./kit.ts";
import { bytesOf, step, tablesIn, tablesOf } from "./steps.ts";

/** What may still be written before the process ends: bytes, headers and truncations. */
const life = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY, spent: 0, open: new Set<number>() }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const spend = (cost: number): number => {
    const granted = Math.min(cost, life.left);
    life.left -= granted;
    life.spent += granted;
    return granted;
  };
  return {
    ...fs,
    openSync: (...args: Parameters<typeof fs.openSync>) => {
      const fd = fs.openSync(...args);
      life.open.add(fd);
      return fd;
    },
    closeSync: (fd: number) => {
      life.open.delete(fd);
      fs.closeSync(fd);
    },
    ftruncateSync: (fd: number, length: number) => {
      if (spend(1) < 1) throw new Error("the process ended");
      fs.ftruncateSync(fd, length);
    },
    writeSync: (fd: number, bytes: Buffer, offset: number, length: number, position: number) => {
      const header = position === 0;
      const granted = header ? spend(1) * length : spend(length);
      if (granted > 0) fs.writeSync(fd, bytes, offset, granted, position);
      if (granted < length) throw new Error("the process ended");
      return granted;
    },
  };
});

/** Runs `work` with so much of life; whether it came to its end. Files it left open are closed, as a kernel does. */
async function within(left: number, work: () => Promise<void>): Promise<boolean> {
  Object.assign(life, { left, spent: 0 });
  try {
    await work();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ message: expect.stringContaining("the process ended") });
    return false;
  } finally {
    life.left = Number.POSITIVE_INFINITY;
    for (const fd of life.open) (await import("node:fs")).closeSync(fd);
  }
}

const opening = (options: ModelOptions) => async () => {
  await new DriverModel(options).close();
};

/** Moments to end at: each of the first and last, where the records and headers are, and many in the long snapshot between. */
function moments(total: number): number[] {
  const all = Array.from({ length: total + 1 }, (_, end) => end);
  return all.filter((end) => end < 90 || total - end < 40 || end % 23 === 0);
}

/** Opens a file of these bytes, ended at many moments, and says what the next opening finds. */
async function afterEveryEnd(
  options: ModelOptions & { state: string },
  bytes: Buffer,
  check: (tables: unknown, end: number) => void,
): Promise<void> {
  writeFileSync(options.state, bytes);
  expect(await within(Number.POSITIVE_INFINITY, opening(options))).toBe(true);
  for (const end of moments(life.spent)) {
    writeFileSync(options.state, bytes);
    await within(end, opening(options));
    check(await tablesIn(() => new DriverModel(options)), end);
  }
}

async function steps(state: string, from: number, to: number, bulk?: number): Promise<unknown> {
  const model = new DriverModel({ state });
  for (let n = from; n < to; n++) await step(model, n, bulk);
  await model.close();
  return tablesOf(model);
}

const startOf = (bytes: Buffer) => Number(bytes.subarray(0, 63).toString().trim().split(" ")[3]);

describe("a process that ends while it opens its state file", () => {
  it("leaves an empty model where the file is new", async () => {
    const state = join(ownFolder(), "state");
    const empty = tablesOf(new DriverModel());
    await afterEveryEnd({ state }, Buffer.alloc(0), (tables, end) => expect(tables, `end ${end}`).toEqual(empty));
  });

  it("leaves the initial ports to the next start where the file is new", async () => {
    const ports = [{ name: "vnic0" }, { name: "vnic1" }];
    const state = join(ownFolder(), "state");
    const fresh = tablesOf(new DriverModel({ ports }));
    await afterEveryEnd({ state, ports }, Buffer.alloc(0), (tables, end) =>
      expect(tables, `end ${end}`).toEqual(fresh),
    );
  });

  it("leaves the tables as they were where compaction writes behind the records", async () => {
    const state = join(ownFolder(), "state");
    const before = await steps(state, 0, 15);
    const bytes = bytesOf(state);
    expect(startOf(bytes)).toBe(64);
    await afterEveryEnd({ state }, bytes, (tables, end) => expect(tables, `end ${end}`).toEqual(before));
    expect(startOf(bytesOf(state))).toBe(64);
  });

  it("leaves the tables as they were where compaction writes before the records", async () => {
    const state = join(ownFolder(), "state");
    await steps(state, 0, 15);
    const before = await steps(state, 15, 18);
    const bytes = bytesOf(state);
    expect(startOf(bytes)).toBeGreaterThan(64);
    await afterEveryEnd({ state }, bytes, (tables, end) => expect(tables, `end ${end}`).toEqual(before));
  });

  it("leaves the tables as they were where there is no room before the records", async () => {
    const state = join(ownFolder(), "state");
    await steps(state, 0, 3);
    const before = await steps(state, 3, 16, 40);
    const bytes = bytesOf(state);
    const start = startOf(bytes);
    expect(start).toBeGreaterThan(64);
    expect(JSON.stringify(before).length).toBeGreaterThan(start);
    await afterEveryEnd({ state }, bytes, (tables, end) => expect(tables, `end ${end}`).toEqual(before));
  });
});

describe("a process that ends while it carries out a command", () => {
  it.each([11, 13, 15, 17])("leaves the state before the command or after it (step %i)", async (last) => {
    const state = join(ownFolder(), "state");
    const before = await steps(state, 0, 11);
    const bytes = bytesOf(state);
    const after = await steps(state, last, last + 1);
    for (let end = 0, done = false; !done; end++) {
      writeFileSync(state, bytes);
      const model = new DriverModel({ state });
      done = await within(end, () => step(model, last));
      expect(await tablesIn(() => new DriverModel({ state })), `end ${end}`).toEqual(done ? after : before);
    }
  });
});
