/** Which addresses may be groups, underlay groups, sources and next hops: product.md, "What the client got wrong". */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, PROPOLIS, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { expectDone, expectRefused } from "./expect.ts";
import { FWD, forwarding, hop, M2P, MEMBERSHIP, membership, populatedSled } from "./populated.ts";

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

const putFilter = (mode: string, sources: readonly string[]) =>
  sled.put(FWD, { underlay: "ff04::7", next_hops: [hop({ filter: { mode, sources } })] });
const register = (group: object) =>
  sled.put(`/vmms/${propolis(2)}`, ensureBody({ nics: [], multicast_groups: [group] }));
const ipv4 = (n: number) => `10.2.${n >> 8}.${n & 255}`;
const some = (count: number, of: (n: number) => string = ipv4) => Array.from({ length: count }, (_, i) => of(i + 1));

describe("a group", () => {
  test.each([
    "10.0.0.1",
    "0.0.0.0",
    "127.0.0.1",
    "223.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "fd00::1",
    "fe80::1",
    "feff::1",
    "::ffff:239.1.1.1",
  ])("that is not multicast is refused: %s", async (group) => {
    await expectRefused(sled, () => sled.put(M2P, { group, underlay: "ff04::1" }), "group");
    await expectRefused(sled, () => sled.delete(M2P, { group, underlay: "ff04::1" }), "group");
    await expectRefused(sled, () => sled.put(MEMBERSHIP, membership({ group_ip: group })), "group_ip");
    await expectRefused(sled, () => sled.delete(MEMBERSHIP, membership({ group_ip: group })), "group_ip");
    await expectRefused(sled, () => register(membership({ group_ip: group })), "group_ip");
  });

  test.each(["ff04::", "ff04::1", "ff04:1::1", "ff04:ffff:ffff:ffff:ffff:ffff:ffff:ffff"])(
    "that is an underlay group itself is refused: %s",
    async (group) => {
      await expectRefused(sled, () => sled.put(M2P, { group, underlay: "ff04::1" }), "group");
      await expectRefused(sled, () => sled.delete(M2P, { group, underlay: "ff04::1" }), "group");
      await expectRefused(sled, () => sled.put(MEMBERSHIP, membership({ group_ip: group })), "group_ip");
      await expectRefused(sled, () => sled.delete(MEMBERSHIP, membership({ group_ip: group })), "group_ip");
      await expectRefused(sled, () => register(membership({ group_ip: group })), "group_ip");
    },
  );

  test.each([
    "224.0.0.0",
    "224.0.0.1",
    "232.1.1.1",
    "239.255.255.255",
    "ff00::",
    "ff02::1",
    "ff05::1",
    "ff14::1",
    "ff3e::1",
  ])("may be any other multicast address: %s", async (group) => {
    expectDone(await sled.setMapping(group, "ff04::9"));
    expectDone(await sled.join(PROPOLIS, group));
    expectDone(await sled.leave(PROPOLIS, group));
    expectDone(await sled.clearMapping(group, "ff04::9"));
  });
});

describe("an underlay group", () => {
  test.each(["ff03::1", "ff05::1", "ff14::1", "ff3e::1", "fd00::1", "::", "::1", "fe80::1", "::ffff:239.1.1.1"])(
    "outside ff04::/16 is refused: %s",
    async (underlay) => {
      await expectRefused(sled, () => sled.put(M2P, { group: "239.1.1.1", underlay }), "underlay");
      await expectRefused(sled, () => sled.delete(M2P, { group: "239.1.1.1", underlay }), "underlay");
      await expectRefused(sled, () => sled.put(FWD, forwarding({ underlay })), "underlay");
      await expectRefused(sled, () => sled.delete(FWD, { underlay }), "underlay");
    },
  );

  test.each(["ff04::", "ff04:0:0:1::1", "ff04:ffff:ffff:ffff:ffff:ffff:ffff:ffff"])(
    "may lie anywhere in ff04::/16: %s",
    async (underlay) => {
      expectDone(await sled.setMapping("239.8.8.8", underlay));
      expectDone(await sled.put(FWD, forwarding({ underlay })));
      expectDone(await sled.delete(FWD, { underlay }));
      expectDone(await sled.clearMapping("239.8.8.8", underlay));
    },
  );
});

describe("a source", () => {
  const NOT_IPV4 = ["224.0.0.1", "239.1.1.1", "0.0.0.0", "127.0.0.1", "127.255.0.1", "255.255.255.255", "169.254.1.1"];
  const NOT_IPV6 = ["ff02::1", "ff04::1", "::", "::1", "fe80::1", "febf::1"];

  test.each(NOT_IPV4)("that no packet can come from is refused: %s", async (source) => {
    const sources = ["10.1.1.1", source];
    await expectRefused(sled, () => sled.put(MEMBERSHIP, membership({ sources })), "sources[1]");
    await expectRefused(sled, () => register(membership({ sources })), "sources[1]");
    await expectRefused(sled, () => putFilter("include", sources), "sources[1]");
    await expectRefused(sled, () => putFilter("exclude", sources), "sources[1]");
  });

  test.each(NOT_IPV6)("that no packet can come from is refused: %s", async (source) => {
    const body = membership({ group_ip: "ff0e::1", sources: ["fd00::1", source] });
    await expectRefused(sled, () => sled.put(MEMBERSHIP, body), "sources[1]");
    await expectRefused(sled, () => register(body), "sources[1]");
    await expectRefused(sled, () => putFilter("include", ["fd00::1", source]), "sources[1]");
  });

  test.each([
    ["239.1.1.1", "fd00::1"],
    ["239.1.1.1", "::ffff:10.1.1.1"],
    ["ff0e::1", "10.1.1.1"],
  ])("of a member has its group's family: %s refuses %s", async (group, source) => {
    const body = membership({ group_ip: group, sources: [source] });
    await expectRefused(sled, () => sled.put(MEMBERSHIP, body), "sources[0]");
    await expectRefused(sled, () => register(body), "sources[0]");
  });

  test("of a forwarding filter may have either family, beside the other", async () => {
    expectDone(await putFilter("include", ["10.1.1.1", "fd00::1", "::ffff:10.1.1.1"]));
  });

  test.each(["10.1.1.1", "1.0.0.0", "169.253.255.255", "128.0.0.1", "240.0.0.1", "255.255.255.254"])(
    "may be any other IPv4 address: %s",
    async (source) => {
      expectDone(await sled.join(PROPOLIS, "239.1.1.1", source));
      expectDone(await putFilter("exclude", [source]));
    },
  );

  test("that comes twice is folded, in a membership and in a filter", async () => {
    expectDone(await sled.join(PROPOLIS, "239.1.1.1", "10.2.2.2", "10.1.1.1", "10.2.2.2"));
    expect(sled.subscriptions).toEqual({ "ff04::1": { opte0: "include(10.1.1.1,10.2.2.2)" } });
    expectDone(await putFilter("include", ["10.1.1.1", "10.1.1.1"]));
    const next = hop({ filter: { mode: "include", sources: ["10.1.1.1"] } });
    expect((await sled.get(FWD)).body).toContainEqual({ underlay: "ff04::7", next_hops: [next] });
  });

  test("is required of who leaves, and does not matter", async () => {
    for (const sources of [["224.0.0.1"], ["fd00::1"], some(33)]) {
      expectDone(await sled.put(MEMBERSHIP, membership()));
      expectDone(await sled.delete(MEMBERSHIP, membership({ sources })));
      expect(sled.subscriptions).toEqual({});
    }
  });
});

describe("a list of sources", () => {
  test("of a member may have 32, and not 33", async () => {
    expectDone(await sled.put(MEMBERSHIP, membership({ sources: some(32) })));
    await expectRefused(sled, () => sled.put(MEMBERSHIP, membership({ sources: some(33) })), "sources");
    await expectRefused(sled, () => register(membership({ sources: some(33) })), "sources");
    expect((await register(membership({ sources: some(32) }))).status).toBe(200);
  });

  test("of a forwarding filter may have 256, and not 257", async () => {
    expectDone(await putFilter("include", some(256)));
    await expectRefused(sled, () => putFilter("include", some(257)), "sources");
    await expectRefused(sled, () => putFilter("exclude", some(257)), "sources");
  });

  test("is counted without what comes twice", async () => {
    expectDone(await sled.put(MEMBERSHIP, membership({ sources: [...some(32), ...some(32)] })));
    expectDone(await putFilter("include", [...some(256), ...some(256)]));
  });
});

describe("a next hop", () => {
  const put = (next: string) => sled.put(FWD, { underlay: "ff04::7", next_hops: [hop(), hop({ next_hop: next })] });

  test.each(["ff04::1", "ff02::1", "ff0e::1", "::", "::1", "fe80::1", "febf:ffff::1"])(
    "to which nothing can be sent is refused: %s",
    async (next) => {
      await expectRefused(sled, () => put(next), "next_hops[1].next_hop");
    },
  );

  test.each(["fd00::1", "2001:db8::1", "fec0::1", "::2", "::ffff:10.0.0.1"])("may be unicast: %s", async (next) => {
    expectDone(await put(next));
  });
});
