/** The whole of a configuration is checked before anything is touched, and what is wrong is named by its place. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONFIG, Commands, type ConfigBody, configBody, hop } from "../harness/config.ts";
import { overDevice } from "../harness/driver.ts";
import { Sled } from "../harness/sled.ts";
import { changed } from "../http/change.ts";
import { changingNothing, expectBadRequest, expectError } from "../http/expect.ts";

const MIB = 1 << 20;

/** Two of everything, so that the place that is named says something. Nothing of it is in force. */
const GOOD: ConfigBody = configBody(
  7,
  { "239.2.2.1": "ff04::21", "ff0e::22": "ff04::22" },
  {
    "ff04::21": [hop("fd00::a"), hop("fd00::b", { mode: "include", sources: ["10.0.0.1", "fd00::9"] })],
    "ff04::22": [],
  },
);

let sled: Sled;
let commands: Commands;
beforeAll(async () => {
  sled = await Sled.start();
  await sled.put(CONFIG, configBody(5, { "239.1.1.1": "ff04::1" }, { "ff04::1": [hop("fd00::c")] }));
  commands = new Commands(sled.model);
});
afterAll(() => sled.close());

/** 400 that names the field; neither driver nor configuration nor ledger has changed. */
async function expectRefused(body: unknown, field: string): Promise<void> {
  const before = (await sled.get(CONFIG)).body;
  expectBadRequest(await changingNothing(sled, () => sled.put(CONFIG, body)), field);
  expect((await sled.get(CONFIG)).body).toEqual(before);
  expect(sled.ledger.get("config")).toMatchObject({ generation: 5 });
  expect(commands.all).toEqual([]);
}

const FIRST_GROUP = "m2p.0.group";
const UNDERLAY = "m2p.1.underlay";
const ENTRY = "forwarding.1.underlay";
const HOP = "forwarding.0.next_hops.1.next_hop";
const SOURCE = "forwarding.0.next_hops.1.filter.sources.1";
const SOURCES = "forwarding.0.next_hops.1.filter.sources";

/** `a.0.b` as the messages write it. */
const named = (path: string) => path.replaceAll(/\.(\d+)/g, "[$1]");

describe("an address of the wrong kind", () => {
  test.each([
    [FIRST_GROUP, "10.0.0.1"],
    [FIRST_GROUP, "fd00::1"],
    [FIRST_GROUP, "ff04::5"],
    [UNDERLAY, "ff05::1"],
    [UNDERLAY, "ff0e::1"],
    [UNDERLAY, "fd00::1"],
    [ENTRY, "ff0e::1"],
    [ENTRY, "::"],
    [HOP, "ff04::1"],
    [HOP, "ff0e::1"],
    [HOP, "::"],
    [HOP, "::1"],
    [HOP, "fe80::1"],
    [SOURCE, "239.1.1.1"],
    [SOURCE, "ff0e::1"],
    [SOURCE, "0.0.0.0"],
    [SOURCE, "::"],
    [SOURCE, "127.0.0.1"],
    [SOURCE, "::1"],
    [SOURCE, "255.255.255.255"],
    [SOURCE, "169.254.0.1"],
    [SOURCE, "fe80::1"],
  ])("at %s is 400: %s", (path, address) => expectRefused(changed(GOOD, path, address), named(path)));
});

describe("text that is no address", () => {
  test.each([
    [FIRST_GROUP, "239.1.1"],
    [UNDERLAY, "239.1.1.1"],
    [UNDERLAY, "ff04::1%2"],
    [ENTRY, ""],
    [HOP, "10.0.0.1"],
    [SOURCE, "x"],
  ])("at %s is 400: %j", (path, text) => expectRefused(changed(GOOD, path, text), named(path)));
});

describe("a field", () => {
  test.each(["generation", "m2p", "forwarding", FIRST_GROUP, UNDERLAY, ENTRY, HOP, SOURCES])(
    "that is missing is 400: %s",
    (path) => expectRefused(changed(GOOD, path, undefined), path.split(".").at(-1) as string),
  );

  test.each(["generation", "m2p", "forwarding", "m2p.0", "forwarding.1", FIRST_GROUP, HOP, SOURCES, SOURCE])(
    "that is null is 400: %s",
    (path) => expectRefused(changed(GOOD, path, null), named(path)),
  );

  test.each([-1, 1.5, "7", true, 2 ** 53, [7]])("generation that is no count is 400: %j", (value) =>
    expectRefused({ ...GOOD, generation: value }, "generation"),
  );

  test.each([
    ["forwarding.0.next_hops.0.replication", "reserved"],
    ["forwarding.0.next_hops.0.replication", "Both"],
    ["forwarding.0.next_hops.1.filter.mode", "none"],
  ])("of a few words with another one is 400: %s %s", (path, word) =>
    expectRefused(changed(GOOD, path, word), named(path)),
  );
});

describe("what is there twice", () => {
  test.each([
    ["with one underlay group", "ff04::21"],
    ["with two", "ff04::23"],
  ])("a group, %s, is 400 and named by the second place", (_with, underlay) =>
    expectRefused({ ...GOOD, m2p: [...GOOD.m2p, { group: "239.2.2.1", underlay }] }, "m2p[2].group"),
  );

  test("a group in another spelling is 400", () =>
    expectRefused({ ...GOOD, m2p: [...GOOD.m2p, { group: "FF0E:0::22", underlay: "ff04::21" }] }, "m2p[2].group"));

  test("an underlay group in forwarding is 400", () =>
    expectRefused(
      { ...GOOD, forwarding: [...GOOD.forwarding, { underlay: "ff04:0::21", next_hops: [] }] },
      "forwarding[2].underlay",
    ));

  test.each([hop("fd00::a"), hop("fd00:0::a", { replication: "both" })])("a next hop in an entry is 400: %j", (again) =>
    expectRefused(changed(GOOD, "forwarding.0.next_hops.2", again), "forwarding[0].next_hops[2].next_hop"),
  );
});

test("over 256 different sources in a filter are 400", async () => {
  const sources = Array.from({ length: 257 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  await expectRefused(changed(GOOD, SOURCES, sources), named(SOURCES));
});

test.each([[[]], ["config"], [5], [null]])("a body that is no object is 400: %j", async (body) => {
  expectBadRequest(await changingNothing(sled, () => sled.put(CONFIG, JSON.stringify(body))));
});

test("the last thing of many that is wrong keeps the rest from being touched", async () => {
  const m2p = Array.from({ length: 300 }, (_, i) => ({ group: `239.9.${i >> 8}.${i & 255}`, underlay: "ff04::9" }));
  await expectRefused({ ...GOOD, m2p: [...m2p, { group: "10.0.0.1", underlay: "ff04::9" }] }, "m2p[300].group");
});

test("what is wrong is 400 also where the generation would be refused", async () => {
  await expectRefused({ ...GOOD, generation: 4, m2p: [{ group: "10.0.0.1", underlay: "ff04::9" }] }, "m2p[0].group");
});

// Megabytes take their time, and no driver hears of them.
describe.skipIf(overDevice)("a body", () => {
  test("of over 32 MiB is 413", async () => {
    const answer = await changingNothing(sled, () => sled.put(CONFIG, JSON.stringify(GOOD).padEnd(32 * MIB + 1)));
    expectError(answer, { status: 413 });
    expect(sled.agent.status().generation).toBe(5);
  });

  // Last: it is in force after.
  test("of 32 MiB is read, and so are 256 sources of a filter", async () => {
    const sources = Array.from({ length: 256 }, (_, i) => `10.0.1.${i}`);
    const answer = await sled.put(
      CONFIG,
      JSON.stringify(changed(GOOD, SOURCES, [...sources, "10.0.1.0"])).padEnd(32 * MIB),
    );
    expect(answer.body).toEqual({ generation: 7, applied: 4, failed: [] });
  });
});
