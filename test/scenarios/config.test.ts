/** The declared configuration: put in force, shown, replaced, and given up again. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CONFIG, Commands, configBody, forwardingOf, hop, putConfig } from "../harness/config.ts";
import { Sled } from "../harness/sled.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";

const [G1, G2, G3] = ["239.1.1.1", "239.1.1.2", "ff0e::3"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];
const FWD = "/networking/mcast-fwd";

/** Two mappings and an entry of two hops, in no order of the lists. */
const M2P_WANTED = { [G3]: U2, [G1]: U1 };
const HOP_B = hop("fd00::b", { mode: "include", sources: ["10.0.0.2", "10.0.0.1"] });
const HOP_A = hop("fd00::a");
const FWD_WANTED = { [U1]: [HOP_B, HOP_A] };
const CONTENT = [M2P_WANTED, FWD_WANTED] as const;

let sled: Sled;
let commands: Commands;
beforeEach(async () => {
  sled = await Sled.start();
  commands = new Commands(sled.model);
});
afterEach(() => sled.close());

const generation = () => sled.agent.status().generation;
const joined = () => [...sled.nics.joined].sort();

describe("a configuration", () => {
  test("that is put in force is what the driver holds and the NICs have joined, when it is answered", async () => {
    const { status, body } = await putConfig(sled, 5, ...CONTENT);
    expect({ status, body }).toEqual({ status: 200, body: { generation: 5, applied: 3, failed: [] } });
    expect(sled.mappings).toEqual({ [G1]: U1, [G3]: U2 });
    expect(forwardingOf(sled)).toEqual({
      [U1]: ["fd00::a underlay exclude()", "fd00::b underlay include(10.0.0.1,10.0.0.2)"],
    });
    expect(joined()).toEqual([U1, U2]);
  });

  test("is shown as it is in force, in the order of the lists", async () => {
    await putConfig(sled, 5, ...CONTENT);
    const { status, body } = await sled.get(CONFIG);
    expect(status).toBe(200);
    expect(body).toEqual({
      generation: 5,
      m2p: [
        { group: G1, underlay: U1 },
        { group: G3, underlay: U2 },
      ],
      forwarding: [
        {
          underlay: U1,
          next_hops: [hop("fd00::a"), hop("fd00::b", { mode: "include", sources: ["10.0.0.1", "10.0.0.2"] })],
        },
      ],
    });
  });

  test("that was shown can be put again as it is", async () => {
    await putConfig(sled, 5, ...CONTENT);
    commands.forget();
    expect((await sled.put(CONFIG, (await sled.get(CONFIG)).body)).status).toBe(200);
    expect(commands.all).toEqual([]);
  });

  test("is 404 where there is none", async () => {
    expectError(await sled.get(CONFIG), { status: 404 });
  });

  test("may be of nothing: then the driver's tables are emptied, and it is in force all the same", async () => {
    await sled.setMapping(G1, U1);
    await sled.put(FWD, { underlay: U1, next_hops: [hop("fd00::a")] });
    expect((await putConfig(sled, 0)).body).toEqual({ generation: 0, applied: 0, failed: [] });
    expect(sled.mappings).toEqual({});
    expect(forwardingOf(sled)).toEqual({});
    expect(joined()).toEqual([]);
    expect((await sled.get(CONFIG)).body).toEqual({ generation: 0, m2p: [], forwarding: [] });
  });

  test("may map groups to one underlay group, and forward for underlay groups that nothing maps to", async () => {
    const { body } = await putConfig(sled, 1, { [G1]: U1, [G2]: U1 }, { [U3]: [hop("fd00::a")] });
    expect(body).toMatchObject({ applied: 3, failed: [] });
    expect(sled.mappings).toEqual({ [G1]: U1, [G2]: U1 });
  });

  test("has the largest number of a generation that JSON keeps to the digit", async () => {
    await putConfig(sled, Number.MAX_SAFE_INTEGER, ...CONTENT);
    expect((await sled.get(CONFIG)).text).toContain('"generation":9007199254740991');
  });

  test("is told in the status by its generation, which is null without one", async () => {
    const told = async () => ((await sled.get("/multicast/status")).body as { generation: unknown }).generation;
    expect(await told()).toBeNull();
    await putConfig(sled, 5, ...CONTENT);
    expect(await told()).toBe(5);
  });

  test("is a step of the start that is over when the agent is ready", async () => {
    await putConfig(sled, 5, ...CONTENT);
    sled = await sled.restart();
    const { status, body } = await sled.get("/readyz");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ready: true,
      steps: { config: { done: true, detail: expect.stringMatching(/\b5\b/) } },
    });
  });
});

describe("a generation", () => {
  beforeEach(() => putConfig(sled, 5, ...CONTENT));

  test("that is newer replaces all that was in force", async () => {
    expect((await putConfig(sled, 6, { [G2]: U3 })).body).toEqual({ generation: 6, applied: 1, failed: [] });
    expect(sled.mappings).toEqual({ [G2]: U3 });
    expect(forwardingOf(sled)).toEqual({});
    expect(joined()).toEqual([U3]);
    expect((await sled.get(CONFIG)).body).toEqual(configBody(6, { [G2]: U3 }));
  });

  test("that is newer with the same content is in force, and nothing is written to the driver", async () => {
    commands.forget();
    await putConfig(sled, 9, ...CONTENT);
    expect(commands.writes).toEqual([]);
    expect(generation()).toBe(9);
    expectError(await putConfig(sled, 8, ...CONTENT), { status: 409, code: "GENERATION" });
  });

  test("is known again after a restart, which an older one is held against", async () => {
    sled = await sled.restart();
    expectError(await putConfig(sled, 4, ...CONTENT), { status: 409, code: "GENERATION" });
    expect((await putConfig(sled, 5, ...CONTENT)).body).toEqual({ generation: 5, applied: 3, failed: [] });
  });
});

describe("giving control back", () => {
  beforeEach(() => putConfig(sled, 5, ...CONTENT));

  test("is 204 and leaves driver and NICs as they are", async () => {
    commands.forget();
    expectDone(await changingNothing(sled, () => sled.delete(CONFIG)));
    expect(commands.all).toEqual([]);
    expectError(await sled.get(CONFIG), { status: 404 });
    expect(generation()).toBeUndefined();
  });

  test("forgets the generation: an older one is put in force", async () => {
    await sled.delete(CONFIG);
    expect((await putConfig(sled, 1, { [G2]: U2 })).status).toBe(200);
    expect(generation()).toBe(1);
  });

  test("lets single changes be made again, and leaves them alone", async () => {
    await sled.delete(CONFIG);
    expectDone(await sled.setMapping(G2, U3));
    expectDone(await sled.clearMapping(G1, U1));
    expectDone(await sled.delete(FWD, { underlay: U1 }));
    expect((await sled.request("POST", "/multicast/audit")).body).toMatchObject({ findings: [] });
    expect(sled.mappings).toEqual({ [G2]: U3, [G3]: U2 });
    expect(forwardingOf(sled)).toEqual({});
  });

  test("is so after a restart, too: the driver's own tables are the truth again", async () => {
    await sled.delete(CONFIG);
    await sled.clearMapping(G1, U1);
    sled = await sled.restart();
    expectError(await sled.get(CONFIG), { status: 404 });
    expect(sled.mappings).toEqual({ [G3]: U2 });
    expect(joined()).toEqual([U2]);
  });

  test("is 204 where there is nothing to give back", async () => {
    await sled.delete(CONFIG);
    expectDone(await sled.delete(CONFIG));
  });
});

test("of a large configuration the first hundred steps have a line of the log each, and the rest are counted", async () => {
  sled = await Sled.start();
  const many = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`239.2.0.${n}`, "ff04::1"]));
  await putConfig(sled, 1, many, {});
  const said = sled.log.records.filter(({ level }) => level === "info").map(({ message }) => message);
  expect(said.filter((message) => message === "mapping set")).toHaveLength(100);
  expect(sled.log.records).toContainEqual(
    expect.objectContaining({ message: "configuration in force", fields: { generation: 1, steps: 150, failed: 0 } }),
  );
});
