/** Fields of the multicast bodies: missing, of a wrong type, unknown (sled-agent-api.md §2 and §3.4). */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sled } from "../harness/sled.ts";
import { changed, fieldOf } from "./change.ts";
import { expectDone, expectRefused } from "./expect.ts";
import { FWD, forwarding, hop, M2P, MEMBERSHIP, membership, populatedSled, STATE } from "./populated.ts";

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

const MAPPING = { group: "239.1.1.1", underlay: "ff04::1" };
const WRONG = [null, 5, true, {}, []];

describe.each([
  ["PUT", M2P, MAPPING, ["group", "underlay"]],
  ["DELETE", M2P, MAPPING, ["group", "underlay"]],
  [
    "PUT",
    FWD,
    forwarding(),
    ["underlay", "next_hops.0.next_hop", "next_hops.0.replication", "next_hops.0.filter.mode"],
  ],
  ["DELETE", FWD, { underlay: "ff04::1" }, ["underlay"]],
  ["PUT", MEMBERSHIP, membership(), ["group_ip"]],
  ["DELETE", MEMBERSHIP, membership(), ["group_ip"]],
  ["PUT", STATE, { state: { type: "running" } }, ["state.type"]],
] as const)("%s %s", (method, path, body, strings) => {
  test.each(strings)("without %s is 400 and names it", async (field) => {
    await expectRefused(sled, () => sled.request(method, path, changed(body, field, undefined)), fieldOf(field));
  });

  test.each(strings)("with a %s that is no string is 400 and names it", async (field) => {
    for (const value of WRONG) {
      await expectRefused(sled, () => sled.request(method, path, changed(body, field, value)), fieldOf(field));
    }
  });

  test("ignores an unknown field", async () => {
    expect((await sled.request(method, path, { ...body, comment: "x" })).status).toBeLessThan(300);
  });
});

describe.each([
  ["PUT", FWD, forwarding(), ["next_hops", "next_hops.0.filter.sources"]],
  ["PUT", MEMBERSHIP, membership(), ["sources"]],
  ["DELETE", MEMBERSHIP, membership(), ["sources"]],
] as const)("%s %s", (method, path, body, lists) => {
  test.each(lists)("without %s is 400 and names it", async (field) => {
    await expectRefused(sled, () => sled.request(method, path, changed(body, field, undefined)), fieldOf(field));
  });

  test.each(lists)("with %s that is no list is 400 and names it", async (field) => {
    for (const value of [null, "10.1.1.1", 5, {}, { 0: "10.1.1.1", length: 1 }]) {
      await expectRefused(sled, () => sled.request(method, path, changed(body, field, value)), fieldOf(field));
    }
  });

  test.each(lists)("with a wrong element in %s is 400 and names it", async (field) => {
    for (const value of [null, 5, [], "x"]) {
      await expectRefused(sled, () => sled.request(method, path, changed(body, field, [value])), fieldOf(field));
    }
  });
});

describe("a next hop", () => {
  const put = (change: object) => sled.put(FWD, forwarding({ next_hops: [hop(change)] }));

  test.each(["external", "underlay", "both"])("may be replicated as %s", async (replication) => {
    expectDone(await put({ replication }));
  });

  test.each(["reserved", "External", "BOTH", "all", ""])("replicated as %j is 400", async (replication) => {
    await expectRefused(sled, () => put({ replication }), "replication");
  });

  test.each(["include", "exclude"])("may filter by %s", async (mode) => {
    expectDone(await put({ filter: { mode, sources: ["10.1.1.1"] } }));
  });

  test.each(["Include", "none", ""])("that filters by %j is 400", async (mode) => {
    await expectRefused(sled, () => put({ filter: { mode, sources: [] } }), "mode");
  });

  test("needs a filter that is an object", async () => {
    for (const filter of [undefined, null, "exclude", 5, ["exclude", []]]) {
      await expectRefused(sled, () => put({ filter }), "filter");
    }
  });

  test("as a list of its fields in order is 400", async () => {
    const body = forwarding({ next_hops: [["fd00::aa", "both", { mode: "exclude", sources: [] }]] });
    await expectRefused(sled, () => sled.put(FWD, body), "next_hops[0]");
  });

  test("that is wrong is named by its place", async () => {
    const body = forwarding({ next_hops: [hop(), hop({ replication: "none" })] });
    await expectRefused(sled, () => sled.put(FWD, body), "next_hops[1].replication");
  });

  test("may hold fields that are unknown, also in its filter", async () => {
    expectDone(await put({ vni: 78, filter: { mode: "include", sources: [], comment: "x" } }));
  });

  test("that is wrong keeps the right ones beside it from being set", async () => {
    const good = hop({ next_hop: "fd00::bb" });
    await expectRefused(sled, () => sled.put(FWD, forwarding({ next_hops: [good, hop({ next_hop: "ff04::9" })] })));
  });

  test("need not be there at all: an empty list makes an empty entry", async () => {
    expectDone(await sled.put(FWD, { underlay: "ff04::5", next_hops: [] }));
    expect((await sled.get(FWD)).body).toContainEqual({ underlay: "ff04::5", next_hops: [] });
  });
});

describe("a requested state", () => {
  test.each(["migrating", "Running", "constructor", "toString", ""])("of type %j is 400", async (type) => {
    await expectRefused(sled, () => sled.put(STATE, { state: { type } }), "type");
  });

  test.each([null, "running", ["running"], 5])("of %j is 400 and names the field", async (state) => {
    await expectRefused(sled, () => sled.put(STATE, { state }), "state");
  });

  test("that is missing is 400 and named", async () => {
    await expectRefused(sled, () => sled.put(STATE, {}), "state");
  });

  test.each([
    ["value", { type: "migration_target" }],
    ["value", { type: "migration_target", value: null }],
    ["src_propolis_addr", { type: "migration_target", value: {} }],
    ["src_propolis_addr", { type: "migration_target", value: { src_propolis_addr: 5 } }],
    ["src_propolis_addr", { type: "migration_target", value: { src_propolis_addr: "nowhere" } }],
    ["src_propolis_addr", { type: "migration_target", value: { src_propolis_addr: "fd00::7" } }],
  ])("of a migration needs its %s", async (field, state) => {
    await expectRefused(sled, () => sled.put(STATE, { state }), field);
  });
});
