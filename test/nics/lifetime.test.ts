/** Joins over an agent's life: rows 12 and 29 of the original's weaknesses, with real NICs, and what an end leaves behind. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { NicAgent, type StartOptions, TRIED } from "./agent.ts";
import { joinsOf, NicHost, OBSTACLE, SOON } from "./host.ts";
import { stateFile, stateWithMappings, underlaysOf } from "./state-file.ts";

const BOTH = ["u0", "u1"];

/** A fifth shows how many share a descriptor; the whole, which takes a core ten seconds, is for CI. */
const IN_CI = process.env.CI === "true" || process.env.CI === "1";
const { groups: MANY, descriptors: AT_MOST } = IN_CI
  ? { groups: 10_000, descriptors: 400 }
  : { groups: 2000, descriptors: 80 };

describe.skipIf(OBSTACLE !== undefined)("joins over an agent's life", () => {
  let host: NicHost;
  beforeAll(async () => {
    host = await NicHost.withNics(...BOTH);
  });
  afterAll(async () => host?.close());

  async function ready(options: StartOptions): Promise<NicAgent> {
    const agent = await NicAgent.ready(host, options);
    onTestFinished(async () => void (await agent.stop("SIGKILL")));
    return agent;
  }

  /** For the length of a test a NIC is missing, unless the test brings it. */
  async function takeAway(nic: string): Promise<void> {
    await host.removeNic(nic);
    onTestFinished(() => host.restoreNics(nic));
  }

  describe("at an end", () => {
    test("SIGTERM leaves every group, and the exit status is 0", async () => {
      const agent = await ready({ state: await stateWithMappings(100) });
      expect(host.joins()).toEqual(joinsOf(BOTH, underlaysOf(100)));
      expect(await agent.stop()).toBe(0);
      expect(host.joins()).toEqual([]);
    });

    test("kill -9 leaves no join behind", async () => {
      const agent = await ready({ state: await stateWithMappings(100) });
      expect(await agent.stop("SIGKILL")).toBe("SIGKILL");
      await host.hasJoined([]);
    });
  });

  describe("at a start", () => {
    test("what was acknowledged before kill -9 is joined before the agent is ready", async () => {
      const state = stateFile();
      const first = await ready({ state });
      await first.map("239.1.1.1", "ff04::1");
      await first.map("239.1.1.2", "ff04::2");
      await first.map("239.1.1.1", "ff04::3");
      await first.stop("SIGKILL");
      const second = await ready({ state });
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::2", "ff04::3"]));
      expect(await second.mappings()).toEqual({ "239.1.1.1": "ff04::3", "239.1.1.2": "ff04::2" });
    });

    test.each(TRIED)("500 mappings found in the driver are all joined when /readyz says so (%s)", async (binding) => {
      const agent = await ready({ state: await stateWithMappings(500), binding });
      expect(host.joins()).toEqual(joinsOf(BOTH, underlaysOf(500)));
      expect(await agent.degraded()).toEqual([]);
    });
  });

  describe.each(TRIED)("at a start with a NIC missing (%s)", (binding) => {
    const start = async (args: readonly string[] = ["--audit-interval", "0"]) =>
      ready({ state: await stateWithMappings(3), binding, args });

    test("the agent is ready, has joined on the NIC that is there, and tells everybody who asks", async () => {
      await takeAway("u1");
      const agent = await start();
      expect(host.joins()).toEqual(joinsOf(["u0"], underlaysOf(3)));
      expect(Object.values(await agent.mappings()).sort()).toEqual(underlaysOf(3));
      const expected = ["nic u1", ...underlaysOf(3).map((underlay) => `filter ${underlay}`)].sort();
      expect(await agent.troubles()).toEqual(expected);
      expect((await agent.get("/readyz")).body).toMatchObject({ ready: true, degraded: await agent.degraded() });
      for (const { reason } of await agent.degraded()) expect(reason).not.toBe("");
      for (const { nics } of await agent.filters()) {
        const u0 = { name: "u0", index: await host.indexOf("u0"), joined: true };
        expect(nics).toEqual([u0, { name: "u1", index: null, joined: false, error: expect.stringMatching(/./) }]);
      }
      expect(await agent.metric("sledcast_degraded")).toBeGreaterThan(0);
      expect(await agent.metric("sledcast_filters_degraded")).toBeGreaterThan(0);
      expect(agent.warnings.filter((record) => JSON.stringify(record).includes("u1"))).not.toEqual([]);
    });

    test("the NIC is joined when it comes, without a request or an audit", async () => {
      await takeAway("u1");
      const agent = await start();
      await host.addNic("u1");
      await host.hasJoined(BOTH, ...underlaysOf(3));
      await agent.isWell();
      expect(await agent.metric("sledcast_filters_degraded")).toBe(0);
      for (const { nics } of await agent.filters()) {
        expect(nics.map(({ joined, error }) => ({ joined, error }))).toEqual([
          { joined: true, error: undefined },
          { joined: true, error: undefined },
        ]);
      }
    });

    test("and with every NIC missing, all are joined when they come", async () => {
      for (const nic of BOTH) await takeAway(nic);
      const agent = await start();
      expect(host.joins()).toEqual([]);
      for (const nic of BOTH) await host.addNic(nic);
      await host.hasJoined(BOTH, ...underlaysOf(3));
      await agent.isWell();
    });
  });

  test(`${MANY} groups take at most ${AT_MOST} descriptors, and SIGTERM leaves them all`, async () => {
    const small = await ready({ nics: [] });
    const few = small.descriptors.length;
    await small.stop();
    const agent = await ready({ state: await stateWithMappings(MANY) });
    expect(agent.descriptors.length - few).toBeLessThanOrEqual(AT_MOST);
    await host.hasJoined(BOTH, ...underlaysOf(MANY));
    expect(await agent.stop()).toBe(0);
    expect(host.joins()).toEqual([]);
  });

  test("a NIC that is not configured is never joined", async () => {
    await host.addNic("u2");
    await ready({ state: await stateWithMappings(3) });
    expect(host.joins()).toEqual(joinsOf(BOTH, underlaysOf(3)));
    await host.removeNic("u2");
  });

  test("the agent's sockets receive nothing: none is bound", async () => {
    const agent = await ready({ state: await stateWithMappings(100) });
    await expect.poll(() => host.joins().length, SOON).toBe(200);
    const bound = readFileSync(`/proc/${agent.pid}/net/udp6`, "utf8").split("\n").slice(1, -1);
    expect(bound).toEqual([]);
  });
});
