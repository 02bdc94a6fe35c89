import { describe, expect, it } from "vitest";
import { SledcastError } from "../../src/error.ts";
import { Lane } from "../../src/intent/lane.ts";

const late = (name: string) => new SledcastError("driver-unavailable", `${name} is late`);

describe("a lane whose operation does not end", () => {
  it("answers those who waited too long, and still carries out what they asked for, in order", async () => {
    const lane = new Lane();
    const done: string[] = [];
    let open: () => void = () => {};
    const stuck = lane.run("stuck", async () => {
      await new Promise<void>((resolve) => {
        open = resolve;
      });
      done.push("stuck");
    });
    const behind = lane.run("behind", async () => {
      done.push("behind");
    });
    const answers = Promise.allSettled([stuck, behind]);
    await new Promise((resolve) => setImmediate(resolve));
    lane.giveUpAfter(0, late);
    expect(await answers).toMatchObject([
      { status: "rejected", reason: { kind: "driver-unavailable", message: "stuck is late" } },
      { status: "rejected", reason: { message: "behind is late" } },
    ]);
    expect(done).toEqual([]);
    open();
    await lane.idle();
    expect(done).toEqual(["stuck", "behind"]);
  });

  it("keeps the agent's own operations in line without a word: nobody is kept waiting by them", async () => {
    const lane = new Lane();
    let open: () => void = () => {};
    const own = lane.runOwn("start", () => new Promise<void>((resolve) => (open = resolve)));
    const behind = lane.runOwn("repair", async () => "repaired");
    lane.giveUpAfter(0, late);
    open();
    expect(await Promise.all([own, behind])).toEqual([undefined, "repaired"]);
  });

  it("leaves those alone who have not waited that long", async () => {
    const lane = new Lane();
    const answer = lane.run("quick", async () => "done");
    lane.giveUpAfter(60, late);
    expect(await answer).toBe("done");
  });
});
