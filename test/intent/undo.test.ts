import { describe, expect, it } from "vitest";
import { SledcastError } from "../../src/error.ts";
import { UndoFailedError, withUndo } from "../../src/intent/undo.ts";

const CAUSE = new SledcastError("driver-refused", "the second step failed");

/** Three steps whose undos write down that they ran; those named fail. Then the operation fails. */
async function failing(brokenUndos: readonly string[] = [], cause: unknown = CAUSE) {
  const undone: string[] = [];
  const error: unknown = await withUndo(async (undo) => {
    for (const name of ["a", "b", "c"]) {
      undo(async () => {
        await Promise.resolve();
        undone.push(name);
        if (brokenUndos.includes(name)) throw new Error(`undo of ${name} failed`);
      });
    }
    throw cause;
  }).catch((thrown: unknown) => thrown);
  return { undone, error };
}

describe("an operation that succeeds", () => {
  it("answers its result and takes nothing back", async () => {
    const undone: string[] = [];
    const result = await withUndo(async (undo) => {
      undo(async () => undone.push("a"));
      return 42;
    });
    expect(result).toBe(42);
    expect(undone).toEqual([]);
  });
});

describe("an operation that fails", () => {
  it("takes its steps back in reverse order", async () => {
    expect((await failing()).undone).toEqual(["c", "b", "a"]);
  });

  it("fails with its own error where everything was taken back", async () => {
    expect((await failing()).error).toBe(CAUSE);
  });

  it("takes back only the steps it came to", async () => {
    const undone: string[] = [];
    const run = withUndo(async (undo) => {
      undo(async () => undone.push("a"));
      await Promise.reject(CAUSE);
      undo(async () => undone.push("b"));
    });
    await expect(run).rejects.toBe(CAUSE);
    expect(undone).toEqual(["a"]);
  });

  it("takes one step back before it begins with the next", async () => {
    const events: string[] = [];
    const run = withUndo(async (undo) => {
      for (const name of ["a", "b"]) {
        undo(async () => {
          events.push(`${name} begins`);
          await new Promise((resolve) => setImmediate(resolve));
          events.push(`${name} ends`);
        });
      }
      throw CAUSE;
    });
    await expect(run).rejects.toBe(CAUSE);
    expect(events).toEqual(["b begins", "b ends", "a begins", "a ends"]);
  });
});

describe("an operation that fails and cannot be taken back", () => {
  it("tries every step, also after one that failed", async () => {
    expect((await failing(["c", "b"])).undone).toEqual(["c", "b", "a"]);
  });

  it("fails with both reasons, its own as the cause", async () => {
    const { error } = await failing(["b"]);
    expect(error).toBeInstanceOf(UndoFailedError);
    expect(error).toMatchObject({
      cause: CAUSE,
      message: expect.stringMatching(/second step failed.*undo of b failed/),
    });
  });

  it("tells the first of several failures to take back", async () => {
    const { error } = await failing(["a", "c"]);
    expect(error).toMatchObject({ message: expect.stringContaining("undo of c failed") });
  });

  it.each(["driver-refused", "driver-busy", "conflict", "internal"] as const)(
    "can be tried again, though the cause was %s",
    async (kind) => {
      const { error } = await failing(["a"], new SledcastError(kind, "no"));
      expect(error).toMatchObject({ kind: "driver-busy" });
    },
  );

  it("says that the driver is away where that was the cause", async () => {
    const { error } = await failing(["a"], new SledcastError("driver-unavailable", "gone"));
    expect(error).toMatchObject({ kind: "driver-unavailable" });
  });

  it("says so, too, of a step that throws instead of rejecting", async () => {
    const run = withUndo(async (undo) => {
      undo(() => {
        throw new Error("thrown at once");
      });
      throw "a cause that is no error";
    });
    await expect(run).rejects.toThrow(/a cause that is no error.*thrown at once/);
  });
});
