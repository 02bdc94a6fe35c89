import { describe, expect, it } from "vitest";
import { Lane } from "../../src/intent/lane.ts";

/** An operation that ends when it is told to. */
function held() {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { run: () => gate, open };
}

const nothing = async () => {};

describe("the lane", () => {
  it("runs operations one after the other in the order they came", async () => {
    const lane = new Lane();
    const events: string[] = [];
    const operation = (n: number) => async () => {
      events.push(`${n} begins`);
      for (let turn = 0; turn < 5 - n; turn++) await Promise.resolve();
      events.push(`${n} ends`);
    };
    await Promise.all([0, 1, 2, 3, 4].map((n) => lane.run("op", operation(n))));
    expect(events).toEqual([0, 1, 2, 3, 4].flatMap((n) => [`${n} begins`, `${n} ends`]));
  });

  it("runs no two operations at a time, also when some come while others run", async () => {
    const lane = new Lane();
    let running = 0;
    let most = 0;
    const operation = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    const first = [1, 2, 3].map(() => lane.run("op", operation));
    await first[0];
    await Promise.all([...first, ...[4, 5, 6].map(() => lane.run("op", operation))]);
    expect(most).toBe(1);
  });

  it("keeps the order over thousands of operations", async () => {
    const lane = new Lane();
    const order: number[] = [];
    const numbers = [...Array(3000).keys()];
    await Promise.all(
      numbers.map((n) =>
        lane.run("op", async () => {
          order.push(n);
        }),
      ),
    );
    expect(order).toEqual(numbers);
  });

  it("answers each caller with its operation's own result", async () => {
    const lane = new Lane();
    expect(await Promise.all([1, 2, 3].map((n) => lane.run("op", async () => n * n)))).toEqual([1, 4, 9]);
  });

  it("fails the caller of an operation that fails, and goes on", async () => {
    const lane = new Lane();
    const failed = lane.run("bad", async () => {
      throw new Error("broken");
    });
    const next = lane.run("good", async () => "done");
    await expect(failed).rejects.toThrow("broken");
    expect(await next).toBe("done");
  });

  it("tells what runs, for how long, and how many wait", async () => {
    const lane = new Lane();
    const operation = held();
    const first = lane.run("first", operation.run);
    const second = lane.run("second", nothing);
    expect(lane.running).toMatchObject({ name: "first" });
    expect(lane.running?.seconds).toBeGreaterThanOrEqual(0);
    expect(lane.depth).toBe(1);
    operation.open();
    await Promise.all([first, second]);
    await lane.idle();
    expect(lane.running).toBeUndefined();
    expect(lane.depth).toBe(0);
  });
});

describe("a full lane", () => {
  async function full() {
    const lane = new Lane({ capacity: 2 });
    const operation = held();
    const accepted = [lane.run("stuck", operation.run), lane.run("a", nothing), lane.run("b", nothing)];
    return { lane, operation, accepted };
  }

  it("refuses one more with kind lane-full, and never runs it", async () => {
    const { lane, operation, accepted } = await full();
    let ran = false;
    const refused = lane.run("c", async () => {
      ran = true;
    });
    await expect(refused).rejects.toMatchObject({ kind: "lane-full", message: expect.stringContaining("stuck") });
    operation.open();
    await Promise.all(accepted);
    expect(ran).toBe(false);
  });

  it("does not count the operation that runs", async () => {
    const { lane } = await full();
    expect(lane.depth).toBe(2);
  });

  it("takes operations again once one that waited is through", async () => {
    const { lane, operation, accepted } = await full();
    operation.open();
    await accepted[1];
    await expect(lane.run("c", async () => "taken")).resolves.toBe("taken");
    await Promise.all(accepted);
  });
});

describe("waiting for the lane to be idle", () => {
  it("ends at once where nothing runs", async () => {
    await expect(new Lane().idle()).resolves.toBeUndefined();
  });

  it("ends when nothing runs and nothing waits, also what came meanwhile", async () => {
    const lane = new Lane();
    const operation = held();
    const done: string[] = [];
    void lane.run("first", operation.run).then(() => done.push("first"));
    const idle = lane.idle().then(() => done.push("idle"));
    void lane.run("second", nothing).then(() => done.push("second"));
    operation.open();
    await idle;
    expect(done).toEqual(["first", "second", "idle"]);
  });

  it("ends for everybody who waits, also after a failure", async () => {
    const lane = new Lane();
    const failed = lane.run("bad", async () => {
      throw new Error("broken");
    });
    const idle = Promise.all([lane.idle(), lane.idle()]);
    await expect(failed).rejects.toThrow("broken");
    await expect(idle).resolves.toHaveLength(2);
  });
});

describe("what large operations hold while they wait", () => {
  const MIB = 1 << 20;

  /** A lane that is kept busy, with room for two large operations of one MiB. */
  function busy() {
    let refused = 0;
    const lane = new Lane({ capacityBytes: 2 * MIB, onRefused: () => refused++ });
    const operation = held();
    void lane.run("stuck", operation.run);
    return { lane, open: operation.open, refused: () => refused };
  }

  it("is bounded: one too many is refused and told, and small ones still wait", async () => {
    const { lane, open, refused } = busy();
    const large = [1, 2].map(() => lane.run("large", nothing, MIB));
    await expect(lane.run("large", nothing, 1)).rejects.toMatchObject({
      kind: "lane-full",
      message: expect.stringMatching(/2097152 bytes wait already behind stuck/),
    });
    expect({ refused: refused(), waitingBytes: lane.waitingBytes }).toEqual({ refused: 1, waitingBytes: 2 * MIB });
    const small = lane.run("small", nothing);
    open();
    await Promise.all([...large, small]);
    expect(lane.waitingBytes).toBe(0);
  });

  it("may be more than that for the only large one", async () => {
    const { lane, open } = busy();
    const huge = lane.run("huge", nothing, 32 * MIB);
    await expect(lane.run("large", nothing, 1)).rejects.toMatchObject({ kind: "lane-full" });
    open();
    await huge;
    await lane.run("large", nothing, MIB);
  });
});
