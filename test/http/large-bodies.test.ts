/** Large bodies of requests that wait: together they are bounded. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Sled } from "../harness/sled.ts";
import { expectDone, expectError } from "./expect.ts";

const MIB = 1 << 20;

let sled: Sled;
beforeEach(async () => {
  sled = await Sled.start();
});
afterEach(() => sled.close());

/** A mapping with what nobody asked for, to be as large as it has to be. */
const mapping = (bytes: number) => ({ group: "239.1.1.1", underlay: "ff04::1", padding: "x".repeat(bytes) });
const send = (bytes: number) => sled.put("/networking/mcast-m2p", mapping(bytes));

/** Requests under way whose bodies have that many bytes; ends with what is returned. */
function underWay(bytes: number): () => Promise<void> {
  let end = () => {};
  const answered = new Promise<void>((resolve) => {
    end = resolve;
  });
  const handled = sled.app.largeBodies.during(bytes, () => answered);
  return () => {
    end();
    return handled;
  };
}

describe("with 64 MiB of large bodies under way", () => {
  test("another large one is 503 LANE_FULL with Retry-After, and changes nothing", async () => {
    underWay(64 * MIB);
    const answer = await send(20_000);
    expectError(answer, { status: 503, code: "LANE_FULL" });
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    expect(sled.mappings).toEqual({});
  });

  test("small ones are served", async () => {
    underWay(64 * MIB);
    expectDone(await send(10_000));
  });

  test("large ones are served again when those were answered", async () => {
    await underWay(64 * MIB)();
    expectDone(await send(20_000));
  });
});

test("a large body counts while its request waits for the driver, and not after", async () => {
  const letGo = sled.hold("SetMcast2Phys");
  const waiting = send(MIB - 1000);
  await expect.poll(() => sled.agent.status().driver.busyWith?.command).toBe("SetMcast2Phys");
  underWay(63 * MIB);
  expectError(await send(20_000), { status: 503, code: "LANE_FULL" });
  letGo();
  expectDone(await waiting);
  expectDone(await send(20_000));
});

test("a large body that is refused does not count", async () => {
  underWay(63 * MIB);
  for (const _ of Array(3)) {
    const padded = { ...mapping(MIB - 1000), group: "10.0.0.1" };
    expectError(await sled.put("/networking/mcast-m2p", padded), { status: 400, names: "group" });
    expectError(await sled.put("/networking/mcast-m2p", `{"padding":"${"x".repeat(MIB - 1000)}"`), { status: 400 });
  }
  expectDone(await send(MIB - 1000));
});
