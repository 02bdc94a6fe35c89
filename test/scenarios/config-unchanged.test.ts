/** What changes nothing while a configuration is in force: the same again, an older one, a single change. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONFIG, Commands, hop, putConfig } from "../harness/config.ts";
import { propolis } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { changingNothing, expectDone, expectError } from "../http/expect.ts";

const VM1 = propolis(1);
const [G1, G2, G3] = ["239.1.1.1", "239.1.1.2", "ff0e::3"];
const [U1, U2, U3] = ["ff04::1", "ff04::2", "ff04::3"];
const M2P = "/networking/mcast-m2p";
const FWD = "/networking/mcast-fwd";

const M2P_WANTED = { [G3]: U2, [G1]: U1 };
const HOP_B = hop("fd00::b", { mode: "include", sources: ["10.0.0.2", "10.0.0.1"] });
const HOP_A = hop("fd00::a");
const FWD_WANTED = { [U1]: [HOP_B, HOP_A] };
const CONTENT = [M2P_WANTED, FWD_WANTED] as const;

/** One for all: each test leaves it as it is, and the driver is told nothing. */
let sled: Sled;
let commands: Commands;
beforeAll(async () => {
  sled = await Sled.start({ model: { ports: [{ name: "guest0" }] } });
  await sled.adopt(VM1, "guest0");
  await putConfig(sled, 5, ...CONTENT);
  commands = new Commands(sled.model);
});
afterAll(() => sled.close());

describe("the same generation", () => {
  test("with the same content is answered as before, without a word to the driver", async () => {
    const { status, body } = await putConfig(sled, 5, ...CONTENT);
    expect({ status, body }).toEqual({ status: 200, body: { generation: 5, applied: 3, failed: [] } });
    expect(commands.all).toEqual([]);
  });

  test("with the same content in another order and spelling is the same", async () => {
    const { status } = await sled.put(CONFIG, {
      generation: 5,
      m2p: [
        { group: G1, underlay: "FF04:0:0:0:0:0:0:1" },
        { group: "ff0e:0::0003", underlay: U2 },
      ],
      forwarding: [
        {
          underlay: "ff04:0::1",
          next_hops: [
            hop("fd00:0::a"),
            hop("FD00::B", { mode: "include", sources: ["10.0.0.1", "10.0.0.2", "10.0.0.1"] }),
          ],
        },
      ],
      comment: "unknown fields are ignored",
    });
    expect(status).toBe(200);
    expect(commands.all).toEqual([]);
  });

  test.each([
    ["a mapping more", { ...M2P_WANTED, [G2]: U1 }, FWD_WANTED],
    ["a mapping less", { [G1]: U1 }, FWD_WANTED],
    ["a mapping moved", { ...M2P_WANTED, [G1]: U3 }, FWD_WANTED],
    ["another group instead", { [G1]: U1, [G2]: U2 }, FWD_WANTED],
    ["an entry more", M2P_WANTED, { ...FWD_WANTED, [U2]: [] }],
    ["an entry less", M2P_WANTED, {}],
    ["another underlay group's entry instead", M2P_WANTED, { [U2]: [HOP_B, HOP_A] }],
    ["a hop more", M2P_WANTED, { [U1]: [HOP_B, HOP_A, hop("fd00::c")] }],
    ["a hop less", M2P_WANTED, { [U1]: [HOP_A] }],
    ["another hop instead", M2P_WANTED, { [U1]: [HOP_A, { ...HOP_B, next_hop: "fd00::c" }] }],
    ["another replication", M2P_WANTED, { [U1]: [HOP_B, { ...HOP_A, replication: "both" }] }],
    ["another filter mode", M2P_WANTED, { [U1]: [{ ...HOP_B, filter: { ...HOP_B.filter, mode: "exclude" } }, HOP_A] }],
    ["a source less", M2P_WANTED, { [U1]: [{ ...HOP_B, filter: { mode: "include", sources: ["10.0.0.1"] } }, HOP_A] }],
  ])("with %s is 409 GENERATION and changes nothing", async (_what, otherM2p, otherForwarding) => {
    const answer = await changingNothing(sled, () => putConfig(sled, 5, otherM2p, otherForwarding));
    expectError(answer, { status: 409, code: "GENERATION", names: "5" });
    expect(commands.all).toEqual([]);
    expect(await sled.get(CONFIG)).toMatchObject({ body: { m2p: [{ underlay: U1 }, { group: G3 }] } });
  });
});

test.each([CONTENT, [{}, {}]] as const)(
  "an older generation is 409 GENERATION, whatever it says (%#)",
  async (...content) => {
    const answer = await changingNothing(sled, () => putConfig(sled, 4, ...content));
    expectError(answer, { status: 409, code: "GENERATION", names: "4" });
    expect(commands.all).toEqual([]);
    expect(sled.agent.status().generation).toBe(5);
  },
);

describe("while a configuration is in force", () => {
  test.each([
    ["PUT", M2P, { group: G2, underlay: U2 }],
    ["PUT", M2P, { group: G1, underlay: U1 }],
    ["DELETE", M2P, { group: G1, underlay: U1 }],
    ["DELETE", M2P, { group: G1, underlay: U3 }],
    ["PUT", FWD, { underlay: U1, next_hops: [hop("fd00::c")] }],
    ["DELETE", FWD, { underlay: U1 }],
  ])("%s %s is 409 MANAGED_BY_CONFIG: %j", async (method, path, body) => {
    const answer = await changingNothing(sled, () => sled.request(method, path, body));
    const { message } = expectError(answer, { status: 409, code: "MANAGED_BY_CONFIG", names: "5" });
    expect(message).toContain(CONFIG);
    expect(commands.all).toEqual([]);
  });

  test("a single change that is wrong by itself is 400 as ever", async () => {
    expectError(await sled.setMapping("10.0.0.1", U1), { status: 400, names: "group" });
  });

  // Last: the driver is told of it.
  test("memberships come and go as ever", async () => {
    expectDone(await sled.join(VM1, G1));
    expect(sled.subscriptions).toEqual({ [U1]: { guest0: "exclude()" } });
    expectDone(await sled.leave(VM1, G1));
    expect(sled.subscriptions).toEqual({});
  });
});
