/** What `sledcast watch` reads and how it says it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventReader } from "../../src/cli/event-reader.ts";
import { describeEvent } from "../../src/cli/watch.ts";

const STREAM = [
  ": hello\nretry: 1000\nid: 7\n\n",
  'id: 8\nevent: port\ndata: {"name":"guest0"}\n\n',
  ":\nid: 9\n\n",
  'id: 10\nevent: mapping\ndata: {"group":"239.1.1.1: a"}\n\n',
].join("");

async function* pieces(text: string, cuts: readonly number[]) {
  const ends = [...cuts].sort((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, text.length]) {
    yield text.slice(from, end);
    from = end;
  }
}

async function read(reader: EventReader, chunks: AsyncIterable<string>) {
  const events = [];
  for await (const event of reader.read(chunks)) events.push(event);
  return events;
}

describe("a stream", () => {
  test("says the same wherever it is cut into pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(STREAM.length)), async (cuts) => {
        const reader = new EventReader(undefined);
        expect(await read(reader, pieces(STREAM, cuts))).toEqual([
          { id: "8", event: "port", data: '{"name":"guest0"}' },
          { id: "10", event: "mapping", data: '{"group":"239.1.1.1: a"}' },
        ]);
        expect(reader.lastId).toBe("10");
      }),
    );
  });

  test("that breaks off in an event has not had it", async () => {
    const reader = new EventReader("3");
    expect(await read(reader, pieces(STREAM.slice(0, -1), []))).toHaveLength(1);
    expect(reader.lastId).toBe("9");
  });
});

const ID = "bbbbbbbb-0000-4000-8000-000000000001";
const ANY = { mode: "exclude", sources: [] };

test.each([
  ["mapping", { group: "239.1.1.1", underlay: "ff04::1", before: null, by: "agent" }, "239.1.1.1 in ff04::1"],
  [
    "mapping",
    { group: "239.1.1.1", underlay: null, before: "ff04::1", by: "others" },
    "239.1.1.1 cleared, was in ff04::1, by others",
  ],
  [
    "forwarding",
    {
      underlay: "ff04::1",
      next_hops: [
        { next_hop: "fd00::a", replication: "both", filter: ANY },
        { next_hop: "fd00::b", replication: "underlay", filter: { mode: "include", sources: ["10.0.0.1"] } },
      ],
      by: "agent",
    },
    "ff04::1 to fd00::a both, fd00::b underlay INCLUDE(10.0.0.1)",
  ],
  ["forwarding", { underlay: "ff04::1", next_hops: [], by: "agent" }, "ff04::1 to nobody"],
  ["forwarding", { underlay: "ff04::1", next_hops: null, by: "agent" }, "ff04::1 cleared"],
  [
    "membership",
    { port: "guest0", group: "239.1.1.1", propolis_id: ID, state: "pending", sources: [], reason: "no mapping" },
    `239.1.1.1 on guest0 of VMM ${ID}, sources any: pending: no mapping`,
  ],
  ["filter", { underlay: "ff04::1", change: "joined" }, "ff04::1 joined"],
  ["filter", { underlay: null, groups: 150, change: "degraded", reason: "why" }, "150 underlay groups degraded: why"],
  ["port", { name: "guest0", change: "gone" }, "guest0 gone"],
  ["drift", { what: "nic-gone", subject: { nic: "net0" }, repaired: true }, "nic-gone (nic net0): repaired"],
  ["drift", { what: "x", subject: { a: "1", b: "2" }, repaired: false, error: "why" }, "x (a 1, b 2): why"],
  ["reset", { reason: "events were missed" }, "events were missed"],
  ["weather", { rain: true }, '{"rain":true}'],
])("an event of %s is one line for people (%#)", (event, data, text) => {
  const time = "2026-01-02T03:04:05.678Z";
  const line = describeEvent({ id: "1", event, data: JSON.stringify({ time, ...data }) });
  expect(line).toBe(`${time}  ${event.padEnd(10)}  ${text}`);
});
