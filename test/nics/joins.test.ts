/** What a request does to the memberships of real NICs: rows 3, 4, 9, 11 and 13 of the original's weaknesses, with a kernel. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { NicAgent } from "./agent.ts";
import { joinsOf, NicHost, OBSTACLE, SOON } from "./host.ts";

const G1 = "239.1.1.1";
const G2 = "239.1.1.2";
const BOTH = ["u0", "u1"];

describe.skipIf(OBSTACLE !== undefined)("on a host with two NICs", () => {
  let host: NicHost;
  let agent: NicAgent;

  beforeAll(async () => {
    host = await NicHost.withNics(...BOTH);
    agent = await NicAgent.ready(host);
  });
  afterAll(async () => {
    await agent?.stop();
    await host?.close();
  });
  afterEach(async () => {
    await agent.clear();
    expect(host.joins(), "a test left joins behind").toEqual([]);
  });

  /** What must not change when a request is refused. */
  const everything = async () => ({
    mappings: await agent.mappings(),
    filters: await agent.filters(),
    joins: host.joins(),
  });

  /** Takes a NIC away for the length of a test's part. */
  async function without(nic: string, part: () => Promise<void>): Promise<void> {
    await host.removeNic(nic);
    try {
      await part();
    } finally {
      await host.addNic(nic);
    }
  }

  test("a mapping that was set is joined on every NIC when the answer comes", async () => {
    expect((await agent.map(G1, "ff04::1")).status).toBe(204);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
  });

  test("a mapping that was cleared is left on every NIC when the answer comes", async () => {
    await agent.map(G1, "ff04::1");
    expect((await agent.unmap(G1, "ff04::1")).status).toBe(204);
    expect(host.joins()).toEqual([]);
  });

  test("a mapping that moves joins where it goes and leaves where it was", async () => {
    await agent.map(G1, "ff04::1");
    expect((await agent.map(G1, "ff04::2")).status).toBe(204);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::2"]));
  });

  test("two groups on one underlay group hold it together, and the last one's clearing leaves it", async () => {
    await agent.map(G1, "ff04::1");
    await agent.map(G2, "ff04::1");
    expect(await agent.filters()).toMatchObject([{ underlay: "ff04::1", holders: [G1, G2] }]);
    await agent.unmap(G1, "ff04::1");
    expect(await agent.filters()).toMatchObject([{ underlay: "ff04::1", holders: [G2] }]);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    await agent.unmap(G2, "ff04::1");
    expect(await agent.filters()).toEqual([]);
    expect(host.joins()).toEqual([]);
  });

  test("a group that moves away leaves its old underlay group to the other that holds it", async () => {
    await agent.map(G1, "ff04::1");
    await agent.map(G2, "ff04::1");
    await agent.map(G1, "ff04::2");
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1", "ff04::2"]));
  });

  test("a mapping that is set again stays joined, and one clearing leaves it", async () => {
    for (let again = 0; again < 3; again++) expect((await agent.map(G1, "ff04::1")).status).toBe(204);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
    await agent.unmap(G1, "ff04::1");
    expect(host.joins()).toEqual([]);
  });

  test("a clear of another pair leaves nothing", async () => {
    await agent.map(G1, "ff04::2");
    expect((await agent.unmap(G1, "ff04::1")).status).toBe(204);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::2"]));
  });

  test("each NIC is listed with its index and whether it has joined", async () => {
    await agent.map(G1, "ff04::1");
    const nics = [];
    for (const name of BOTH) nics.push({ name, index: await host.indexOf(name), joined: true });
    expect(await agent.filters()).toEqual([{ underlay: "ff04::1", holders: [G1], nics }]);
  });

  test("sets and clears at once end with joins that are those of the mappings", async () => {
    for (let round = 0; round < 20; round++) {
      const under = (n: number) => `ff04::${1 + ((n + round) % 3)}`;
      const changes = [G1, G2, G1, G2].flatMap((group, n) => [
        agent.map(group, under(n)),
        agent.unmap(group, under(n)),
      ]);
      for (const { status } of await Promise.all(changes)) expect(status).toBe(204);
      const mapped = new Set(Object.values(await agent.mappings()));
      expect(host.joins()).toEqual(joinsOf(BOTH, [...mapped]));
    }
  });

  test("a set is refused while a NIC is missing, changes nothing, and is done when the NIC is there", async () => {
    await agent.map(G2, "ff04::2");
    await without("u1", async () => {
      await expect.poll(() => agent.joinedBy("ff04::2"), SOON).toEqual({ u0: true, u1: false });
      const before = await everything();
      const answer = await agent.map(G1, "ff04::1");
      expect(answer.status).toBe(503);
      expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
      expect(answer.text).toMatch(/ff04::1\b.*\bu1\b.*no such NIC/);
      expect(await everything()).toEqual(before);
    });
    expect((await agent.map(G1, "ff04::1")).status).toBe(204);
    await host.hasJoined(BOTH, "ff04::1", "ff04::2");
  });

  test("a join that the kernel refuses is answered with group, NIC, index and the error's name", async () => {
    await host.setMtu("u1", 1279);
    const index = await host.indexOf("u1");
    const answer = await agent.map(G1, "ff04::1");
    expect(host.joins()).toEqual([]);
    await host.setMtu("u1", 1500);
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
    expect(answer.text).toMatch(new RegExp(`ff04::1\\b.*\\bu1\\b.*\\b${index}\\b.*\\bE[A-Z]+\\b`));
    expect((await agent.map(G1, "ff04::1")).status).toBe(204);
    expect(host.joins()).toEqual(joinsOf(BOTH, ["ff04::1"]));
  });

  test("a move whose join fails keeps the old mapping, its filter and its joins", async () => {
    await agent.map(G1, "ff04::1");
    await without("u1", async () => {
      await expect.poll(() => agent.joinedBy("ff04::1"), SOON).toEqual({ u0: true, u1: false });
      const before = await everything();
      const answer = await agent.map(G1, "ff04::2");
      expect(answer.status).toBe(503);
      expect(answer.body).toMatchObject({ error_code: "UNDERLAY_JOIN_FAILED" });
      expect(await everything()).toEqual(before);
      expect(before.joins).toEqual(joinsOf(["u0"], ["ff04::1"]));
    });
    await host.hasJoined(BOTH, "ff04::1");
    expect((await agent.map(G1, "ff04::2")).status).toBe(204);
    await host.hasJoined(BOTH, "ff04::2");
  });

  test("a mapping is cleared while a NIC is missing, and is not joined when the NIC comes back", async () => {
    await agent.map(G1, "ff04::1");
    await agent.map(G2, "ff04::2");
    await without("u1", async () => {
      expect((await agent.unmap(G1, "ff04::1")).status).toBe(204);
      expect(host.joins()).toEqual(joinsOf(["u0"], ["ff04::2"]));
    });
    await host.hasJoined(BOTH, "ff04::2");
    await agent.isWell();
    expect(await agent.filters()).toMatchObject([{ underlay: "ff04::2" }]);
  });

  test("descriptors are given back when groups are cleared", async () => {
    const before = agent.descriptors.length;
    const all = Array.from({ length: 200 }, (_, n) => n);
    for (const n of all) await agent.map(`239.4.0.${n}`, `ff04::4:${n.toString(16)}`);
    for (const n of all) await agent.unmap(`239.4.0.${n}`, `ff04::4:${n.toString(16)}`);
    expect(agent.descriptors.length).toBeLessThanOrEqual(before + 1);
  });

  test("groups beyond one socket's share are joined and left one by one", async () => {
    const group = (n: number) => `239.3.0.${n}`;
    const underlay = (n: number) => `ff04::3:${n.toString(16)}`;
    const all = Array.from({ length: 150 }, (_, n) => n);
    for (const n of all) expect((await agent.map(group(n), underlay(n))).status).toBe(204);
    expect(host.joins()).toEqual(joinsOf(BOTH, all.map(underlay)));
    for (const n of all.filter((one) => one % 3 === 0)) await agent.unmap(group(n), underlay(n));
    const left = all.filter((one) => one % 3 !== 0);
    expect(host.joins()).toEqual(joinsOf(BOTH, left.map(underlay)));
    for (const n of all.filter((one) => one % 3 === 0)) await agent.map(group(n), underlay(n));
    expect(host.joins()).toEqual(joinsOf(BOTH, all.map(underlay)));
  });
});
