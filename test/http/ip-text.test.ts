/** Addresses as text: sled-agent-api.md §3.6. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROPOLIS } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { expectDone, expectRefused } from "./expect.ts";
import { FWD, forwarding, hop, M2P, MEMBERSHIP, membership, populatedSled } from "./populated.ts";

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled();
});
afterEach(() => sled.close());

const NOT_IPV4 = [
  "239.01.1.1",
  "239.1.1.01",
  "0xEF.1.1.1",
  "239.1.1",
  "239.1.1.1.1",
  "256.1.1.1",
  "239.1.1.-1",
  "239.1.1.+1",
  "239.1.1.",
  "239..1.1",
  "4009820417",
  "239.1.1.1/32",
  "239.1.1.1:80",
  " 239.1.1.1",
  "239.1.1.1 ",
  "239.1.1.1\n",
  "239.1.1.١",
  "group",
  "",
];
const NOT_IPV6 = [
  "ff02::1%eth0",
  "ff04::1%0",
  "[ff04::1]",
  "ff04::1/128",
  " ff04::1",
  "ff04::1 ",
  "ff04::1\n",
  "ff04::00001",
  "ff04::g",
  "ff04:1",
  "ff04::1::2",
  "ff04:::1",
  ":ff04::1",
  "ff04::1:",
  ":",
  "ff04:0:0:0:0:0:0:0:1",
  "ff04:0:0:0:0:0:0::0:1",
  "ff04::224.1.1",
  "ff04::224.01.1.1",
  "ff04::224.1.1.256",
  "ff04::224.1.1.1:1",
  "224.1.1.1::ff04",
];

describe.each([...NOT_IPV4, ...NOT_IPV6])("%j is no address", (text) => {
  test("where a group is asked for", async () => {
    await expectRefused(sled, () => sled.put(M2P, { group: text, underlay: "ff04::1" }), "group");
    await expectRefused(sled, () => sled.delete(M2P, { group: text, underlay: "ff04::1" }), "group");
    await expectRefused(sled, () => sled.put(MEMBERSHIP, membership({ group_ip: text })), "group_ip");
    await expectRefused(sled, () => sled.delete(MEMBERSHIP, membership({ group_ip: text })), "group_ip");
  });

  test("where an underlay group is asked for", async () => {
    await expectRefused(sled, () => sled.put(M2P, { group: "239.1.1.1", underlay: text }), "underlay");
    await expectRefused(sled, () => sled.delete(M2P, { group: "239.1.1.1", underlay: text }), "underlay");
    await expectRefused(sled, () => sled.put(FWD, forwarding({ underlay: text })), "underlay");
    await expectRefused(sled, () => sled.delete(FWD, { underlay: text }), "underlay");
  });

  test("where a source or a next hop is asked for", async () => {
    const filter = { mode: "include", sources: ["10.1.1.1", text] };
    await expectRefused(sled, () => sled.put(MEMBERSHIP, membership({ sources: ["10.1.1.1", text] })), "sources[1]");
    await expectRefused(sled, () => sled.delete(MEMBERSHIP, membership({ sources: [text] })), "sources[0]");
    await expectRefused(sled, () => sled.put(FWD, forwarding({ next_hops: [hop({ filter })] })), "sources[1]");
    await expectRefused(sled, () => sled.put(FWD, forwarding({ next_hops: [hop({ next_hop: text })] })), "next_hop");
  });
});

test("an IPv4 address is no underlay group and no next hop", async () => {
  await expectRefused(sled, () => sled.put(M2P, { group: "239.1.1.1", underlay: "239.1.1.1" }), "underlay");
  await expectRefused(sled, () => sled.delete(FWD, { underlay: "239.1.1.1" }), "underlay");
  await expectRefused(
    sled,
    () => sled.put(FWD, forwarding({ next_hops: [hop({ next_hop: "10.0.0.1" })] })),
    "next_hop",
  );
});

describe("an address is printed in its one canonical form:", () => {
  test.each([
    ["FF04::1", "ff04::1"],
    ["ff04:0:0:1:0:0:0:1", "ff04:0:0:1::1"],
    ["ff04:0:0:0:0:0:0:1", "ff04::1"],
    ["ff04::00ab", "ff04::ab"],
    ["ff04::224.1.1.1", "ff04::e001:101"],
    ["ff04:1:0:0:2:0:0:3", "ff04:1::2:0:0:3"],
    ["ff04:1:2:0:3:4:5:6", "ff04:1:2:0:3:4:5:6"],
    ["ff04::", "ff04::"],
  ])("underlay group %s is %s", async (text, printed) => {
    expectDone(await sled.put(M2P, { group: "239.3.3.3", underlay: text }));
    expect((await sled.get(M2P)).body).toContainEqual({ group: "239.3.3.3", underlay: printed });
  });

  test.each([
    ["FF0E::ABCD", "ff0e::abcd"],
    ["ff0e:0:0:0:0:0:0:0", "ff0e::"],
    ["ff0e::239.1.1.1", "ff0e::ef01:101"],
    ["239.4.4.4", "239.4.4.4"],
  ])("group %s is %s", async (text, printed) => {
    expectDone(await sled.put(MEMBERSHIP, membership({ group_ip: text })));
    expect(await sled.memberships(PROPOLIS)).toHaveProperty([printed]);
  });

  test.each([
    ["::FFFF:10.1.1.1", "::ffff:10.1.1.1"],
    ["::ffff:a01:101", "::ffff:10.1.1.1"],
    ["FD00:0:0:0:0:0:0:AA", "fd00::aa"],
    ["::10.1.1.1", "::a01:101"],
    ["10.1.1.1", "10.1.1.1"],
  ])("source %s is %s", async (text, printed) => {
    const next = hop({ filter: { mode: "include", sources: [text] } });
    expectDone(await sled.put(FWD, { underlay: "ff04::7", next_hops: [next] }));
    const entry = { underlay: "ff04::7", next_hops: [hop({ filter: { mode: "include", sources: [printed] } })] };
    expect((await sled.get(FWD)).body).toContainEqual(entry);
  });

  test("the same group in two forms is one", async () => {
    expectDone(await sled.setMapping("ff0e::0001", "FF04::5"));
    expectDone(await sled.setMapping("FF0E:0::1", "ff04::6"));
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1", "ff0e::1": "ff04::6" });
  });
});

test("an IPv4 group in IPv6 form is no multicast address", async () => {
  for (const group of ["::ffff:239.1.1.1", "::ffff:ef01:101", "::239.1.1.1"]) {
    await expectRefused(sled, () => sled.put(M2P, { group, underlay: "ff04::1" }), "group");
  }
});
