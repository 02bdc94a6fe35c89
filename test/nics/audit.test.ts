/** The audit holds the kernel's table against what should be joined; what it finds it mends and counts, or only tells. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BINDINGS, NicAgent, TRIED } from "./agent.ts";
import { joinsOf, NicHost, OBSTACLE, SOON } from "./host.ts";

const BOTH = ["u0", "u1"];
const UNDERLAYS = ["ff04::1", "ff04::2"];
const METRIC = "sledcast_audit_findings_total";

describe.skipIf(OBSTACLE !== undefined)("the audit of NIC filters", () => {
  let host: NicHost;
  let agent: NicAgent;
  beforeAll(async () => {
    host = await NicHost.withNics(...BOTH);
  });
  afterAll(async () => host?.close());
  afterEach(async () => {
    await agent?.stop("SIGKILL");
    await host.restoreNics(...BOTH);
  });

  async function start(binding: (typeof BINDINGS)[number], ...args: readonly string[]): Promise<void> {
    agent = await NicAgent.ready(host, { binding, args: ["--audit-interval", "0", ...args] });
    for (const [n, underlay] of UNDERLAYS.entries()) {
      expect((await agent.map(`239.1.1.${n}`, underlay)).status).toBe(204);
    }
  }

  const lost = (repaired: boolean) =>
    expect.objectContaining({ what: "filter-lost", subject: expect.objectContaining({ nic: "u1" }), repaired });

  test.each(TRIED)("finds nothing where nothing is wrong (%s)", async (binding) => {
    await start(binding);
    expect(await agent.audit()).toEqual([]);
    expect(await agent.metric(METRIC)).toBe(0);
  });

  describe.runIf(BINDINGS.includes("koffi"))("of memberships that were lost without a sign", () => {
    test("repairs them, tells and counts it, and finds nothing the next time", async () => {
      await start("koffi");
      await host.loseMemberships("u1");
      expect(host.joins()).toEqual(joinsOf(["u0"], UNDERLAYS));
      expect(await agent.audit()).toEqual(expect.arrayContaining([lost(true)]));
      expect(host.joins()).toEqual(joinsOf(BOTH, UNDERLAYS));
      expect(await agent.metric(METRIC, { what: "filter-lost", repaired: "true" })).toBeGreaterThan(0);
      expect(await agent.degraded()).toEqual([]);
      expect(await agent.audit()).toEqual([]);
    });

    test("is done every interval without a request", async () => {
      await start("koffi", "--audit-interval", "0.2");
      await host.loseMemberships("u1");
      await host.hasJoined(BOTH, ...UNDERLAYS);
      await expect.poll(() => agent.metric(METRIC, { what: "filter-lost" }), SOON).toBeGreaterThan(0);
    });

    test("tells of what cannot be repaired, and goes on trying", async () => {
      await start("koffi");
      await host.setMtu("u1", 1279);
      expect(await agent.audit()).toEqual(expect.arrayContaining([lost(false)]));
      expect(await agent.joinedBy("ff04::1")).toEqual({ u0: true, u1: false });
      expect(await agent.troubles()).toEqual(expect.arrayContaining(["filter ff04::1", "filter ff04::2"]));
      await host.setMtu("u1", 1500);
      await host.hasJoined(BOTH, ...UNDERLAYS);
      await agent.isWell();
    });
  });

  describe.each(TRIED)("in observe mode (%s)", (binding) => {
    test("tells of lost memberships each time, counts them, and leaves them", async () => {
      await start(binding, "--audit-mode", "observe");
      await host.loseMemberships("u1");
      for (let times = 0; times < 2; times++) {
        expect(await agent.audit()).toEqual(expect.arrayContaining([lost(false)]));
        expect(host.joins()).toEqual(joinsOf(["u0"], UNDERLAYS));
      }
      expect(await agent.metric(METRIC, { what: "filter-lost", repaired: "false" })).toBeGreaterThan(0);
    });

    test("shows what it found lost as not joined", async () => {
      await start(binding, "--audit-mode", "observe");
      await host.loseMemberships("u1");
      await agent.audit();
      expect(await agent.joinedBy("ff04::1")).toEqual({ u0: true, u1: false });
    });

    test("leaves a NIC that came back unjoined", async () => {
      await start(binding, "--audit-mode", "observe");
      await host.replaceNic("u1");
      await expect.poll(() => agent.joinedBy("ff04::1"), SOON).toEqual({ u0: true, u1: false });
      await agent.audit();
      expect(host.joins()).toEqual(joinsOf(["u0"], UNDERLAYS));
    });

    test("a request is carried out all the same", async () => {
      await start(binding, "--audit-mode", "observe");
      await agent.map("239.1.1.9", "ff04::9");
      await agent.unmap("239.1.1.0", "ff04::1");
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::2", "ff04::9"]));
    });
  });

  test.each(TRIED)("a NIC that went and one that came are counted, whoever saw it first (%s)", async (binding) => {
    await start(binding);
    const seen = (what: string) => expect.poll(() => agent.metric(METRIC, { what }), SOON).toBeGreaterThan(0);
    await host.removeNic("u1");
    await agent.audit();
    await seen("nic-gone");
    await host.addNic("u1");
    await agent.audit();
    await seen("nic-returned");
    await host.hasJoined(BOTH, ...UNDERLAYS);
    const { audits } = (await agent.get("/multicast/status")).body as { audits: { findings: { what: string }[] }[] };
    const whats = new Set(audits.flatMap(({ findings }) => findings.map(({ what }) => what)));
    expect([...whats]).toEqual(expect.arrayContaining(["nic-gone", "nic-returned"]));
  });
});
