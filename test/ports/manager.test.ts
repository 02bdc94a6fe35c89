/**
 * Names, ids and leftovers of ports (illumos.md §3.3, sled-agent-api.md §12 rows 18 to 20). What a failing
 * or killed step leaves is walked by `faults.test.ts` and `crash.test.ts`; here is what those cannot
 * show: what others on the host have, and what was left by an earlier run.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { CountedDatalinks, type Datalinks } from "../../src/host/datalinks.ts";
import { Course } from "../harness/course.ts";
import { ensureBody, PROPOLIS } from "../harness/registration.ts";
import { Sled } from "../harness/sled.ts";
import { Host } from "./host.ts";

describe("a port's name", () => {
  it("is passed over where a datalink bears it that is somebody else's, and that stays", async () => {
    const host = new Host();
    await host.links.create("opte0");
    expect((await host.create(1)).name).toBe("opte1");
    expect(await host.links.isTaken("opte0")).toBe(true);
    expect(host.recorded).toEqual(["opte1"]);
  });

  it("is passed over where a port bears it that has no datalink id, and no id of ours stays", async () => {
    const host = new Host();
    await host.makeForeign("opte0", 1);
    expect((await host.create(1)).name).toBe("opte1");
    expect(host.ports).toEqual(["opte0", "opte1"]);
    expect(await host.links.isTaken("opte0")).toBe(false);
    expect(host.recorded).toEqual(["opte1"]);
  });

  it("is passed over where somebody takes it between the question and the creation", async () => {
    const links = new CountedDatalinks();
    let raced = false;
    const fails: Partial<Datalinks> = {
      isTaken: async (name) => {
        const taken = await links.isTaken(name);
        if (!raced) await links.create(name);
        raced = true;
        return taken;
      },
      create: (name) => links.create(name),
      destroy: (name) => links.destroy(name),
    };
    const host = new Host({ fails });
    expect((await host.create(1)).name).toBe("opte1");
    expect(await links.isTaken("opte0")).toBe(true);
    expect(host.recorded).toEqual(["opte1"]);
  });

  it("is not used again while its port is left over, also in the next run", async () => {
    const host = new Host();
    const ticket = await host.create(1);
    host.model.setPort({ name: "opte0", busy: true });
    expect(await host.manager.release(ticket)).toBe(false);
    expect((await host.create(2)).name).toBe("opte1");
    host.restart([]);
    expect((await host.create(3)).name).toBe("opte2");
  });

  it("is used once in a run, also when its creation failed", async () => {
    const host = new Host();
    host.model.faults.inject({ command: "CreateXde", when: "before", error: () => new Error("injected") });
    await expect(host.create(1)).rejects.toThrow("injected");
    const ticket = await host.create(1);
    expect(ticket.name).toBe("opte1");
    await host.manager.release(ticket);
    expect((await host.create(1)).name).toBe("opte2");
  });
});

describe("what an earlier run left", () => {
  const messages = ({ log }: Host, name: string) =>
    log.records.filter(({ fields }) => fields.port === name).map(({ message }) => message);

  async function killed(left: { readonly id: boolean; readonly port: boolean }): Promise<Host> {
    const host = new Host();
    await host.create(1);
    if (!left.port) await host.model.call("DeleteXde", { name: "opte0" });
    if (!left.id) await host.links.destroy("opte0");
    host.log.records.length = 0;
    host.restart([]);
    return host;
  }

  it.each([
    [
      "an id without a port",
      { id: true, port: false },
      "port that was left over is gone; its datalink id is given back",
    ],
    ["a port without a VMM", { id: true, port: true }, "port that was left over is deleted"],
    ["a port without an id", { id: false, port: true }, "port that was left over is deleted"],
    ["nothing but the record", { id: false, port: false }, "port that was left over is gone"],
  ])("is found by its record and taken away, and the log says so: %s", async (_text, left, said) => {
    const host = await killed(left);
    expect(host.manager.leftovers).toMatchObject([{ ticket: { name: "opte0" } }]);
    await host.manager.repair();
    expect(host.manager.leftovers).toEqual([]);
    expect(host.ports).toEqual([]);
    expect(host.links.live).toBe(0);
    expect(host.recorded).toEqual([]);
    expect(messages(host, "opte0")).toContain(said);
  });

  it("stays with the VMM that has it", async () => {
    const host = new Host();
    const ticket = await host.create(1);
    const [claimed] = host.restart([ticket]);
    expect(claimed?.name).toBe("opte0");
    await host.manager.repair();
    expect(host.ports).toEqual(["opte0"]);
    await expect(host.create(1)).rejects.toMatchObject({ kind: "conflict" });
  });

  it("is somebody else's where its name has another MAC by now: port and id stay", async () => {
    const host = await killed({ id: true, port: false });
    await host.makeForeign("opte0", 1);
    await host.manager.repair();
    expect(host.manager.leftovers).toEqual([]);
    expect(host.ports).toEqual(["opte0"]);
    expect(await host.links.isTaken("opte0")).toBe(true);
  });

  it("is not looked for beyond what the ledger knows", async () => {
    const host = new Host();
    await host.links.create("opte3");
    await host.makeForeign("opte3", 3);
    await host.makeForeign("opte4", 4);
    host.restart([]);
    await host.manager.repair();
    expect(host.ports).toEqual(["opte3", "opte4"]);
    expect(host.links.live).toBe(1);
  });

  it("is left over until its id can be given back, and its NIC is refused meanwhile", async () => {
    let away = true;
    const links = new CountedDatalinks();
    const host = new Host({
      fails: {
        isTaken: (name) => links.isTaken(name),
        create: (name) => links.create(name),
        destroy: async (name) => {
          if (away) throw new Error("dlmgmtd is away");
          return links.destroy(name);
        },
      },
    });
    const ticket = await host.create(1);
    expect(await host.manager.release(ticket)).toBe(false);
    expect(host.ports).toEqual([]);
    expect(host.manager.leftovers).toMatchObject([{ ticket: { name: "opte0" }, reason: "dlmgmtd is away" }]);
    await expect(host.create(1)).rejects.toMatchObject({ kind: "conflict" });
    host.restart([]);
    await host.manager.repair();
    expect(host.manager.leftovers).toMatchObject([{ reason: "dlmgmtd is away" }]);
    away = false;
    expect((await host.create(1)).name).toBe("opte1");
    expect(links.live).toBe(1);
    expect(host.recorded).toEqual(["opte1"]);
  });
});

describe("a port that is busy when its VMM goes", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("is tried again with growing pauses, is told in the status and by the audit, and is gone once it is idle", async () => {
    const course = new Course();
    const sled = await Sled.start({ course });
    await sled.put(`/vmms/${PROPOLIS}`, ensureBody());
    sled.model.setPort({ name: "opte0", busy: true });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    expect((await sled.delete(`/vmms/${PROPOLIS}`)).status).toBe(200);
    course.begin();
    const tries = () => course.steps.filter((step) => step === "DeleteXde").length;
    for (const [i, pause] of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(tries()).toBe(i);
      await vi.advanceTimersByTimeAsync(1);
      await expect.poll(tries).toBe(i + 1);
    }
    const { degraded } = (await sled.get("/multicast/status")).body as { degraded: unknown };
    expect(degraded).toMatchObject([{ thing: "port", subject: "opte0", reason: expect.stringContaining("errno 16") }]);
    const audit = async () => (await sled.request("POST", "/multicast/audit")).body as { findings: unknown };
    expect((await audit()).findings).toMatchObject([
      {
        what: "port-left-over",
        subject: { port: "opte0" },
        repaired: false,
        error: expect.stringContaining("errno 16"),
      },
    ]);
    sled.model.setPort({ name: "opte0", busy: false });
    // What is known to be broken is tried before the audit looks.
    expect((await audit()).findings).toEqual([]);
    expect(sled.ports).toEqual([]);
    expect(sled.datalinks.live).toBe(0);
    expect(((await sled.get("/multicast/status")).body as { degraded: unknown }).degraded).toEqual([]);
    await sled.close();
  });
});
