/** Row 9 of the original's weaknesses: NICs change under a running agent, and nobody but its watch can tell it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { NicAgent, TRIED } from "./agent.ts";
import { joinsOf, NicHost, OBSTACLE, SOON } from "./host.ts";

const BOTH = ["u0", "u1"];
const UNDERLAYS = ["ff04::1", "ff04::2", "ff04::3"];
const IPV6_OFF = "/proc/sys/net/ipv6/conf/u1/disable_ipv6";

describe.skipIf(OBSTACLE !== undefined).each(TRIED)("NICs that change, as %s sees them", (binding) => {
  /** The addon is told of every change by the kernel; koffi compares names and indexes from time to time. */
  const seesAll = binding === "addon";
  let host: NicHost;
  let agent: NicAgent;
  /** Lines about u1 before the test. */
  let linesBefore: number;

  beforeAll(async () => {
    host = await NicHost.withNics(...BOTH);
    agent = await NicAgent.ready(host, { binding, args: ["--audit-interval", "0"] });
    for (const [n, underlay] of UNDERLAYS.entries()) await agent.map(`239.1.1.${n}`, underlay);
  });
  afterAll(async () => {
    await agent?.stop();
    await host?.close();
  });

  beforeEach(async () => {
    // What the test before left is not this one's matter.
    await agent.audit();
    await vi.waitFor(allIsWell, SOON);
    linesBefore = agent.said("u1").length;
  });
  afterEach(() => host.restoreNics(...BOTH));

  const lines = () => agent.said("u1").length - linesBefore;

  async function allIsWell(): Promise<void> {
    expect(await agent.degraded()).toEqual([]);
    expect(host.joins()).toEqual(joinsOf(BOTH, UNDERLAYS));
    for (const underlay of UNDERLAYS) expect(await agent.joinedBy(underlay)).toEqual({ u0: true, u1: true });
  }

  async function isMissing(nic: string): Promise<void> {
    const expected = [`nic ${nic}`, ...UNDERLAYS.map((underlay) => `filter ${underlay}`)].sort();
    await expect.poll(() => agent.troubles(), SOON).toEqual(expected);
    for (const { nics } of await agent.filters()) {
      expect(nics.find(({ name }) => name === nic)).toMatchObject({
        joined: false,
        error: expect.stringMatching(/./),
      });
    }
    const others = BOTH.filter((one) => one !== nic);
    expect(host.joins()).toEqual(joinsOf(others, UNDERLAYS));
  }

  /** It came back as it was, and one line was said of each of these changes. */
  async function isBack(changes: number): Promise<void> {
    await vi.waitFor(allIsWell, SOON);
    await wereSaid(changes);
    expect(await agent.audit()).toEqual([]);
    expect(lines()).toBe(changes);
  }

  /** The log can be later than an answer. */
  const wereSaid = (changes: number) => expect.poll(lines, SOON).toBe(changes);

  test("a NIC that is deleted is missing; one of its name, of another index, is joined", async () => {
    const index = await host.indexOf("u1");
    await host.removeNic("u1");
    await isMissing("u1");
    await wereSaid(1);
    await host.addNic("u1");
    await isBack(2);
    expect(await host.indexOf("u1")).not.toBe(index);
    expect((await agent.filters())[0]?.nics[1]).toMatchObject({ name: "u1", index: await host.indexOf("u1") });
  });

  test("a NIC that is replaced at once by one of another index is joined", async () => {
    await host.replaceNic("u1");
    await vi.waitFor(allIsWell, SOON);
  });

  test("a NIC of the same name and the same index is a new one all the same, and is joined", async () => {
    const index = await host.indexOf("u1");
    await host.removeNic("u1");
    await isMissing("u1");
    await host.addNic("u1", index);
    await isBack(2);
  });

  test.runIf(seesAll)("a NIC that is replaced at once by one of the same index is joined", async () => {
    await host.replaceNic("u1", await host.indexOf("u1"));
    await host.hasJoined(BOTH, ...UNDERLAYS);
  });

  test("a group that is cleared and set after its NIC was replaced by one of the same index is joined", async () => {
    await host.replaceNic("u1", await host.indexOf("u1"));
    await agent.unmap("239.1.1.0", "ff04::1");
    expect((await agent.map("239.1.1.0", "ff04::1")).status).toBe(204);
    expect(host.joins()).toEqual(expect.arrayContaining(["u0 ff04::1", "u1 ff04::1"]));
  });

  test.skipIf(seesAll)("a NIC that is replaced at once by one of the same index is joined by an audit", async () => {
    await host.replaceNic("u1", await host.indexOf("u1"));
    await agent.audit();
    await host.hasJoined(BOTH, ...UNDERLAYS);
  });

  test("a NIC that is renamed away is missing and has left; renamed back, it is joined", async () => {
    await host.rename("u1", "x1");
    await isMissing("u1");
    await wereSaid(1);
    await host.rename("x1", "u1");
    await isBack(2);
  });

  test("another NIC that takes the name is joined, and the one that had it is not", async () => {
    await host.rename("u1", "x1");
    await host.addNic("u1", 4001);
    await host.hasJoined(BOTH, ...UNDERLAYS);
    await host.removeNic("x1");
    await host.hasJoined(BOTH, ...UNDERLAYS);
  });

  test("two NICs that exchange their names are both joined", async () => {
    const lost = await agent.metric("sledcast_audit_findings_total", { what: "filter-lost" });
    await host.run("ip link set u0 name x0\nip link set u1 name u0\nip link set x0 name u1");
    await host.hasJoined(BOTH, ...UNDERLAYS);
    // By index: names in the kernel's table are those of now.
    await expect
      .poll(async () => (await agent.filters())[0]?.nics.map(({ index }) => index), SOON)
      .toEqual([await host.indexOf("u0"), await host.indexOf("u1")]);
    // Each was joined anew; what was left for the other's sake would have been found.
    expect(await agent.metric("sledcast_audit_findings_total", { what: "filter-lost" })).toBe(lost);
  });

  test.runIf(seesAll)("a NIC whose MTU is too small for IPv6 is not joined; with a larger one it is", async () => {
    await host.setMtu("u1", 1279);
    for (const underlay of UNDERLAYS) {
      await expect.poll(() => agent.joinedBy(underlay), SOON).toEqual({ u0: true, u1: false });
    }
    await wereSaid(1);
    await host.setMtu("u1", 1500);
    await isBack(2);
  });

  test.runIf(seesAll)("a NIC whose MTU was too small for a moment is joined again", async () => {
    await host.loseMemberships("u1");
    await host.hasJoined(BOTH, ...UNDERLAYS);
  });

  test.skipIf(seesAll)("a NIC whose MTU was too small for a moment is joined again by an audit", async () => {
    await host.loseMemberships("u1");
    await agent.audit();
    await host.hasJoined(BOTH, ...UNDERLAYS);
  });

  test("down and up, ten times: the joins stay, and nothing is said or found", async () => {
    const warnings = agent.warnings.length;
    for (let times = 0; times < 10; times++) {
      await host.run("ip link set u1 down");
      expect(host.joins()).toEqual(joinsOf(BOTH, UNDERLAYS));
      await host.run("ip link set u1 up");
    }
    expect(await agent.audit()).toEqual([]);
    expect(host.joins()).toEqual(joinsOf(BOTH, UNDERLAYS));
    expect(lines()).toBe(0);
    expect(agent.warnings.length).toBe(warnings);
  });

  test("IPv6 disabled and enabled on the NIC: the joins stay", async () => {
    await host.run(`echo 1 > ${IPV6_OFF}`);
    await host.run(`echo 0 > ${IPV6_OFF}`);
    expect(await agent.audit()).toEqual([]);
    expect(host.joins()).toEqual(joinsOf(BOTH, UNDERLAYS));
  });

  test("every NIC is deleted: the agent goes on, and joins when they come back", async () => {
    for (const nic of BOTH) await host.removeNic(nic);
    await expect.poll(() => agent.troubles(), SOON).toEqual(expect.arrayContaining(["nic u0", "nic u1"]));
    expect((await agent.get("/readyz")).status).toBe(200);
    for (const nic of BOTH) await host.addNic(nic);
    await host.hasJoined(BOTH, ...UNDERLAYS);
  });

  test("other NICs that come and go are nobody's business", async () => {
    const before = agent.unasked.length;
    for (const nic of ["v0", "v1", "v2"]) await host.addNic(nic);
    for (const nic of ["v0", "v1", "v2"]) await host.removeNic(nic);
    expect(await agent.audit()).toEqual([]);
    expect(agent.unasked.slice(before)).toEqual([]);
  });
});
