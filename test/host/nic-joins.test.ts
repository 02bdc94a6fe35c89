/** Joins against a kernel in memory that forgets, refuses and runs out: after it is over, its table is as wanted. */
import { constants } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NicJoins } from "../../src/host/nic-joins.ts";
import type { UnderlayGroup } from "../../src/net/group.ts";
import { FakeNics } from "../harness/nics.ts";

const NICS = ["net0", "net1"];
const group = (n: number) => `ff04::${n.toString(16)}` as UnderlayGroup;
const { EMFILE, ENOMEM } = constants.errno;

async function repaired(joins: NicJoins): Promise<void> {
  for (const drift of await joins.survey()) await joins.mend(drift);
  await joins.retry();
}

describe("joining", () => {
  test("joins on every NIC, and leaving leaves on every NIC", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    await joins.join(group(1));
    expect(NICS.map((nic) => nics.joinedOn(nic))).toEqual([["ff04::1"], ["ff04::1"]]);
    await joins.leave([group(1)]);
    expect(NICS.map((nic) => nics.joinedOn(nic))).toEqual([[], []]);
    expect(nics.openSockets).toBe(0);
  });

  test("joins nowhere where one NIC refuses, and names group, NIC, index and errno", async () => {
    const nics = new FakeNics(["net0", "net1", "net2"]);
    const joins = nics.joins();
    await joins.join(group(1));
    nics.failNext = 1;
    nics.failWith = constants.errno.EACCES;
    await expect(joins.join(group(2))).rejects.toMatchObject({
      kind: "underlay-join-failed",
      nic: "net0",
      message: expect.stringMatching(/^joining underlay group ff04::2 on NIC net0 \(index 2\) failed: EACCES: /),
    });
    expect([...nics.joined]).toEqual(["ff04::1"]);
    for (const nic of nics.names) expect(nics.joinedOn(nic)).toEqual(["ff04::1"]);
    expect(joins.brokenCount).toBe(0);
  });

  test("of a group that is joined does nothing", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    await joins.join(group(1));
    nics.failNext = 1;
    await joins.join(group(1));
    expect(nics.failNext).toBe(1);
  });

  test("takes a NIC that came back under its old index for what it is: not joined", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    await joins.join(group(1));
    nics.unplug("net0");
    nics.plug("net0", 2);
    expect(nics.joinedOn("net0")).toEqual([]);
    await repaired(joins);
    expect(nics.joinedOn("net0")).toEqual(["ff04::1"]);
  });
});

describe("limits of the host", () => {
  test("no descriptor left is said, and nothing is half joined; with one more it joins", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    nics.descriptors = 0;
    await expect(joins.join(group(1))).rejects.toMatchObject({
      kind: "resource-limit",
      message: expect.stringMatching(/ff04::1 on NIC net0 \(index 2\).*EMFILE.*raise/),
    });
    expect(nics.openSockets).toBe(0);
    nics.descriptors = 1;
    await joins.join(group(1));
    expect([...nics.joined]).toEqual(["ff04::1"]);
    expect(EMFILE).toBeGreaterThan(0);
  });

  test("a socket that takes few memberships is met with more sockets", async () => {
    const nics = new FakeNics();
    nics.optmem = 7;
    const joins = nics.joins();
    const all = Array.from({ length: 50 }, (_, i) => group(i + 1));
    expect(await joins.joinWhereCan(all)).toEqual([]);
    expect(nics.joined.size).toBe(50);
    expect(nics.openSockets).toBe(17);
    for (let n = 51; n <= 60; n++) await joins.join(group(n));
    expect(nics.joined.size).toBe(60);
  });

  test("a socket that takes none, or not one for each NIC, is ENOMEM and leaves nothing behind", async () => {
    for (const optmem of [0, 1]) {
      const nics = new FakeNics();
      nics.optmem = optmem;
      const joins = nics.joins();
      await repaired(joins);
      await expect(joins.join(group(1))).rejects.toMatchObject({
        kind: "resource-limit",
        message: expect.stringMatching(/ENOMEM.*optmem_max/),
      });
      expect(nics.openSockets).toBe(0);
      const failures = await joins.joinWhereCan([group(1), group(2), group(3)]);
      expect(failures.reduce((sum, { groups }) => sum + groups, 0)).toBe(3);
      nics.optmem = Number.POSITIVE_INFINITY;
      const retried = await joins.retry();
      expect([...retried.values()].reduce((sum, groups) => sum + groups, 0)).toBe(3);
      expect(nics.joined.size).toBe(3);
    }
    expect(ENOMEM).toBeGreaterThan(0);
  });
});

describe("a look-up of the NICs that fails for want of a descriptor", () => {
  test("is a limit of the host, and no NIC is taken for gone", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    await repaired(joins);
    await joins.join(group(1));
    nics.failLookUps = 1;
    await expect(joins.survey()).rejects.toMatchObject({
      kind: "resource-limit",
      message: expect.stringMatching(/EMFILE/),
    });
    nics.failLookUps = 1;
    await expect(joins.join(group(2))).rejects.toMatchObject({
      kind: "resource-limit",
      message: expect.stringMatching(/ff04::2 on NIC net0 failed: EMFILE/),
    });
    expect([...nics.joined]).toEqual(["ff04::1"]);
    expect(await joins.survey()).toEqual([]);
  });

  test("in the middle of a join leaves nothing behind", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    joins.watch(async () => {});
    await repaired(joins);
    // The join meets an index that is gone, and the look that follows fails.
    nics.unplug("net1", "unseen");
    nics.failLookUps = 1;
    await expect(joins.join(group(1))).rejects.toMatchObject({ kind: "resource-limit" });
    expect(nics.joinedOn("net0")).toEqual([]);
    expect(nics.openSockets).toBe(0);
    await joins.close();
  });

  test("while a NIC is mended leaves its groups broken, and they are joined by a retry", async () => {
    const nics = new FakeNics();
    const joins = nics.joins();
    await repaired(joins);
    await joins.joinWhereCan([group(1), group(2)]);
    nics.unplug("net1");
    nics.plug("net1");
    const [drift] = await joins.survey();
    nics.failLookUps = 1;
    await expect(joins.mend(drift as never)).rejects.toThrow();
    expect(joins.brokenCount).toBe(2);
    expect(joins.states(group(1))[1]).toMatchObject({ joined: false, error: expect.any(String) });
    await repaired(joins);
    expect(joins.brokenCount).toBe(0);
    expect(nics.joinedOn("net1")).toEqual(["ff04::1", "ff04::2"]);
  });
});

test("groups that are left together are left newest first", async () => {
  const nics = new FakeNics(["net0"]);
  const joins = nics.joins();
  const groups = [1, 2, 3, 4].map(group);
  await joins.joinWhereCan(groups);
  await joins.leave(groups);
  expect(nics.left).toEqual([4, 3, 2, 1].map(group));
});

test("one moment's want of memory does not cost descriptors for ever", async () => {
  const nics = new FakeNics();
  const joins = nics.joins();
  await joins.join(group(1));
  nics.failNext = 1;
  nics.failWith = ENOMEM;
  await joins.join(group(2));
  await joins.joinWhereCan(Array.from({ length: 200 }, (_, i) => group(i + 3)));
  expect(nics.joined.size).toBe(202);
  expect(nics.openSockets).toBeLessThanOrEqual(5);
});

describe("a survey", () => {
  test("names the NIC that is gone, the one that came, and the memberships that are lost", async () => {
    const nics = new FakeNics(["net0", "net1", "net2"]);
    const joins = nics.joins();
    await repaired(joins);
    await joins.joinWhereCan([group(1), group(2)]);
    nics.unplug("net0");
    nics.unplug("net1");
    nics.plug("net1");
    nics.forgetMemberships("net2");
    const underlays = [group(1), group(2)];
    const drifts = await joins.survey();
    expect(drifts).toEqual([
      { what: "nic-gone", nic: "net0", before: 2, index: undefined, underlays },
      { what: "nic-returned", nic: "net1", before: 3, index: 5, underlays },
      { what: "filter-lost", nic: "net2", before: 4, index: 4, underlays },
    ]);
    expect(await joins.survey()).toEqual(drifts);
    for (const drift of drifts) expect(await joins.mend(drift)).toBeUndefined();
    expect(await joins.survey()).toEqual([]);
    expect(["net0", "net1", "net2"].map((nic) => nics.joinedOn(nic).length)).toEqual([0, 2, 2]);
    expect(joins.missing).toEqual(["net0"]);
    expect(joins.brokenCount).toBe(2);
    expect(joins.states(group(1))).toEqual([
      {
        name: "net0",
        index: undefined,
        joined: false,
        error: expect.stringMatching(/^joining underlay group ff04::1 on NIC net0 failed: there is no such NIC: /),
      },
      { name: "net1", index: 5, joined: true },
      { name: "net2", index: 4, joined: true },
    ]);
  });
});

type Event =
  | { readonly what: "join" | "hold" | "leave"; readonly n: number }
  | { readonly what: "unplug" | "plug" | "forget"; readonly nic: string; readonly same: boolean }
  | { readonly what: "fail" | "optmem" | "descriptors"; readonly times: number }
  | { readonly what: "repair" };

const n = fc.integer({ min: 1, max: 12 });
const nic = fc.constantFrom(...NICS);
const events: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ what: fc.constantFrom("join" as const, "hold" as const, "leave" as const), n }),
  fc.record({ what: fc.constantFrom("unplug" as const, "plug" as const, "forget" as const), nic, same: fc.boolean() }),
  fc.record({
    what: fc.constantFrom("fail" as const, "optmem" as const, "descriptors" as const),
    times: fc.integer({ min: 0, max: 6 }),
  }),
  fc.constant({ what: "repair" as const }),
);

test("after any events the NICs have what is wanted, once nothing stands against it", async () => {
  const runs = Number(process.env.SLEDCAST_RUNS ?? 300);
  await fc.assert(
    fc.asyncProperty(fc.array(events, { maxLength: 40 }), async (all) => {
      const nics = new FakeNics(NICS);
      const joins = nics.joins();
      const wanted = new Set<UnderlayGroup>();
      const indexes = new Map(NICS.map((name, i) => [name, i + 2]));
      for (const event of all) await play(event, nics, joins, wanted, indexes);
      nics.failNext = 0;
      nics.optmem = Number.POSITIVE_INFINITY;
      nics.descriptors = Number.POSITIVE_INFINITY;
      for (const name of NICS) if (!indexes.has(name)) nics.plug(name);
      await repaired(joins);
      for (const name of NICS) expect(nics.joinedOn(name)).toEqual([...wanted].sort());
      expect(joins.brokenCount).toBe(0);
      expect(nics.openSockets).toBeLessThanOrEqual(wanted.size);
      await joins.leave([...wanted]);
      expect(nics.openSockets).toBe(0);
    }),
    { numRuns: runs },
  );
});

async function play(
  event: Event,
  nics: FakeNics,
  joins: NicJoins,
  wanted: Set<UnderlayGroup>,
  indexes: Map<string, number>,
): Promise<void> {
  switch (event.what) {
    case "join":
      await joins.join(group(event.n)).then(
        () => void wanted.add(group(event.n)),
        () => {},
      );
      return;
    case "hold":
      await joins.joinWhereCan([group(event.n), group(event.n + 1)]);
      for (const one of [event.n, event.n + 1]) wanted.add(group(one));
      return;
    case "leave":
      await joins.leave([group(event.n)]);
      wanted.delete(group(event.n));
      return;
    case "unplug":
      nics.unplug(event.nic);
      indexes.delete(event.nic);
      return;
    case "plug": {
      if (indexes.has(event.nic)) return;
      const before = NICS.indexOf(event.nic) + 2;
      if (event.same) nics.plug(event.nic, before);
      else nics.plug(event.nic);
      indexes.set(event.nic, before);
      return;
    }
    case "forget":
      nics.forgetMemberships(event.nic);
      return;
    case "fail":
      nics.failNext = event.times;
      return;
    case "optmem":
      nics.optmem = event.times;
      return;
    case "descriptors":
      nics.descriptors = event.times;
      return;
    case "repair":
      await repaired(joins);
      return;
  }
}
