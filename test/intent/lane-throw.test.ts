/** An operation that throws instead of answering with a rejected promise. */
import { describe, expect, it } from "vitest";
import { Lane } from "../../src/intent/lane.ts";

const throwing = (): Promise<never> => {
  throw new Error("broken at once");
};

/** How a promise has ended once everything that was due has run. */
async function state(promise: Promise<unknown>): Promise<string> {
  let now = "pending";
  promise.then(
    (value) => {
      now = `resolved ${value}`;
    },
    (error: unknown) => {
      now = `rejected ${error instanceof Error ? error.message : error}`;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return now;
}

describe("an operation that throws before its first await", () => {
  it("fails its caller", async () => {
    expect(await state(new Lane().run("bad", throwing))).toBe("rejected broken at once");
  });

  it("does not stop the lane", async () => {
    const lane = new Lane();
    lane.run("bad", throwing).catch(() => undefined);
    expect(await state(lane.run("good", async () => "done"))).toBe("resolved done");
  });
});
