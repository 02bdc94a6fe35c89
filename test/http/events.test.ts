/** The stream of events, over real connections. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EventLog } from "../../src/events.ts";
import { overDevice } from "../harness/driver.ts";
import { Sled } from "../harness/sled.ts";
import { expectBadRequest, expectError, UUID_V4 } from "./expect.ts";
import { Stream } from "./follow.ts";
import { listen, openSocket, requestText } from "./wire.ts";

const EVENTS = "/multicast/events";
const MIB = 1 << 20;

let sled: Sled;
let port: number;
let log: EventLog;
beforeEach(async () => {
  sled = await Sled.start();
  port = await listen(sled);
  log = sled.agent.events;
});
afterEach(async () => {
  vi.useRealTimers();
  await sled.close();
});

const open = (headers: Record<string, string> = {}, query = "") => Stream.open(port, `${EVENTS}${query}`, headers);
const follow = (after: number | string) => open({ "last-event-id": String(after) });

let made = 0;
function tell(count: number, bytes = 1): void {
  for (let i = 0; i < count; i++) log.tell("port", { name: `${made++}`.padEnd(bytes, "."), change: "created" });
}

const numbers = ({ events }: Stream) => events.map(({ id }) => Number(id));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("a client that comes", () => {
  test("hears at once, before anything happens, and what to come back with", async () => {
    const stream = await open();
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-request-id": expect.stringMatching(UUID_V4),
    });
    await expect.poll(() => stream.lastId).toBe(String(log.last));
    expect(stream.text).toMatch(/^: .*\nretry: 1000\n/);
    expect(stream.events).toEqual([]);
    stream.close();
  });

  test("hears of a change as it is made, with its number, its kind and its time", async () => {
    const stream = await open();
    await sled.setMapping("239.1.1.1", "ff04::1");
    await expect.poll(() => stream.events.length).toBe(2);
    expect(numbers(stream)).toEqual([log.last - 1, log.last]);
    expect(stream.events.map(({ event }) => event)).toEqual(["filter", "mapping"]);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(stream.data[1]).toEqual({ time, group: "239.1.1.1", underlay: "ff04::1", before: null, by: "agent" });
    stream.close();
  });

  test("for some kinds hears only those, and comes back with the number of what it did not want", async () => {
    const stream = await open({}, "?kinds=drift,mapping");
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.put("/networking/mcast-fwd", { underlay: "ff04::1", next_hops: [] });
    await sled.setMapping("239.1.1.2", "ff04::1");
    await expect.poll(() => stream.events.length).toBe(2);
    expect(stream.data).toMatchObject([{ group: "239.1.1.1" }, { group: "239.1.1.2" }]);
    stream.close();
  });

  test("and hears nothing else is kept in touch, and keeps its place in the log", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const stream = await open({}, "?kinds=drift");
    await expect.poll(() => stream.lastId).toBe(String(log.last));
    tell(3);
    vi.advanceTimersByTime(15_000);
    await expect.poll(() => stream.lastId).toBe(String(log.last));
    expect(stream.events).toEqual([]);
    stream.close();
  });

  test.each(["", "x", "-1", "1.5", "1e3", "99999999999999999999"])("with the number %j is 400", async (id) => {
    expectBadRequest(await sled.get(EVENTS, { "last-event-id": id }), "last-event-id");
  });

  test.each(["", "mappings", "mapping,", "mapping&kinds=x"])(
    "for kinds that there are none of (%s) is 400",
    async (kinds) => {
      expectBadRequest(await sled.get(`${EVENTS}?kinds=${kinds}`), "kinds");
    },
  );

  test("after 64 others is 503, until one of them goes", async () => {
    const streams = await Promise.all(Array.from({ length: 64 }, () => open()));
    expectError(await sled.get(EVENTS), { status: 503, code: "RESOURCE_LIMIT" });
    expect((await sled.get("/metrics")).text).toContain("sledcast_event_streams 64");
    for (const stream of streams) stream.close();
    await expect.poll(() => log.listeners).toBe(0);
    const next = await open();
    expect(next.status).toBe(200);
    next.close();
  });
});

describe("a client that comes back", () => {
  test("after any event hears each later one once, also of a backlog longer than what is read at once", async () => {
    const start = log.last;
    tell(2000);
    let at = start;
    // Each time it hears some, goes away in the middle, and more happens meanwhile.
    for (const [heard, more] of [
      [1, 0],
      [7, 300],
      [256, 1],
      [257, 0],
      [900, 20],
    ] as const) {
      const stream = await follow(at);
      await expect.poll(() => stream.events.length).toBeGreaterThanOrEqual(heard);
      stream.close();
      expect(numbers(stream).slice(0, heard)).toEqual(range(at + 1, at + heard));
      at += heard;
      tell(more);
    }
    const stream = await follow(at);
    await expect.poll(() => numbers(stream).at(-1)).toBe(log.last);
    expect(numbers(stream)).toEqual(range(at + 1, log.last));
    stream.close();
  });

  test("when it missed nothing hears nothing but what comes", async () => {
    tell(1);
    const stream = await follow(log.last);
    tell(1);
    await expect.poll(() => numbers(stream)).toEqual([log.last]);
    stream.close();
  });

  test.each([
    ["from before this process", () => 17],
    ["with a number that is not given yet", () => log.last + 1],
    [
      "from before the oldest that is kept",
      () => {
        const start = log.last;
        tell(8193);
        return start;
      },
    ],
  ])("%s is told that it missed some, and hears what follows", async (_what, number) => {
    const stream = await follow(number());
    await expect.poll(() => stream.events).toMatchObject([{ event: "reset", id: String(log.last) }]);
    expect(stream.data).toEqual([{ reason: expect.stringContaining("list everything again") }]);
    tell(1);
    await expect.poll(() => numbers(stream)).toEqual([log.last - 1, log.last]);
    stream.close();
  });
});

test("thousands of events that happen at once reach a client that reads, whole", async () => {
  const stream = await open();
  const start = log.last;
  tell(20_000, 100);
  await expect.poll(() => numbers(stream).at(-1), { timeout: 20_000 }).toBe(log.last);
  // What did not fit is said to be missed; what is not said to be missed is there.
  const first = stream.events.findIndex(({ event }) => event === "reset") + 1;
  const missed = first === 0 ? start : Number(stream.events[first - 1]?.id);
  expect(numbers(stream).slice(first)).toEqual(range(missed + 1, log.last));
  stream.close();
});

// The driver has no part in it.
describe.skipIf(overDevice)("a client that does not read", () => {
  /** Its socket is never read from: what the kernels do not take waits here. */
  async function deaf() {
    const socket = await openSocket(port);
    const gone = new Promise<void>((resolve) => socket.once("close", resolve).once("error", () => {}));
    socket.pause();
    socket.write(requestText(`GET ${EVENTS}`));
    await expect.poll(() => log.listeners).toBe(1);
    return { socket, gone };
  }

  test("is cut when it has stopped and more than 1 MiB came since", async () => {
    const { socket } = await deaf();
    const sent = log.last;
    await vi.waitFor(
      () => {
        // More than any kernel keeps for a reader.
        tell(64, MIB / 64);
        expect(log.listeners).toBe(0);
      },
      { timeout: 30_000, interval: 10 },
    );
    expect(log.last).toBeGreaterThan(sent);
    socket.destroy();
  });

  test("does not keep the server from closing", async () => {
    const { socket } = await deaf();
    for (let i = 0; i < 20; i++) {
      tell(256, MIB / 64);
      await new Promise(setImmediate);
    }
    await sled.app.close();
    await expect.poll(() => log.listeners).toBe(0);
    socket.destroy();
  });
});

describe("when the server closes", () => {
  test("the streams end in order, and their listeners go", async () => {
    const streams = await Promise.all([open(), open()]);
    await sled.app.close();
    expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual([true, true]);
    expect(log.listeners).toBe(0);
  });

  test("what happened before is sent to the end", async () => {
    const stream = await open();
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.app.close();
    await stream.ended;
    expect(stream.events.at(-1)?.event).toBe("mapping");
  });
});

test("a client that goes leaves no listener", async () => {
  const stream = await open();
  expect(log.listeners).toBe(1);
  stream.close();
  await expect.poll(() => log.listeners).toBe(0);
});

test("one that listened while the agent started is told to list again when it has", async () => {
  const starting = await Sled.start({ awaitStart: false });
  const stream = await Stream.open(await listen(starting), EVENTS);
  await expect.poll(() => starting.agent.readiness.ready).toBe(true);
  await starting.setMapping("239.1.1.1", "ff04::1");
  await expect.poll(() => stream.events.at(-1)?.event).toBe("mapping");
  stream.close();
  await starting.close();
});
