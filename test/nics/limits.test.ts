/** Row 30 of the original's weaknesses: many groups and few descriptors or little memory, with the kernel's own limits. */
import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Answer, NicAgent, TRIED } from "./agent.ts";
import { joinsOf, NicHost, OBSTACLE } from "./host.ts";
import { mappingOf } from "./state-file.ts";

const BOTH = ["u0", "u1"];
const OPTMEM = "/proc/sys/net/core/optmem_max";
/** More than a socket's share of groups, whatever is open already. */
const MANY = Array.from({ length: 200 }, (_, n) => n);

describe.skipIf(OBSTACLE !== undefined).each(TRIED)("limits of the host, joins through %s", (binding) => {
  let host: NicHost;
  let agent: NicAgent;
  let optmem: string;

  beforeAll(async () => {
    host = await NicHost.withNics(...BOTH, "v0");
    optmem = (await host.run(`cat ${OPTMEM}`)).trim();
  });
  afterAll(async () => host?.close());
  beforeEach(async () => {
    agent = await NicAgent.ready(host, { binding });
  });
  afterEach(async () => {
    await host.run(`echo ${optmem} > ${OPTMEM}`);
    await agent.stop("SIGKILL");
    await host.hasJoined([]);
  });

  const setNth = (n: number): Promise<Answer> => agent.map(mappingOf(n).group, mappingOf(n).underlay);

  /** Sets them one after another; those that were refused, with their answers. */
  async function setMany(): Promise<Map<number, Answer>> {
    const refused = new Map<number, Answer>();
    for (const n of MANY) {
      const answer = await setNth(n);
      if (answer.status !== 204) refused.set(n, answer);
    }
    return refused;
  }

  /** Every group that was acknowledged is joined on both NICs, and no other on any. */
  async function expectOnly(acknowledged: readonly number[]): Promise<void> {
    const underlays = acknowledged.map((n) => mappingOf(n).underlay);
    expect(host.joins()).toEqual(joinsOf(BOTH, underlays));
    expect(Object.values(await agent.mappings()).sort()).toEqual([...underlays].sort());
    expect((await agent.filters()).map(({ underlay }) => underlay).sort()).toEqual([...underlays].sort());
  }

  function expectRefusals(refused: ReadonlyMap<number, Answer>, errno: string): void {
    expect(refused.size).toBeGreaterThan(0);
    for (const { status, body, text } of refused.values()) {
      expect(status).toBe(503);
      expect(body).toMatchObject({ error_code: expect.stringMatching(/^(RESOURCE_LIMIT|UNDERLAY_JOIN_FAILED)$/) });
      expect(text).toContain(errno);
    }
  }

  /** From now on the agent can open nothing more; answers how to end that. */
  async function leaveNoDescriptor(): Promise<() => void> {
    // What the first of these loads is loaded then.
    await agent.call("PUT", "/networking/mcast-m2p", {});
    await agent.get("/metrics");
    // A descriptor that is taken for a moment only is not in each of some looks.
    let lowestFree = Number.POSITIVE_INFINITY;
    for (let looks = 0; looks < 20; looks++) {
      const taken = new Set(agent.descriptors);
      const free = [...taken].findIndex((_, n) => !taken.has(n));
      lowestFree = Math.min(lowestFree, free < 0 ? taken.size : free);
      await agent.get("/healthz");
    }
    const limit = (soft: string) => execFileSync("prlimit", ["--pid", String(agent.pid), `--nofile=${soft}:`]);
    const before = execFileSync("prlimit", ["--pid", String(agent.pid), "--nofile", "-o", "SOFT", "--noheadings"]);
    limit(String(lowestFree));
    return () => void limit(before.toString().trim());
  }

  test("without descriptors a set is refused with EMFILE, nothing is half joined, and it works again after", async () => {
    const end = await leaveNoDescriptor();
    const refused = await setMany();
    expectRefusals(refused, "EMFILE");
    await expectOnly(MANY.filter((n) => !refused.has(n)));
    end();
    for (const n of refused.keys()) expect((await setNth(n)).status).toBe(204);
    await expectOnly(MANY);
  });

  test("without descriptors no NIC is taken for gone", async () => {
    await agent.map("239.1.1.1", "ff04::1");
    const end = await leaveNoDescriptor();
    await host.replaceNic("v0");
    // It may well say that it cannot look.
    for (let times = 0; times < 3; times++) await agent.call("POST", "/multicast/audit");
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    end();
    expect(await agent.audit()).toEqual([]);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    expect(await agent.metric("sledcast_audit_findings_total")).toBe(0);
    await agent.isWell();
  });

  test("where a socket has memory for a few memberships only, more sockets are opened", async () => {
    await host.run(`echo 2048 > ${OPTMEM}`);
    expect([...(await setMany()).values()]).toEqual([]);
    await expectOnly(MANY);
    for (const n of MANY) await agent.unmap(mappingOf(n).group, mappingOf(n).underlay);
    await expectOnly([]);
  });

  test("where a fresh socket has memory for none, a set is refused with ENOMEM, and works again after", async () => {
    await host.run(`echo 1 > ${OPTMEM}`);
    const before = agent.descriptors.length;
    const refused = await setMany();
    expectRefusals(refused, "ENOMEM");
    await expectOnly(MANY.filter((n) => !refused.has(n)));
    expect(agent.descriptors.length).toBeLessThan(before + 10);
    await host.run(`echo ${optmem} > ${OPTMEM}`);
    for (const n of refused.keys()) expect((await setNth(n)).status).toBe(204);
    await expectOnly(MANY);
  });

  test("a move that meets a limit keeps the old mapping and its joins", async () => {
    await agent.map("239.1.1.1", "ff04::1");
    await host.run(`echo 1 > ${OPTMEM}`);
    expect((await agent.map("239.1.1.1", "ff04::2")).status).toBe(503);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    expect(await agent.mappings()).toEqual({ "239.1.1.1": "ff04::1" });
  });
});
