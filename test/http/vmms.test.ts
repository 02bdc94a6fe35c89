/** VMMs over HTTP: unknown ids, registering again, conflicts, states (product.md, sled-agent-api.md §1 and §4). */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensureBody, INSTANCE, nic, PROPOLIS, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { changingNothing, expectBadRequest, expectDone, expectError, expectRefused } from "./expect.ts";
import { MEMBERSHIP, membership, populatedSled, STATE, VMM } from "./populated.ts";

const OTHER_INSTANCE = "aaaaaaaa-0000-4000-8000-000000000002";
const RFC3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

interface SledVmmState {
  readonly vmm_state: { readonly state: string; readonly gen: number; readonly time_updated: string };
  readonly migration_in: { readonly migration_id: string } | null;
  readonly migration_out: null;
}

let sled: Sled;
beforeEach(async () => {
  sled = await populatedSled({ model: { ports: [{ name: "vnic0" }, { name: "vnic1" }] } });
});
afterEach(() => sled.close());

const stateOf = async (id = PROPOLIS): Promise<SledVmmState> => (await sled.get(`/vmms/${id}/state`)).body;

describe("an unknown VMM", () => {
  const unknown = `/vmms/${propolis(9)}`;

  test("may join and leave: 204, and nothing is done", async () => {
    expectDone(await changingNothing(sled, () => sled.put(`${unknown}/multicast-group`, membership())));
    expectDone(await changingNothing(sled, () => sled.delete(`${unknown}/multicast-group`, membership())));
  });

  test("has no state to get or put: 404 NO_SUCH_INSTANCE", async () => {
    const refusal = { status: 404, code: "NO_SUCH_INSTANCE" };
    expectError(await sled.get(`${unknown}/state`), refusal);
    expectError(await sled.put(`${unknown}/state`, { state: { type: "running" } }), refusal);
  });

  test("has no list of memberships: 404 NO_SUCH_INSTANCE", async () => {
    expectError(await sled.get(`${unknown}/multicast-group`), { status: 404, code: "NO_SUCH_INSTANCE" });
  });

  test("is unregistered with 200 and null", async () => {
    const answer = await changingNothing(sled, () => sled.delete(unknown));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ updated_runtime: null });
  });

  test("is told of a bad body all the same", async () => {
    expectBadRequest(await sled.put(`${unknown}/multicast-group`, membership({ group_ip: "10.0.0.1" })), "group_ip");
    expectBadRequest(await sled.put(`${unknown}/state`, {}), "state");
  });
});

describe("registering", () => {
  test("answers the state that the body has", async () => {
    const answer = await sled.put(`/vmms/${propolis(2)}`, ensureBody({ nics: [] }));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      vmm_state: { state: "starting", gen: 1, time_updated: "2026-01-02T03:04:05.678901Z" },
      migration_in: null,
      migration_out: null,
    });
  });

  test("makes the ports at once", () => {
    expect(sled.ports).toContain("opte0");
    expect(sled.subscriptions).toEqual({ "ff04::1": { opte0: "include(10.1.1.1)" } });
  });

  test("again for the same instance is 200 with the current state, and the new body is ignored", async () => {
    await sled.put(STATE, { state: { type: "running" } });
    const current = await stateOf();
    const body = ensureBody({ nics: [nic(5)], multicast_groups: [] }, { vmm_runtime: { ...runtime, gen: 77 } });
    const answer = await changingNothing(sled, () => sled.put(VMM, body));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(current);
  });

  test("again with a body that is wrong is 400 all the same", async () => {
    await expectRefused(sled, () => sled.put(VMM, ensureBody({ nics: [nic(1, { vni: 1 << 24 })] })), "vni");
  });

  test("for another instance is 409 CONFLICT", async () => {
    const answer = await changingNothing(sled, () => sled.put(VMM, ensureBody({}, { instance_id: OTHER_INSTANCE })));
    expectError(answer, { status: 409, code: "CONFLICT" });
  });

  test("for another instance is possible once the VMM is unregistered", async () => {
    await sled.delete(VMM);
    expect((await sled.put(VMM, ensureBody({}, { instance_id: OTHER_INSTANCE }))).status).toBe(200);
  });

  test("with a NIC that another VMM has is 409 CONFLICT", async () => {
    const answer = await changingNothing(sled, () => sled.put(`/vmms/${propolis(2)}`, ensureBody()));
    expectError(answer, { status: 409, code: "CONFLICT" });
  });

  test("with a NIC that a port of nobody's has is 409 CONFLICT", async () => {
    const taken = sled.model.tables.ports.find(({ create }) => create.name === "vnic0")?.create.cfg;
    const body = ensureBody({ nics: [nic(3, { mac: taken?.guestMac, vni: taken?.vni })] });
    const answer = await sled.put(`/vmms/${propolis(2)}`, body);
    expectError(answer, { status: 409, code: "CONFLICT" });
    expect(sled.ports.toSorted()).toEqual(["opte0", "vnic0", "vnic1"]);
  });

  test("a second NIC that is taken takes the first one's port back", async () => {
    const answer = await sled.put(`/vmms/${propolis(2)}`, ensureBody({ nics: [nic(7, { primary: true }), nic(1)] }));
    expectError(answer, { status: 409, code: "CONFLICT" });
    expect(sled.ports.toSorted()).toEqual(["opte0", "vnic0", "vnic1"]);
  });

  test("the same MAC in another network is another NIC", async () => {
    expect((await sled.put(`/vmms/${propolis(2)}`, ensureBody({ nics: [nic(1, { vni: 101 })] }))).status).toBe(200);
  });

  test("a group twice with the same sources is one membership", async () => {
    const groups = [
      ["10.1.1.1", "10.2.2.2"],
      ["10.2.2.2", "10.1.1.1", "10.2.2.2"],
    ].map((sources) => membership({ sources }));
    expect((await sled.put(`/vmms/${propolis(2)}`, ensureBody({ nics: [], multicast_groups: groups }))).status).toBe(
      200,
    );
    expect(await sled.memberships(propolis(2))).toEqual({ "239.1.1.1": "pending" });
  });

  test("a group twice with different sources is 400", async () => {
    const groups = [membership({ sources: ["10.1.1.1"] }), membership()];
    const body = ensureBody({ nics: [], multicast_groups: groups });
    await expectRefused(sled, () => sled.put(`/vmms/${propolis(2)}`, body), "multicast_groups[1].group_ip");
  });
});

const runtime = { state: "starting", gen: 1, time_updated: "2026-01-02T03:04:05.678901Z" };

describe("a state", () => {
  test.each([
    [{ type: "running" }, "running"],
    [{ type: "reboot" }, "running"],
    [{ type: "stopped" }, "stopped"],
    [{ type: "migration_target", value: { src_propolis_addr: "[fd00::7]:12400" } }, "migrating"],
  ])("put as %o is kept, with the next generation", async (state, kept) => {
    const answer = await sled.put(STATE, { state });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      updated_runtime: {
        vmm_state: { state: kept, gen: 2, time_updated: expect.stringMatching(RFC3339_UTC) },
        migration_in: null,
        migration_out: null,
      },
    });
    const { updated_runtime: updated }: { readonly updated_runtime: SledVmmState } = answer.body;
    expect(await stateOf()).toEqual(updated);
  });

  test("leaves ports and memberships as they are", async () => {
    const tables = structuredClone(sled.model.tables);
    for (const type of ["running", "reboot", "stopped"]) await sled.put(STATE, { state: { type } });
    expect(sled.model.tables).toEqual(tables);
    expect((await stateOf()).vmm_state.gen).toBe(4);
  });

  test.each(["9007199254740993", "18446744073709551614"])("keeps a generation of 64 bits exactly: %s", async (gen) => {
    const text = JSON.stringify(ensureBody({ nics: [] })).replace('"gen":1', `"gen":${gen}`);
    expect((await sled.put(`/vmms/${propolis(2)}`, text)).text).toContain(`"gen":${gen}`);
    const next = await sled.put(`/vmms/${propolis(2)}/state`, { state: { type: "running" } });
    expect(next.text).toContain(`"gen":${BigInt(gen) + 1n}`);
  });

  test("has no generation beyond 64 bits, which no client could read", async () => {
    const text = JSON.stringify(ensureBody({ nics: [] })).replace('"gen":1', '"gen":18446744073709551615');
    expect((await sled.put(`/vmms/${propolis(2)}`, text)).text).toContain('"gen":18446744073709551615');
    const next = await sled.put(`/vmms/${propolis(2)}/state`, { state: { type: "running" } });
    expect(next.status).toBeLessThan(500);
    expect(next.text).not.toContain("18446744073709551616");
  });

  test("names the migration that a VMM was registered with", async () => {
    const body = ensureBody({ nics: [] }, { migration_id: "ffffffff-0000-4000-8000-000000000001" });
    await sled.put(`/vmms/${propolis(2)}`, body);
    expect((await stateOf(propolis(2))).migration_in?.migration_id).toBe("ffffffff-0000-4000-8000-000000000001");
  });
});

describe("unregistering", () => {
  test("answers the last state, and the VMM is unknown after", async () => {
    const answer = await sled.delete(VMM);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ updated_runtime: { vmm_state: { gen: 2 } } });
    expectError(await sled.get(STATE), { status: 404, code: "NO_SUCH_INSTANCE" });
    expect(sled.ports.toSorted()).toEqual(["vnic0", "vnic1"]);
    expect(sled.subscriptions).toEqual({});
  });

  test("twice is 200 and null", async () => {
    await sled.delete(VMM);
    const answer = await changingNothing(sled, () => sled.delete(VMM));
    expect(answer.body).toEqual({ updated_runtime: null });
  });

  test("is 200 also where the driver keeps the port, which is busy", async () => {
    sled.fail("DeleteXde", { times: 3 });
    expect((await sled.delete(VMM)).status).toBe(200);
    expectError(await sled.get(STATE), { status: 404, code: "NO_SUCH_INSTANCE" });
  });

  test("with a join behind it lets the join do nothing: 204", async () => {
    sled.model.faults.inject({ command: "DeleteXde", when: "before", delay: 50 });
    const [unregistered, joined] = await Promise.all([sled.delete(VMM), sled.put(MEMBERSHIP, membership())]);
    expect(unregistered.status).toBe(200);
    expectDone(joined);
    expect(sled.subscriptions).toEqual({});
  });
});

describe("adopting", () => {
  const adoptee = propolis(5);

  test("ports that exist is 204, also again", async () => {
    expectDone(await sled.adopt(adoptee, "vnic0", "vnic1"));
    expectDone(await sled.adopt(adoptee, "vnic1"));
    const vmms = (await sled.get("/vmms")).body;
    expect(vmms).toContainEqual(
      expect.objectContaining({ propolis_id: adoptee, ports: [{ name: "vnic1", primary: true }] }),
    );
  });

  test("a port that the driver lacks is 404 and names it", async () => {
    const answer = await changingNothing(sled, () => sled.adopt(adoptee, "vnic0", "vnic9"));
    expectError(answer, { status: 404, names: "vnic9" });
  });

  test("a port of another VMM is 409 CONFLICT", async () => {
    await sled.adopt(adoptee, "vnic0");
    const refusal = { status: 409, code: "CONFLICT" };
    expectError(await changingNothing(sled, () => sled.adopt(propolis(6), "vnic0")), refusal);
    expectError(await changingNothing(sled, () => sled.adopt(propolis(6), "opte0")), refusal);
  });

  test.each([
    ["ports", { ports: [], primary: "vnic0" }],
    ["ports", { ports: "vnic0", primary: "vnic0" }],
    ["ports", { primary: "vnic0" }],
    ["ports", { ports: ["vnic0", "vnic0"], primary: "vnic0" }],
    ["ports", { ports: ["vnic0", 5], primary: "vnic0" }],
    ["primary", { ports: ["vnic0"], primary: "vnic1" }],
    ["primary", { ports: ["vnic0"] }],
  ])("with %s wrong is 400 and names them", async (field, body) => {
    await expectRefused(sled, () => sled.put(`/vmms/${adoptee}/ports`, body), field);
  });

  test("for a VMM that was registered is 409 CONFLICT, and registering an adopted one, too", async () => {
    await sled.adopt(adoptee, "vnic0");
    expectError(await sled.adopt(PROPOLIS, "vnic1"), { status: 409, code: "CONFLICT" });
    const body = ensureBody({ nics: [] }, { instance_id: INSTANCE });
    expectError(await sled.put(`/vmms/${adoptee}`, body), { status: 409, code: "CONFLICT" });
  });

  test("and unregistering leaves the ports where they are", async () => {
    await sled.adopt(adoptee, "vnic0");
    expect((await sled.delete(`/vmms/${adoptee}`)).status).toBe(200);
    expect(sled.ports).toContain("vnic0");
  });
});
