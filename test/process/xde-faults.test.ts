/** A driver that is replaced, slow, failing, shared, and a daemon that is killed: between real processes. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import { folder, Model, mappingOf, OBSTACLE, XdeDaemon } from "./xde-kit.ts";

const TWO = ["--underlay-nic", "net0", "--underlay-nic", "net1"];
const M2P = "/networking/mcast-m2p";

async function pair(...args: string[]): Promise<{ model: Model; daemon: XdeDaemon }> {
  const model = await Model.start(path.join(folder(), "xde.sock"));
  return { model, daemon: await XdeDaemon.ready(model.socket, args) };
}

describe.skipIf(OBSTACLE !== undefined)("a driver that is replaced by one of another API version", () => {
  test("that is not served is 503 by both numbers until it is replaced again", async () => {
    const { model, daemon } = await pair();
    await daemon.map(1);
    await model.order({ order: "api-version", version: 39 });
    const words = /API 39, .* 40 and 41/;
    for (const n of [2, 3]) {
      expect(await daemon.map(n)).toMatchObject({
        status: 503,
        body: { error_code: "DRIVER_UNAVAILABLE", message: expect.stringMatching(words) },
      });
    }
    expect(await daemon.get("/readyz")).toMatchObject({
      body: { degraded: [{ thing: "driver", subject: "/dev/xde", reason: expect.stringMatching(words) }] },
    });
    await model.order({ order: "api-version", version: 41 });
    await daemon.becomes("/readyz", { status: 200, body: { degraded: [] } });
    expect(await daemon.map(4)).toMatchObject({ status: 204 });
    expect((await model.tables()).m2p).toEqual([1, 4].map(mappingOf));
    await daemon.stop();
    const said = daemon.records.filter(({ msg }) => String(msg).includes("the driver answers again"));
    expect(said).toHaveLength(1);
  });

  test("that is served goes unnoticed but for the log and the status", async () => {
    const { model, daemon } = await pair();
    await model.order({ order: "api-version", version: 40 });
    expect(await daemon.map(1)).toMatchObject({ status: 204 });
    expect(await daemon.get("/multicast/status")).toMatchObject({
      body: { driver: { api_version: 40 }, degraded: [] },
    });
  });
});

describe.skipIf(OBSTACLE !== undefined)("a slow driver", () => {
  test("does not keep those who ask: lists are answered as last seen, and what it is busy with is told", async () => {
    const { model, daemon } = await pair();
    await daemon.map(1);
    await daemon.get(M2P);
    await model.order({ order: "delay", command: "SetMcast2Phys", ms: 2500 });
    const slow = daemon.map(2);
    await daemon.becomes("/readyz", { status: 200, body: { running: { name: "set_m2p" } } });
    const list = await daemon.get(M2P);
    expect(list).toMatchObject({ status: 200, body: [mappingOf(1)] });
    expect(Number(list.age)).toBeGreaterThan(0);
    expect(await daemon.get("/multicast/status")).toMatchObject({
      body: { driver: { busy_with: { command: "SetMcast2Phys" } } },
    });
    expect(await slow).toMatchObject({ status: 204 });
    expect(await daemon.get(M2P)).toMatchObject({ age: null, body: [mappingOf(1), mappingOf(2)] });
  });

  test("at the start does not keep the daemon from listening", async () => {
    const model = await Model.start(path.join(folder(), "xde.sock"));
    await model.order({ order: "delay", command: "ListPorts", ms: 6000 });
    const daemon = await XdeDaemon.listening(model.socket);
    expect(await daemon.get("/healthz")).toMatchObject({ status: 200 });
    expect(await daemon.get("/readyz")).toMatchObject({ status: 503 });
    await daemon.becomes("/readyz", { status: 200 });
  });
});

describe.skipIf(OBSTACLE !== undefined)("a failing driver", () => {
  const MOVED = { group: mappingOf(1).group, underlay: "ff04::99" };

  test("leaves the old mapping, whenever and however it fails, and the answer says whether to try again", async () => {
    const { model, daemon } = await pair();
    await daemon.map(1);
    for (const [errno, when, status] of [
      ["EBUSY", "before", 503],
      ["EBUSY", "after", 503],
      ["EIO", "before", 503],
      ["EINVAL", "before", 409],
      ["EINVAL", "after", 409],
    ] as const) {
      await model.order({ order: "fail", command: "SetMcast2Phys", errno, when });
      const answer = await daemon.put(M2P, MOVED);
      expect(answer, `${errno} ${when}`).toMatchObject({ status, body: { error_code: "DRIVER_REFUSED" } });
      await daemon.becomes("/readyz", { status: 200, body: { degraded: [] } });
      expect((await model.tables()).m2p, `${errno} ${when}`).toEqual([mappingOf(1)]);
      expect(await daemon.get(M2P), `${errno} ${when}`).toMatchObject({ body: [mappingOf(1)] });
    }
  });

  test("that cuts a command off is asked again, where that makes no difference", async () => {
    const { model, daemon } = await pair();
    await model.order({ order: "cut", command: "SetMcast2Phys" });
    expect(await daemon.map(1)).toMatchObject({ status: 204 });
    expect((await model.tables()).m2p).toEqual([mappingOf(1)]);
    await daemon.becomes("/readyz", { status: 200, body: { degraded: [] } });
  });

  test("that cuts the making of a port off, before its effect or after, leaves no port", async () => {
    const { model, daemon } = await pair(...TWO);
    for (const when of ["before", "after"]) {
      await model.order({ order: "cut", command: "CreateXde", when });
      const answer = await daemon.put(`/vmms/${propolis(1)}`, ensureBody());
      expect(answer, when).toMatchObject({ status: 503, body: { error_code: "DRIVER_UNAVAILABLE" } });
      await daemon.becomes("/readyz", { status: 200, body: { degraded: [] } });
      expect((await model.tables()).ports, when).toEqual([]);
    }
    expect(await daemon.put(`/vmms/${propolis(1)}`, ensureBody())).toMatchObject({ status: 200 });
    expect((await model.tables()).ports).toHaveLength(1);
  });
});

describe.skipIf(OBSTACLE !== undefined)("one device", () => {
  test("is shared by two daemons, each of which sees what the other did", async () => {
    const { model, daemon: one } = await pair(...TWO);
    const two = await XdeDaemon.ready(model.socket, TWO);
    for (const [daemon, n] of [
      [one, 1],
      [two, 2],
    ] as const) {
      const instance = `aaaaaaaa-0000-4000-8000-00000000000${n}`;
      const nics = [nic(n, { primary: true, slot: 0, kind: { type: "instance", id: instance } })];
      const body = ensureBody({ nics }, { instance_id: instance });
      expect(await daemon.put(`/vmms/${propolis(n)}`, body)).toMatchObject({ status: 200 });
    }
    for (const daemon of [one, two]) {
      const { body } = await daemon.get("/networking/ports");
      expect((body as { owner: string }[]).map(({ owner }) => owner).sort()).toEqual(["foreign", "registered"]);
    }
    expect((await model.tables()).ports).toHaveLength(2);
  });

  test("keeps its tables when the daemon is killed or told to stop, and the next one finds them", async () => {
    const { model, daemon } = await pair();
    for (const n of [1, 2, 3]) expect(await daemon.map(n)).toMatchObject({ status: 204 });
    await daemon.stop("SIGKILL");
    const next = await XdeDaemon.ready(model.socket);
    expect(await next.get(M2P)).toMatchObject({ status: 200, body: [1, 2, 3].map(mappingOf) });
    expect(await next.stop()).toBe(0);
    expect((await model.tables()).m2p).toEqual([1, 2, 3].map(mappingOf));
  });
});
