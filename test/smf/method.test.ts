/** The start method under the shells at hand, and what of the daemon's life SMF sees: start, refresh, stop, exit codes. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import semver from "semver";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { encodeHeader } from "../../src/intent/ledger/lines.ts";
import { DAEMON, run } from "../process/daemon.ts";
import { Model, OBSTACLE, order } from "../process/xde-kit.ts";
import { METHOD, Service, SOON } from "./service.ts";
import { find, IN_CI } from "./tools.ts";

const WITH_FAKE_XDE = fileURLToPath(new URL("../../scripts/with-fake-xde", import.meta.url));
const LOGADM = fileURLToPath(new URL("../../smf/sledcast.logadm", import.meta.url));

/** A program that stands for Node. */
function script(service: Service, name: string, lines: string): string {
  const file = path.join(service.dir, name);
  writeFileSync(file, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  return file;
}

/** The first is illumos' own /bin/sh. What all have in common is what the method may use; outside CI one stands for all. */
const shells = ["ksh93", "dash", "bash"]
  .flatMap((name) => {
    const shell = find(name, `the start method under ${name}`);
    return shell === undefined ? [] : [{ name, shell }];
  })
  .slice(0, IN_CI ? undefined : 1);

describe.each(shells)("the start method under $name", ({ shell }) => {
  const start = (service: Service) => service.start([shell, METHOD]);

  test("returns 0 when the daemon answers, which lives on and is all that it leaves behind", async () => {
    const service = new Service();
    expect(await start(service)).toBe(0);
    expect(await service.health()).toMatchObject({ status: "ok" });
    expect(service.log).toMatch(/^sledcast: ready \(pid \d+\)$/m);
    await service.logged(/^ready$/);
    expect(readdirSync(service.dir).sort()).toEqual(["log", "properties", "state"]);
  });

  test("ends with 96 where a property is wrong, and names it", async () => {
    const service = new Service({ log_level: ["loud"] });
    expect(await start(service)).toBe(96);
    expect(service.log).toContain('sledcastd: config/log_level: "loud" is not one of trace, debug,');
    expect(readdirSync(service.dir).sort()).toEqual(["log", "properties"]);
  });
});

describe("the service, once started", () => {
  let service: Service;
  let exit: string;
  beforeAll(async () => {
    service = new Service();
    exit = path.join(service.dir, "exit");
    // Tells what only the one who started node is told: the method is gone by then.
    const node = `[ "$1" != --version ] || exec "${process.execPath}" "$1"
      trap '' HUP TERM
      "${process.execPath}" "$@"
      echo "ended with $?" >"${exit}"`;
    service.set({ node: [script(service, "node", node)] });
    expect(await service.start()).toBe(0);
  });
  afterAll(() => service.remove());

  test("reads its properties again at a refresh, and its log says what changed and what waits", async () => {
    service.set({ log_level: ["debug"], underlay_nics: ["net0", "net1"] });
    service.signal("SIGHUP");
    expect(await service.logged(/^settings read again/)).toMatchObject({
      msg: "settings read again: log.level changed; at the next restart: underlay.nics",
      changed: [{ setting: "log.level", from: "info", to: "debug" }],
      waiting: [{ setting: "underlay.nics", from: [], to: ["net0", "net1"] }],
    });
  });

  test("goes on with what it has where a refresh finds a property wrong", async () => {
    service.set({ audit_interval: ["-1"] });
    service.signal("SIGHUP");
    expect(await service.logged(/cannot be used; the daemon goes on/)).toMatchObject({
      error: expect.stringMatching(/^config\/audit_interval: /),
    });
    expect(await service.health()).toMatchObject({ status: "ok" });
  });

  test("ends by itself, with 0, at the signal that a stop sends", async () => {
    service.signal("SIGTERM");
    await expect.poll(() => existsSync(exit) && readFileSync(exit, "utf8"), SOON).toBe("ended with 0\n");
    expect(service.records.at(-1)).toMatchObject({ msg: "stopped" });
  });
});

describe("the service", () => {
  test("is online, and says why that is not all, where the daemon listens and still waits for the driver", async () => {
    const service = new Service();
    const node = `[ "$1" != --version ] || exec echo v22.13.0\necho listening >&3`;
    service.set({ node: [script(service, "node", node)] });
    expect(await service.start()).toBe(0);
    expect(service.log).toMatch(/^sledcast: listening \(pid \d+\), and not ready yet: see the log, \/readyz,/);
  });

  test("leaves nothing behind where the start method is killed while it waits, as svc.startd does at the timeout", async () => {
    const service = new Service();
    const node = `[ "$1" != --version ] || exec echo v22.13.0\necho waiting\nexec sleep 600`;
    service.set({ node: [script(service, "node", node)] });
    const started = service.start();
    // The script goes on to remove the pipe when the daemon has it open, and the daemon speaks after that.
    await expect.poll(() => service.log, SOON).toBe("waiting\n");
    const left = () => readdirSync(service.dir).filter((name) => name.startsWith("sledcast."));
    await expect.poll(left, SOON).toEqual([]);
    service.signal("SIGKILL");
    expect(await started).toBe("SIGKILL");
    expect(left()).toEqual([]);
  });

  test("starts from an installed tree, with the tree's own node where no other is named", async () => {
    const service = new Service({ node: [] });
    const prefix = path.join(service.dir, "opt");
    mkdirSync(path.join(prefix, "bin"), { recursive: true });
    mkdirSync(path.join(prefix, "lib", "method"), { recursive: true });
    symlinkSync(path.dirname(DAEMON), path.join(prefix, "dist"));
    symlinkSync(process.execPath, path.join(prefix, "bin", "node"));
    const installed = path.join(prefix, "lib", "method", "sledcast");
    cpSync(METHOD, installed);
    expect(await service.start([installed])).toBe(0);
    expect(await service.health()).toMatchObject({ status: "ok" });
  });
});

describe("the start method ends with", () => {
  test("1, and so is tried again, where the port is another's", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    onTestFinished(() => void holder.close());
    const service = new Service({ listen: [`127.0.0.1:${(holder.address() as AddressInfo).port}`] });
    expect(await service.start()).toBe(1);
    expect(service.log).toContain("EADDRINUSE");
  });

  test("95 at a ledger of a format that the daemon does not know", async () => {
    const service = new Service();
    const state = path.join(service.dir, "state");
    mkdirSync(state);
    writeFileSync(path.join(state, "ledger.1"), encodeHeader({ format: 99, generation: 1, previous: 0, after: 0 }));
    expect(await service.start()).toBe(95);
    expect(service.log).toContain("format 99");
  });

  test("96 at a property that is no setting", async () => {
    const service = new Service({ colour: ["red"] });
    expect(await service.start()).toBe(96);
    expect(service.log).toContain("sledcastd: config/colour: no such setting; there are listen, ");
  });

  test("96 where a setting is missing that the driver needs", async () => {
    const service = new Service({ driver: ["xde"] });
    expect(await service.start()).toBe(96);
    expect(service.log).toContain("sledcastd: config/underlay_ip: is required with the xde driver");
  });

  test.each([
    ["/nonexistent/node", "/nonexistent/node is no program"],
    ["node", "node is no absolute path"],
    ["/var/no node", "/var/no node is no program"],
  ])("96 where Node is said to be %s", async (node, why) => {
    const service = new Service({ node: [node] });
    expect(await service.start()).toBe(96);
    expect(service.log).toBe(`sledcast: config/node: ${why}\n`);
  });

  test("99 outside SMF", async () => {
    const service = new Service();
    const ends = [{ SMF_FMRI: "" }, { STAND_IN_NO_SMF: "1" }, { SLEDCAST_SMF_INCLUDE: "" }];
    expect(await Promise.all(ends.map((env) => service.start([METHOD], env)))).toEqual([99, 99, 99]);
    expect(service.log).toContain("not started by SMF: svcadm enable svc:/oxide/sledcast:default");
  });

  test.skipIf(OBSTACLE !== undefined)("95 at a kernel whose OPTE is of another API version", async () => {
    const service = new Service({ driver: ["xde"], underlay_ip: ["fd00::1"] });
    const socket = path.join(service.dir, "xde");
    await Model.start(socket, "--api-version", "39");
    expect(await service.start([WITH_FAKE_XDE, socket, METHOD])).toBe(95);
    expect(service.log).toContain("driver speaks API 39");
  });

  test.skipIf(OBSTACLE !== undefined)("100 where opening the device wants a privilege", async () => {
    const service = new Service({ driver: ["xde"], underlay_ip: ["fd00::1"] });
    const socket = path.join(service.dir, "xde");
    await Model.start(socket);
    await order(socket, { order: "open", errno: "EPERM" });
    expect(await service.start([WITH_FAKE_XDE, socket, METHOD])).toBe(100);
    expect(service.log).toContain("/dev/xde cannot be opened (EPERM)");
  });
});

test("the start method takes the versions of Node that the package takes, and ends with 95 at others", async () => {
  const versions = ["18.20.8", "20.18.3", "20.19.0", "21.7.3", "22.12.0", "22.13.0", "23.11.1", "24.0.0", "26.1.0"];
  const taken = versions.map(async (version) => {
    const service = new Service();
    service.set({ node: [script(service, "node", `[ "$1" != --version ] || echo v${version}`)] });
    return [version, await service.start()];
  });
  const expected = versions.map((version) => [version, semver.satisfies(version, packageJson.engines.node) ? 1 : 95]);
  expect(await Promise.all(taken)).toEqual(expected);
});

const shellcheck = find("shellcheck", "the start method's text");
test.skipIf(shellcheck === undefined)("the start method is POSIX sh without a fault", async () => {
  await expect(promisify(execFile)(shellcheck ?? "", ["-s", "sh", METHOD])).resolves.toMatchObject({ stdout: "" });
});

test("the log of the service is copied and truncated when it is rotated, and named as smf_logs names it", () => {
  const entries = readFileSync(LOGADM, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(entries).toEqual(["sledcast /var/svc/log/oxide-sledcast:default.log -C 8 -s 10m -c"]);
});

describe("sledcastd --smf", () => {
  test("is refused with 2 where there is no svcprop", async () => {
    const { code, stderr } = await run(DAEMON, ["--smf", "svc:/oxide/sledcast:default"], { PATH: "/nonexistent" });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("svcprop is not in PATH") });
  });

  test("is refused with 2 for an instance that is not there", async () => {
    const PATH = `${path.dirname(fileURLToPath(new URL("./stand-ins/svcprop", import.meta.url)))}:${process.env.PATH}`;
    const { code, stderr } = await run(DAEMON, ["--smf", "svc:/oxide/other:default"], { PATH });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("doesn't match any entities") });
  });

  test("is not said together with --config", async () => {
    const { code, stderr } = await run(DAEMON, ["--smf", "svc:/oxide/sledcast:default", "--config", "a.toml"]);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("--config") });
  });

  test("tells readiness only on a descriptor that is open", async () => {
    const { code, stderr } = await run(DAEMON, ["--ready-fd", "4095"]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--ready-fd 4095: is not open"),
    });
  });
});
