/** The log of events: numbers, what can be read again, and listeners. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { EventLog, type SledEvent } from "../../src/events.ts";

const KEPT = 8;

function begun(): EventLog {
  const log = new EventLog(KEPT);
  log.begin();
  return log;
}

const tell = (log: EventLog, count = 1) => {
  for (let i = 0; i < count; i++) log.tell("port", { name: `guest${i}`, change: "created" });
};
const ids = (events: readonly SledEvent[] | undefined) => events?.map(({ id }) => id);

describe("numbers", () => {
  test("follow each other", () => {
    const log = begun();
    const start = log.last;
    tell(log, 3);
    expect(ids(log.since(start))).toEqual([start + 1, start + 2, start + 3]);
  });

  test("are exact, and grow over a restart, unless there were more than a thousand events in a millisecond", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const before = begun();
      tell(before, 500);
      vi.advanceTimersByTime(1);
      expect(begun().last).toBeGreaterThan(before.last);
      expect(Number.isSafeInteger(before.last * 2)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("what came after a number", () => {
  test("is nothing after the newest", () => {
    const log = begun();
    expect(log.since(log.last)).toEqual([]);
    tell(log);
    expect(log.since(log.last)).toEqual([]);
  });

  test("is not to be had of a number that is not given yet, or of before the process", () => {
    const log = begun();
    const start = log.last;
    tell(log);
    expect(log.since(log.last + 1)).toBeUndefined();
    expect(log.since(start - 1)).toBeUndefined();
    expect(log.since(0)).toBeUndefined();
  });

  test("is whole or not to be had, for any number and any length of log", () => {
    fc.assert(
      fc.property(fc.nat(4 * KEPT), fc.integer({ min: -2, max: 4 * KEPT }), fc.nat(KEPT), (told, after, most) => {
        const log = begun();
        const start = log.last;
        tell(log, told);
        const all = Array.from({ length: told }, (_, i) => start + 1 + i);
        const kept = after <= told && after >= Math.max(0, told - KEPT);
        expect(ids(log.since(start + after))).toEqual(kept ? all.slice(after) : undefined);
        expect(ids(log.since(start + after, most))).toEqual(kept ? all.slice(after, after + most) : undefined);
      }),
    );
  });
});

describe("until the sled is known", () => {
  test("nothing is told", () => {
    const log = new EventLog(KEPT);
    const start = log.last;
    tell(log);
    expect(log.last).toBe(start);
  });

  test("nobody has read a list to go on from: a number of then is not taken up", () => {
    const log = new EventLog(KEPT);
    const early = log.last;
    log.begin();
    expect(log.since(early)).toBeUndefined();
    expect(log.since(log.last)).toEqual([]);
  });
});

describe("listeners", () => {
  test("hear once of what was told at once, after it", async () => {
    const log = begun();
    const listener = vi.fn();
    log.subscribe(listener);
    tell(log, 3);
    expect(listener).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(listener).toHaveBeenCalledTimes(1));
  });

  test("hear in time of what would fill the log before the event loop turns", () => {
    const log = begun();
    const heard: SledEvent[] = [];
    let at = log.last;
    log.subscribe(() => {
      heard.push(...(log.since(at) as SledEvent[]));
      at = log.last;
    });
    tell(log, 10 * KEPT);
    expect(heard.length).toBeGreaterThan(9 * KEPT);
  });

  test("that throw harm neither the change nor the other listeners", async () => {
    const log = begun();
    const other = vi.fn();
    log.subscribe(() => {
      throw new Error("a listener's own affair");
    });
    log.subscribe(other);
    tell(log, KEPT);
    expect(other).toHaveBeenCalled();
  });

  test("that ended hear nothing more", async () => {
    const log = begun();
    const [ended, other] = [vi.fn(), vi.fn()];
    log.subscribe(ended)();
    log.subscribe(other);
    expect(log.listeners).toBe(1);
    tell(log);
    await vi.waitFor(() => expect(other).toHaveBeenCalled());
    expect(ended).not.toHaveBeenCalled();
  });
});

test("no text is made of an event that nobody reads, and only one for all that do", () => {
  const log = begun();
  const sources = { toJSON: vi.fn(() => []) };
  log.tell("membership", { port: "guest0", group: "239.1.1.1" as never, state: "ended", sources: sources as never });
  expect(sources.toJSON).not.toHaveBeenCalled();
  const [event] = log.since(log.last - 1) as [SledEvent];
  expect(event.json).toBe(event.json);
  expect(sources.toJSON).toHaveBeenCalledTimes(1);
});
