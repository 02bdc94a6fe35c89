/** NICs that are missing, go, come back, refuse, or lose what was joined: what a client and an operator see of it. */
import { constants } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { DriverModel } from "../../src/opte/model/model.ts";
import { FakeNics } from "../harness/nics.ts";
import { propolis } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

const VM1 = propolis(1);

let sled: Sled;
afterEach(() => sled.close());

async function start(options: SledOptions = {}): Promise<void> {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] }, ...options });
}

/** Joined groups by NIC. */
const joined = () => Object.fromEntries(sled.nics.names.map((nic) => [nic, sled.nics.joinedOn(nic)]));
const filters = async () => (await sled.get("/networking/mcast-filters")).body as object[];
const degraded = () => sled.agent.status().degraded.map(({ thing, subject }) => `${thing} ${subject}`);
const about = (nic: string) => sled.log.records.filter(({ fields }) => JSON.stringify(fields).includes(`"${nic}"`));

async function audit(): Promise<object[]> {
  return ((await sled.request("POST", "/multicast/audit")).body as { findings: object[] }).findings;
}

/** As after a restart, with a mapping in the driver and a NIC missing. */
async function startWithoutNet1(): Promise<void> {
  const model = new DriverModel();
  await model.call("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" } as never);
  const nics = new FakeNics();
  nics.unplug("net1");
  sled = await Sled.over(model, { nics });
}

describe("a NIC that is missing at start", () => {
  test("leaves the agent ready, and says in every place what is degraded", async () => {
    await startWithoutNet1();
    const ready = await sled.get("/readyz");
    expect(ready.status).toBe(200);
    expect(ready.body).toMatchObject({ degraded: [{ thing: "nic", subject: "net1" }, { thing: "filter" }] });
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
    expect(await filters()).toEqual([
      {
        underlay: "ff04::1",
        holders: ["239.1.1.1"],
        nics: [
          { name: "net0", index: 2, joined: true },
          { name: "net1", index: null, joined: false, error: expect.stringContaining("there is no such NIC") },
        ],
      },
    ]);
    expect(degraded()).toEqual(["nic net1", "filter ff04::1"]);
    const { text } = await sled.get("/metrics");
    expect(text).toMatch(/^sledcast_filters_degraded 1$/m);
    expect(text).toMatch(/^sledcast_nics_missing 1$/m);
    expect(about("net1").map(({ level }) => level)).toEqual(["warn", "warn"]);
  });

  test("is joined when it comes, without a request, and nothing is degraded any more", async () => {
    await startWithoutNet1();
    sled.nics.plug("net1");
    await expect.poll(degraded, { timeout: 5000 }).toEqual([]);
    expect(joined()).toEqual({ net0: ["ff04::1"], net1: ["ff04::1"] });
  });
});

test("ten thousand groups on a missing NIC are one line in the log and a hundred in the status", async () => {
  const model = new DriverModel();
  for (let i = 0; i < 10_000; i++) {
    const [high, low] = [i >> 8, i & 255];
    await model.call("SetMcast2Phys", {
      group: `239.1.${high}.${low}`,
      underlay: `ff04::${(i + 1).toString(16)}`,
    } as never);
  }
  const nics = new FakeNics();
  nics.unplug("net1");
  sled = await Sled.over(model, { nics });
  expect(nics.joinedOn("net0")).toHaveLength(10_000);
  expect(nics.openSockets).toBeLessThanOrEqual(400);
  expect(about("net1")).toMatchObject([{ level: "warn" }, { level: "warn", fields: { nic: "net1", groups: 10_000 } }]);
  expect(sled.agent.status().counts).toMatchObject({ filters_degraded: 10_000, nics_missing: 1 });
  const listed = sled.agent.status().degraded;
  expect(listed).toHaveLength(102);
  expect(listed.at(-1)).toMatchObject({ reason: "and 9900 more underlay groups" });
});

describe("a NIC that goes away", () => {
  test("leaves the other joined, is degraded, and is one line in the log; back under another index it is joined again", async () => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.log.records.length = 0;
    sled.nics.unplug("net0");
    await expect.poll(degraded, { timeout: 5000 }).toEqual(["nic net0", "filter ff04::1"]);
    expect(joined()).toEqual({ net0: [], net1: ["ff04::1"] });
    expect(about("net0")).toMatchObject([{ level: "warn", fields: { nic: "net0", before: "2", groups: "1" } }]);
    sled.log.records.length = 0;
    sled.nics.plug("net0");
    await expect.poll(degraded, { timeout: 5000 }).toEqual([]);
    expect(joined()).toEqual({ net0: ["ff04::1"], net1: ["ff04::1"] });
    expect(about("net0")).toMatchObject([{ level: "info", fields: { nic: "net0", index: "4", groups: "1" } }]);
  });

  test("makes a set 503 that names group and NIC and changes nothing; with the NIC it succeeds", async () => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.unplug("net1");
    const answer = await sled.setMapping("239.1.1.1", "ff04::2");
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({
      error_code: "UNDERLAY_JOIN_FAILED",
      message: expect.stringMatching(/ff04::2 on NIC net1 failed: there is no such NIC/),
    });
    expect(sled.mappings).toEqual({ "239.1.1.1": "ff04::1" });
    expect(joined()).toEqual({ net0: ["ff04::1"], net1: [] });
    sled.nics.plug("net1");
    expect((await sled.setMapping("239.1.1.1", "ff04::2")).status).toBe(204);
    expect(joined()).toEqual({ net0: ["ff04::2"], net1: ["ff04::2"] });
  });

  test("does not keep a group from being cleared", async () => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.unplug("net0");
    expect((await sled.clearMapping("239.1.1.1", "ff04::1")).status).toBe(204);
    expect(joined()).toEqual({ net0: [], net1: [] });
    expect(await filters()).toEqual([]);
    expect(sled.nics.openSockets).toBe(0);
  });
});

describe("a limit of the host", () => {
  test("is 503 RESOURCE_LIMIT that names it, with nothing half joined; a retry succeeds once it is gone", async () => {
    await start();
    sled.nics.descriptors = 0;
    const answer = await sled.setMapping("239.1.1.1", "ff04::1");
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({
      error_code: "RESOURCE_LIMIT",
      message: expect.stringMatching(/ff04::1 on NIC net0 \(index 2\) failed: EMFILE: .*raise/),
    });
    expect(joined()).toEqual({ net0: [], net1: [] });
    expect(sled.mappings).toEqual({});
    sled.nics.descriptors = 1;
    expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  });
});

describe("memberships that the kernel lost", () => {
  async function loseOnNet0(options: SledOptions = {}): Promise<void> {
    await start(options);
    await sled.setMapping("239.1.1.1", "ff04::1");
    await sled.setMapping("239.1.1.2", "ff04::2");
    sled.nics.forgetMemberships("net0");
  }
  const lost = { what: "filter-lost", subject: { nic: "net0", before: "2", index: "2", groups: "2" } };

  test("are found and joined again by the audit, which counts them as drift", async () => {
    await loseOnNet0();
    expect(await audit()).toEqual([{ ...lost, repaired: true }]);
    expect(joined()).toEqual({ net0: ["ff04::1", "ff04::2"], net1: ["ff04::1", "ff04::2"] });
    expect(await audit()).toEqual([]);
    const { text } = await sled.get("/metrics");
    expect(text).toMatch(/^sledcast_audit_findings_total\{what="filter-lost",repaired="true"\} 1$/m);
  });

  test("are only reported in observe mode", async () => {
    await loseOnNet0({ auditMode: "observe" });
    expect(await audit()).toEqual([{ ...lost, repaired: false }]);
    expect(joined()).toEqual({ net0: [], net1: ["ff04::1", "ff04::2"] });
  });

  test("that cannot be joined again are a finding that says why, and are retried", async () => {
    await loseOnNet0();
    sled.nics.failNext = 4;
    sled.nics.failWith = constants.errno.ENODEV;
    expect(await audit()).toMatchObject([
      { what: "filter-lost", repaired: false, error: expect.stringMatching(/ENODEV/) },
    ]);
    await expect.poll(degraded, { timeout: 5000 }).toEqual([]);
    expect(joined()).toEqual({ net0: ["ff04::1", "ff04::2"], net1: ["ff04::1", "ff04::2"] });
  });
});

describe("a change of NICs that could not be looked at", () => {
  const bothJoined = { net0: ["ff04::1"], net1: ["ff04::1"] };
  async function replaceNet1(): Promise<void> {
    sled.nics.unplug("net1");
    sled.nics.plug("net1");
  }

  test("is degraded until it was, and looked at again without a request", async () => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.failLookUps = 1;
    await replaceNet1();
    await expect.poll(degraded, { timeout: 5000 }).toEqual(["nic all"]);
    await expect.poll(joined, { timeout: 5000 }).toEqual(bothJoined);
    await expect.poll(degraded, { timeout: 5000 }).toEqual([]);
  });

  test("since the kernel's table could not be read is looked at again", async () => {
    await start();
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.failTables = 1;
    await replaceNet1();
    await expect.poll(joined, { timeout: 5000 }).toEqual(bothJoined);
    await expect.poll(degraded, { timeout: 5000 }).toEqual([]);
  });

  test("since the lane was full is looked at when there is room", async () => {
    await start({ laneCapacity: 1 });
    await sled.setMapping("239.1.1.1", "ff04::1");
    const letGo = sled.hold("SetMcast2Phys");
    const busy = [1, 2].map((n) => sled.setMapping("239.1.1.1", `ff04::${n}`));
    await expect.poll(() => sled.agent.status().lane.waiting).toBe(1);
    await replaceNet1();
    await expect
      .poll(() => sled.log.records.map(({ message }) => message).join("\n"))
      .toContain("could not be looked into");
    letGo();
    await Promise.all(busy);
    await expect.poll(joined, { timeout: 5000 }).toEqual({ net0: ["ff04::2"], net1: ["ff04::2"] });
  });
});

test("a mapping table that others emptied is left newest first", async () => {
  await start();
  for (const n of [1, 2, 3, 4]) await sled.setMapping(`239.1.1.${n}`, `ff04::${n}`);
  for (const n of [1, 2, 3, 4]) {
    await sled.model.call("ClearMcast2Phys", { group: `239.1.1.${n}`, underlay: `ff04::${n}` } as never);
  }
  await audit();
  expect([...new Set(sled.nics.left)]).toEqual(["ff04::4", "ff04::3", "ff04::2", "ff04::1"]);
});

test("mappings taken up while a NIC is missing are one line about it", async () => {
  await start();
  sled.nics.unplug("net1");
  await expect.poll(degraded, { timeout: 5000 }).toEqual(["nic net1"]);
  sled.log.records.length = 0;
  for (let n = 1; n < 100; n++) {
    await sled.model.call("SetMcast2Phys", { group: `239.1.1.${n}`, underlay: `ff04::${n}` } as never);
  }
  await sled.get("/networking/mcast-m2p");
  expect(about("net1")).toMatchObject([{ level: "warn", fields: { groups: 99 } }]);
});

test("a NIC that changes while the start is under way is joined all the same", async () => {
  const model = new DriverModel();
  await model.call("SetMcast2Phys", { group: "239.1.1.1", underlay: "ff04::1" } as never);
  const nics = new FakeNics();
  sled = await Sled.over(model, { nics, awaitStart: false });
  // The start has looked at the NICs, and joined nothing yet.
  nics.unplug("net1");
  nics.plug("net1");
  await expect.poll(() => nics.joinedOn("net1"), { timeout: 5000 }).toEqual(["ff04::1"]);
  await expect.poll(degraded, { timeout: 5000 }).toEqual([]);
});

describe("observe mode", () => {
  test("looks once for each change, and says in every place what is not joined", async () => {
    await start({ auditMode: "observe" });
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.failNext = 0;
    sled.nics.unplug("net0");
    sled.nics.plug("net0");
    const said = () => about("net0").filter(({ fields }) => fields.drift !== undefined);
    await expect.poll(() => said().length, { timeout: 5000 }).toBe(1);
    expect(degraded()).toEqual(["filter ff04::1"]);
    expect(sled.agent.status().counts).toMatchObject({ filters_degraded: 1 });
    expect((await sled.get("/readyz")).text).toContain("joined under index 2, which is gone");
    await sled.agent.repair();
    expect(said()).toHaveLength(1);
  });

  test("reports a NIC that came back under another index and does not touch it", async () => {
    await start({ auditMode: "observe" });
    await sled.setMapping("239.1.1.1", "ff04::1");
    sled.nics.unplug("net0");
    sled.nics.plug("net0");
    expect(await audit()).toMatchObject([
      { what: "nic-returned", subject: { nic: "net0", before: "2", index: "4" }, repaired: false },
    ]);
    expect(joined()).toEqual({ net0: [], net1: ["ff04::1"] });
    expect(await filters()).toMatchObject([{ nics: [{ joined: false, error: expect.any(String) }, { joined: true }] }]);
  });
});

test("row 9: a repeated set joins a NIC that came back under another index", async () => {
  await start({ auditMode: "observe" });
  await sled.setMapping("239.1.1.1", "ff04::1");
  sled.nics.unplug("net0");
  sled.nics.plug("net0");
  expect((await sled.setMapping("239.1.1.1", "ff04::1")).status).toBe(204);
  expect(joined()).toEqual({ net0: ["ff04::1"], net1: ["ff04::1"] });
});

test("a member's join does not wait for a NIC where mappings hold the filters", async () => {
  await start();
  await sled.adopt(VM1, "guest0");
  await sled.setMapping("239.1.1.1", "ff04::1");
  sled.nics.unplug("net0");
  expect((await sled.join(VM1, "239.1.1.1")).status).toBe(204);
  expect(sled.subscriptions).toEqual({ "ff04::1": { guest0: "exclude()" } });
});
