/** Audits whose interval and mode become others while they run. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Audits } from "../../src/agent/audits.ts";
import type { AuditMode } from "../../src/config.ts";
import { NO_LOG } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function audits(interval: number) {
  const runs: AuditMode[] = [];
  const look = async (mode: AuditMode) => {
    runs.push(mode);
    return [];
  };
  const made = new Audits({
    audit: { parts: [look], nics: look } as never,
    mode: "repair",
    interval,
    change: (_name, operation) => operation(),
    repair: async () => {},
    metrics: new Metrics(),
    log: NO_LOG,
  });
  return { made, runs };
}

describe("another interval", () => {
  test("counts from when it is said, not from when the last audit was", async () => {
    const { made, runs } = audits(100);
    made.schedule();
    await vi.advanceTimersByTimeAsync(60_000);
    made.follow("repair", 10);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(runs).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(20_200);
    expect(runs).toHaveLength(3);
    made.close();
  });

  test("of none at all ends the audits, and another begins them again", async () => {
    const { made, runs } = audits(10);
    made.schedule();
    made.follow("repair", 0);
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(runs).toHaveLength(0);
    made.follow("observe", 10);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(runs).toEqual(["observe"]);
    made.close();
  });

  test("said before the first audit is due is the one it begins with", async () => {
    const { made, runs } = audits(10);
    made.follow("repair", 50);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(runs).toHaveLength(0);
    made.schedule();
    await vi.advanceTimersByTimeAsync(50_100);
    expect(runs).toHaveLength(1);
    made.close();
  });
});
