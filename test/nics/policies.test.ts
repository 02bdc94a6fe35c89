/** `underlay.join`: row 37 of the original's weaknesses, with real NICs, and the way from one policy to the other. */
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { UnderlayGroup } from "../../src/net/group.ts";
import type { Ip } from "../../src/net/ip.ts";
import { ANY_SOURCE } from "../../src/opte/filter.ts";
import { DriverModel } from "../../src/opte/model/model.ts";
import { propolis } from "../harness/registration.ts";
import { DAEMON, run } from "../process/daemon.ts";
import { NicAgent } from "./agent.ts";
import { joinsOf, NicHost, OBSTACLE, SOON } from "./host.ts";
import { stateFile } from "./state-file.ts";

const VM1 = propolis(1);
const VM2 = propolis(2);
const G1 = "239.1.1.1";
const G2 = "239.1.1.2";
const BOTH = ["u0", "u1"];
const PORTS = ["--model-port", "guest0", "--model-port", "guest1"];
const SUBSCRIBED = [...PORTS, "--underlay-join", "subscribed"];

test("a policy that is not one of the two is refused with exit 2, and named", async () => {
  const { code, stderr } = await run(DAEMON, ["--driver", "model", "--underlay-join", "nonsense"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/underlay\.join.*nonsense.*mapped.*subscribed/);
});

describe.skipIf(OBSTACLE !== undefined)("a group holds its underlay group on the NICs", () => {
  let host: NicHost;
  beforeAll(async () => {
    host = await NicHost.withNics(...BOTH);
  });
  afterAll(async () => host?.close());

  async function start(args: readonly string[], state?: string): Promise<NicAgent> {
    const agent = await NicAgent.ready(host, { args, ...(state === undefined ? {} : { state }) });
    onTestFinished(async () => void (await agent.stop("SIGKILL")));
    return agent;
  }

  describe("with `subscribed`, while a local port subscribes to it", () => {
    let agent: NicAgent;
    beforeAll(async () => {
      agent = await NicAgent.ready(host, { args: SUBSCRIBED });
    });
    afterAll(async () => void (await agent?.stop()));
    afterEach(async () => {
      for (const id of [VM1, VM2]) await agent.call("DELETE", `/vmms/${id}`);
      await agent.clear();
      await agent.isWell();
      expect(host.joins(), "a test left joins behind").toEqual([]);
    });

    /** guest0 is VM1's and in G1, which is mapped to ff04::1. */
    async function memberOfG1(): Promise<void> {
      await agent.adopt(VM1, "guest0");
      await agent.map(G1, "ff04::1");
      expect((await agent.join(VM1, G1)).status).toBe(204);
    }

    async function withoutU1(part: () => Promise<void>): Promise<void> {
      await host.removeNic("u1");
      try {
        await part();
      } finally {
        await host.addNic("u1");
      }
    }

    test("a mapping alone is not joined and has no holder", async () => {
      expect((await agent.map(G1, "ff04::1")).status).toBe(204);
      expect(host.joins()).toEqual([]);
      expect((await agent.filters()).flatMap(({ holders }) => holders)).toEqual([]);
    });

    test("a mapping alone is set while a NIC is missing: sending needs no filter", async () => {
      await withoutU1(async () => {
        expect((await agent.map(G1, "ff04::1")).status).toBe(204);
      });
    });

    test("a member's join joins every NIC, its leave leaves them", async () => {
      await memberOfG1();
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
      expect(await agent.filters()).toMatchObject([{ underlay: "ff04::1", holders: [G1] }]);
      expect((await agent.leave(VM1, G1)).status).toBe(204);
      expect(host.joins()).toEqual([]);
    });

    test("of two members the last one's leave leaves", async () => {
      await memberOfG1();
      await agent.adopt(VM2, "guest1");
      await agent.join(VM2, G1);
      await agent.leave(VM1, G1);
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
      await agent.leave(VM2, G1);
      expect(host.joins()).toEqual([]);
    });

    test("of two groups on one underlay the last one's last leave leaves", async () => {
      await memberOfG1();
      await agent.map(G2, "ff04::1");
      await agent.join(VM1, G2);
      await agent.leave(VM1, G1);
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
      expect(await agent.filters()).toMatchObject([{ underlay: "ff04::1", holders: [G2] }]);
      await agent.leave(VM1, G2);
      expect(host.joins()).toEqual([]);
    });

    test("a pending member is joined when its group is mapped", async () => {
      await agent.adopt(VM1, "guest0");
      expect((await agent.join(VM1, G1)).status).toBe(204);
      expect(host.joins()).toEqual([]);
      await agent.map(G1, "ff04::1");
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    });

    test("a clear leaves, and a move is followed", async () => {
      await memberOfG1();
      await agent.map(G1, "ff04::2");
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::2"]));
      await agent.unmap(G1, "ff04::2");
      expect(host.joins()).toEqual([]);
      expect(await agent.memberships(VM1)).toEqual({ [G1]: "pending" });
    });

    test("a VMM that is unregistered leaves", async () => {
      await memberOfG1();
      await agent.call("DELETE", `/vmms/${VM1}`);
      expect(host.joins()).toEqual([]);
    });

    test("a member's join that a NIC stops is refused, and changes nothing", async () => {
      await agent.adopt(VM1, "guest0");
      await agent.map(G1, "ff04::1");
      await withoutU1(async () => {
        const answer = await agent.join(VM1, G1);
        expect(answer.status).toBe(503);
        expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
        expect(host.joins()).toEqual([]);
        expect(await agent.memberships(VM1)).toEqual({});
        expect((await agent.get("/networking/mcast-subs")).body).toEqual([]);
      });
      expect((await agent.join(VM1, G1)).status).toBe(204);
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    });

    test("a set that wakes a member whose join a NIC stops is done, and the member degraded until the NIC comes", async () => {
      await agent.adopt(VM1, "guest0");
      await agent.join(VM1, G1);
      await withoutU1(async () => {
        expect((await agent.map(G1, "ff04::1")).status).toBe(204);
        expect(await agent.mappings()).toEqual({ [G1]: "ff04::1" });
        expect(await agent.memberships(VM1)).toEqual({ [G1]: "degraded" });
        expect(await agent.troubles()).not.toEqual([]);
      });
      await expect.poll(() => agent.memberships(VM1), SOON).toEqual({ [G1]: "applied" });
      await host.hasJoined(BOTH, "ff04::1");
    });

    test("a NIC that is replaced is joined again for its members' groups only", async () => {
      await memberOfG1();
      await agent.map(G2, "ff04::2");
      await host.replaceNic("u1");
      await host.hasJoined(BOTH, "ff04::1");
    });
  });

  describe("with `subscribed`, for a port that is foreign", () => {
    /** A driver with G1 and G2 mapped and guest0 in G1, as an agent that was killed leaves it behind. */
    async function leftBehind(): Promise<string> {
      const state = stateFile();
      const model = new DriverModel({ state, ports: [{ name: "guest0" }, { name: "guest1" }] });
      await model.call("SetMcast2Phys", { group: G1 as Ip, underlay: "ff04::1" as UnderlayGroup });
      await model.call("SetMcast2Phys", { group: G2 as Ip, underlay: "ff04::2" as UnderlayGroup });
      await model.call("McastSubscribe", { port: "guest0", group: G1 as Ip, filter: ANY_SOURCE });
      await model.close();
      return state;
    }

    test("its subscription holds the filter from the start, and an audit changes nothing", async () => {
      const agent = await start(SUBSCRIBED, await leftBehind());
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
      expect(await agent.filters()).toMatchObject([{ underlay: "ff04::1", holders: [G1] }]);
      expect(await agent.audit()).toEqual([]);
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    });

    test("its group's clearing leaves, and an audit finds it when it is mapped again", async () => {
      const agent = await start(SUBSCRIBED, await leftBehind());
      await agent.unmap(G1, "ff04::1");
      expect(host.joins()).toEqual([]);
      await agent.map(G1, "ff04::1");
      await agent.audit();
      await host.hasJoined(BOTH, "ff04::1");
    });

    test("a member's leave does not take away what a foreign port still needs", async () => {
      const agent = await start(SUBSCRIBED, await leftBehind());
      await agent.adopt(VM2, "guest1");
      await agent.join(VM2, G1);
      await agent.leave(VM2, G1);
      await agent.audit();
      expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    });
  });

  test("a restart with the other policy has exactly the joins of that policy", async () => {
    const state = stateFile();
    let agent = await start(PORTS, state);
    for (const n of [1, 2, 3]) await agent.map(`239.1.1.${n}`, `ff04::${n}`);
    await agent.adopt(VM1, "guest0");
    await agent.join(VM1, "239.1.1.2");
    const policies = [
      ["subscribed", ["ff04::2"]],
      ["mapped", ["ff04::1", "ff04::2", "ff04::3"]],
      ["subscribed", ["ff04::2"]],
    ] as const;
    for (const [policy, underlays] of policies) {
      await agent.stop("SIGKILL");
      agent = await start([...PORTS, "--underlay-join", policy], state);
      expect(host.joins(), policy).toEqual(joinsOf(BOTH, underlays));
    }
  });
});
