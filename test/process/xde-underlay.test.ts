/**
 * The underlay that the daemon gives to xde, and the NICs it joins on. A model without `--link`
 * takes any name for a link; joins need interfaces of this host, so its own are used there.
 */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { folder, hostNics, Model, mappingOf, OBSTACLE, SOON, XdeDaemon } from "./xde-kit.ts";

const nics = (...names: readonly string[]) => names.flatMap((name) => ["--underlay-nic", name]);
const TWO = nics("net0", "net1");
const NICS = hostNics();

async function modelAt(...args: string[]): Promise<Model> {
  return Model.start(path.join(folder(), "xde.sock"), ...args);
}

describe.skipIf(OBSTACLE !== undefined)("the driver's underlay", () => {
  test("is the first two underlay NICs", async () => {
    const model = await modelAt();
    const daemon = await XdeDaemon.ready(model.socket, nics("net3", "net1", "net2"));
    expect((await model.tables()).underlay).toEqual(["net3", "net1"]);
    expect(await daemon.get("/readyz")).toMatchObject({ status: 200, body: { degraded: [] } });
  });

  test("may be set already", async () => {
    const model = await modelAt();
    await (await XdeDaemon.ready(model.socket, TWO)).stop();
    const daemon = await XdeDaemon.ready(model.socket, TWO);
    expect(await daemon.get("/readyz")).toMatchObject({ status: 200, body: { degraded: [] } });
    await daemon.stop();
    const complaints = daemon.records.filter(({ level }) => Number(level) >= 40);
    // Of the links that the fake driver knows, this host has none.
    expect(complaints.map(({ msg }) => msg)).toEqual([expect.stringMatching(/^underlay NICs are missing/)]);
  });

  test("is left alone with --no-set-underlay", async () => {
    const model = await modelAt();
    await XdeDaemon.ready(model.socket, [...TWO, "--no-set-underlay"]);
    expect((await model.tables()).underlay).toBeNull();
  });

  test.each([
    ["one NIC", ["net0"]],
    ["no NIC", []],
  ])("is left alone with %s, which the log says once", async (_what, names) => {
    const model = await modelAt();
    const daemon = await XdeDaemon.ready(model.socket, nics(...names));
    expect((await model.tables()).underlay).toBeNull();
    await daemon.stop();
    const said = daemon.records.filter(({ msg }) => String(msg).includes("fewer than two underlay NICs"));
    expect(said).toMatchObject([{ nics: names }]);
  });

  test("cannot be one NIC twice", async () => {
    const daemon = new XdeDaemon(path.join(folder(), "xde.sock"), nics("lo", "lo"));
    expect(await daemon.exited).toBe(2);
    expect(daemon.stderr).toContain("underlay.nics");
  });

  test("that the driver refuses is listed as degraded, and the rest works", async () => {
    const model = await modelAt("--link", "net0");
    const daemon = await XdeDaemon.ready(model.socket, nics("net0", "net7"));
    expect(await daemon.get("/readyz")).toMatchObject({
      status: 200,
      body: { degraded: [{ thing: "underlay", subject: "net0, net7", reason: expect.stringContaining("net7") }] },
    });
    expect(await daemon.get("/networking/mcast-m2p")).toMatchObject({ status: 200, body: [] });
  });

  test("is set again after the driver came back without one", async () => {
    const first = await modelAt();
    const daemon = await XdeDaemon.ready(first.socket, TWO);
    await first.stop("SIGKILL");
    // Asked while the driver is away, the daemon knows that it was.
    expect(await daemon.get("/networking/ports")).toMatchObject({ status: 503 });
    const second = await Model.start(first.socket);
    await expect.poll(async () => (await second.tables()).underlay, SOON).toEqual(["net0", "net1"]);
    await daemon.becomes("/readyz", { status: 200, body: { degraded: [] } });
  });
});

describe.skipIf(OBSTACLE !== undefined)("joins on interfaces of this host", () => {
  test("are made for a mapping, and told", async () => {
    const model = await modelAt();
    const daemon = await XdeDaemon.ready(model.socket, nics(...NICS));
    expect(await daemon.map(1)).toMatchObject({ status: 204 });
    expect(await daemon.get("/networking/mcast-filters")).toMatchObject({
      body: [{ underlay: mappingOf(1).underlay, nics: NICS.map((name) => ({ name, joined: true })) }],
    });
    expect(await daemon.get("/multicast/status")).toMatchObject({ body: { nics: NICS, degraded: [] } });
  });

  test("that fail are 503, and the driver has not been told of the mapping", async () => {
    const model = await modelAt();
    const daemon = await XdeDaemon.ready(model.socket, nics("lo", "no-such-nic"));
    expect(await daemon.map(1)).toMatchObject({ status: 503, body: { error_code: "UNDERLAY_JOIN_FAILED" } });
    expect((await model.tables()).m2p).toEqual([]);
  });

  test("are made at a start for what the driver holds", async () => {
    const model = await modelAt();
    const first = await XdeDaemon.ready(model.socket);
    await first.map(1);
    await first.stop("SIGKILL");
    const daemon = await XdeDaemon.ready(model.socket, nics(...NICS));
    expect(await daemon.get("/networking/mcast-filters")).toMatchObject({
      body: [{ underlay: mappingOf(1).underlay, nics: NICS.map((name) => ({ name, joined: true })) }],
    });
  });
});
