/** How the daemon starts over xde: what it waits for, and what it ends at. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ensureBody, propolis } from "../harness/registration.ts";
import { DAEMON, run } from "./daemon.ts";
import { folder, Model, mappingOf, OBSTACLE, order, XdeDaemon } from "./xde-kit.ts";

const socketIn = (directory: string) => path.join(directory, "xde.sock");

describe.skipIf(OBSTACLE !== undefined)("a daemon over xde", () => {
  test("whose device is absent serves HTTP, says what is amiss, and is ready when the device comes", async () => {
    const socket = socketIn(folder());
    const daemon = await XdeDaemon.listening(socket);
    expect(await daemon.get("/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    await daemon.becomes("/readyz", {
      status: 503,
      body: {
        ready: false,
        steps: { driver: { done: false, detail: expect.stringContaining("/dev/xde") } },
        degraded: [{ thing: "driver", subject: "/dev/xde", reason: expect.stringContaining("cannot be opened") }],
      },
    });
    expect(await daemon.map(1)).toMatchObject({ status: 503, body: { error_code: "DRIVER_UNAVAILABLE" } });
    const model = await Model.start(socket);
    await daemon.becomes("/readyz", { status: 200, body: { ready: true, degraded: [] } });
    expect(await daemon.map(1)).toMatchObject({ status: 204 });
    expect((await model.tables()).m2p).toEqual([mappingOf(1)]);
    expect(await daemon.stop()).toBe(0);
  });

  test("answers what only the driver knows with 503 while the device is absent", async () => {
    const daemon = await XdeDaemon.listening(socketIn(folder()));
    const paths = ["mcast-m2p", "mcast-fwd", "mcast-subs", "ports"].map((name) => `/networking/${name}`);
    const answers = await Promise.all(paths.map((where) => daemon.get(where)));
    const expected = { status: 503, body: { error_code: "DRIVER_UNAVAILABLE" } };
    expect(answers).toMatchObject(paths.map(() => expected));
    expect(await daemon.get("/metrics")).toMatchObject({ status: 200, body: expect.stringContaining("sledcast_") });
  });

  test.each([38, 39])("ends with exit 95 at a kernel of API %i, and says what to install", async (version) => {
    const socket = socketIn(folder());
    await Model.start(socket, "--api-version", String(version));
    const daemon = new XdeDaemon(socket);
    expect(await daemon.exited).toBe(95);
    expect(daemon.stderr).toMatch(new RegExp(`driver speaks API ${version}, .* 40 and 41: install an OPTE package`));
    expect(daemon.stderr.trim().split("\n")).toHaveLength(1);
  });

  test.each(["EPERM", "EACCES"])("ends with exit 100 where opening the device is %s", async (errno) => {
    const socket = socketIn(folder());
    await Model.start(socket);
    await order(socket, { order: "open", errno });
    const daemon = new XdeDaemon(socket);
    expect(await daemon.exited).toBe(100);
    expect(daemon.stderr).toContain(`/dev/xde cannot be opened (${errno})`);
  });

  test("waits for a device that another process has for itself", async () => {
    const socket = socketIn(folder());
    const model = await Model.start(socket);
    await model.order({ order: "open", errno: "EBUSY" });
    const daemon = await XdeDaemon.listening(socket);
    await daemon.becomes("/readyz", {
      status: 503,
      body: { steps: { driver: { detail: expect.stringContaining("EBUSY") } } },
    });
    await model.order({ order: "open" });
    await daemon.becomes("/readyz", { status: 200 });
  });

  test("serves a kernel of API 40, says so once, and registers a VMM there", async () => {
    const socket = socketIn(folder());
    const model = await Model.start(socket, "--api-version", "40");
    await model.order({ order: "tables" });
    const daemon = await XdeDaemon.ready(socket, ["--underlay-nic", "net0", "--underlay-nic", "net1"]);
    const registered = await daemon.put(`/vmms/${propolis(1)}`, ensureBody());
    expect(registered).toMatchObject({ status: 200 });
    expect((await model.tables()).ports).toMatchObject([{ create: { cfg: { guestMac: "a8:40:25:00:00:01" } } }]);
    expect(await daemon.get("/multicast/status")).toMatchObject({
      body: { driver: { kind: "xde", api_version: 40, through: "/dev/xde" } },
    });
    await daemon.stop();
    const switches = daemon.records.filter(({ msg }) => String(msg).includes("speaks OPTE API 40"));
    expect(switches).toMatchObject([{ api_version: 40, before: 41 }]);
  });

  test.each(["addon", "koffi"])(
    "names the binding %s in the log and in its status, and serves through it",
    async (name) => {
      const socket = socketIn(folder());
      const model = await Model.start(socket);
      const daemon = await XdeDaemon.ready(socket, [], { SLEDCAST_BINDING: name });
      expect(await daemon.logged(({ binding }) => binding !== undefined)).toMatchObject({
        binding: name,
        msg: `the driver is reached through the ${name} binding`,
      });
      expect(await daemon.get("/multicast/status")).toMatchObject({ body: { driver: { binding: name } } });
      expect(await daemon.map(1)).toMatchObject({ status: 204 });
      expect((await model.tables()).m2p).toEqual([mappingOf(1)]);
      expect(await daemon.stop()).toBe(0);
    },
  );

  test("refuses a binding that is none as a bad setting, with exit 2", async () => {
    const daemon = new XdeDaemon(socketIn(folder()), [], { SLEDCAST_BINDING: "telepathy" });
    expect(await daemon.exited).toBe(2);
    expect(daemon.stderr).toContain("SLEDCAST_BINDING");
  });

  test("without an underlay address is refused with exit 2", async () => {
    const { code, stderr } = await run(DAEMON, ["--driver", "xde"]);
    expect(code).toBe(2);
    expect(stderr).toContain("underlay.ip");
  });
});
