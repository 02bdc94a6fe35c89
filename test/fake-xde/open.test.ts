import { realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rawReply } from "./frame-server.ts";
import { LIBRARY, OBSTACLE, Probe, WITH_FAKE_XDE } from "./probe.ts";

const { EACCES, EPERM } = constants.errno;
const OK = "ok flags=1 actual=5";

describe.skipIf(OBSTACLE !== undefined)(`opening the fake /dev/xde${OBSTACLE ? ` (skipped: ${OBSTACLE})` : ""}`, () => {
  let probe: Probe;
  beforeAll(() => {
    probe = new Probe();
  });
  afterAll(() => probe.remove());

  it("tells the server the flags, and honours O_CLOEXEC", async () => {
    const server = await probe.server();
    expect(await probe.run(server.path, "open", "rdwr")).toEqual(["ok cloexec=0"]);
    expect(await probe.run(server.path, "open", "rdwr", "cloexec")).toEqual(["ok cloexec=1"]);
    expect(server.opens).toEqual([
      { kind: "open", flags: 0o2 },
      { kind: "open", flags: 0o2000002 },
    ]);
  });

  it("looks at no access mode, as the driver does not", async () => {
    const server = await probe.server();
    expect(await probe.run(server.path, "open", "wronly")).toEqual(["ok cloexec=0"]);
    expect(await probe.run(server.path, "open")).toEqual(["ok cloexec=0"]);
  });

  it("refuses O_NONBLOCK and O_EXCL with EINVAL", async () => {
    const server = await probe.server();
    expect(await probe.run(server.path, "open", "rdwr", "nonblock")).toEqual(["EINVAL"]);
    expect(await probe.run(server.path, "open", "rdwr", "excl")).toEqual(["EINVAL"]);
  });

  it("fails with the errno of a server that refuses, before it looks at the flags", async () => {
    const server = await probe.server();
    server.onOpen = () => ({ errno: EPERM });
    expect(await probe.run(server.path, "open", "rdwr", "nonblock")).toEqual(["EPERM"]);
    server.onOpen = () => ({ errno: EACCES });
    expect(await probe.run(server.path, "open", "rdwr")).toEqual(["EACCES"]);
  });

  it("fails with EIO when the answer to an open carries bytes", async () => {
    const server = await probe.server();
    server.onOpen = () => rawReply(0, 1, 3n, Buffer.from("abc"));
    expect(await probe.run(server.path, "open", "rdwr")).toEqual(["EIO"]);
  });

  it("fails with ENXIO when the server dies over it", async () => {
    const server = await probe.server();
    server.onOpen = () => "hang up";
    expect(await probe.run(server.path, "open", "rdwr")).toEqual(["ENXIO"]);
  });

  it("fails with ENOENT on /dev/xde when nobody listens: the driver is not attached", async () => {
    expect(await probe.run(probe.unusedPath(), "open", "rdwr")).toEqual(["ENOENT"]);
    expect(await probe.run(await deadSocket(), "open", "rdwr")).toEqual(["ENOENT"]);
  });

  it("fails with ENXIO on a socket file when nobody listens, with ENOENT when the file is absent", async () => {
    const run = (device: string) => preloaded(["open", device, "rdwr"]);
    expect(await run(await deadSocket())).toEqual(["ENXIO"]);
    expect(await run(probe.unusedPath())).toEqual(["ENOENT"]);
  });

  it("gives the device by each of the open functions, by relative paths too", async () => {
    const server = await probe.server();
    expect(await preloaded(["every-open", server.path])).toEqual(Array(10).fill(OK));
    expect(server.opens).toHaveLength(10);
    expect(server.accepted).toBe(1);
  });

  it("leaves to the system what it refuses for a reason of its own", async () => {
    const server = await probe.server();
    const link = `${server.path}.link`;
    symlinkSync(server.path, link);
    expect(await preloaded(["open", link, "rdwr"])).toEqual(["ok cloexec=0"]);
    expect(await preloaded(["open", link, "rdwr", "nofollow"])).toEqual(["ELOOP"]);
    expect(await preloaded(["open", server.path, "path"])).toEqual(["ok cloexec=0"]);
    expect(server.opens).toHaveLength(1);
  });

  it("takes another path for the device from SLEDCAST_FAKE_XDE_DEVICE", async () => {
    const server = await probe.server();
    const env = { SLEDCAST_FAKE_XDE_DEVICE: "/elsewhere/xde" };
    const args = (device: string) => [server.path, probe.program, "open", device, "rdwr"];
    expect(await probe.start(WITH_FAKE_XDE, args("/elsewhere/xde"), { env })).toEqual(["ok cloexec=0"]);
    expect(await probe.start(WITH_FAKE_XDE, args("/dev/xde"), { env })).toEqual(["ENOENT"]);
    expect(server.opens).toHaveLength(1);
  });

  it("leaves other files alone, with the environment and without", async () => {
    const server = await probe.server();
    const made = path.join(probe.directory, "made-by-probe");
    const untouched = (last: string) => ["ok 3", "ok", "ENOTTY flags=0 actual=0", "EBADF flags=0 actual=0", last, "ok"];
    expect(await probe.run(server.path, "other-files")).toEqual(untouched("ok"));
    expect(statSync(made).mode & 0o777).toBe(0o640);
    rmSync(made);
    expect(await preloaded(["other-files", "/dev/xde"])).toEqual(untouched("ENOENT"));
    expect(server.opens).toHaveLength(1);
    expect(server.commands).toEqual([]);
  });

  /** Preloaded, with nothing else in the environment. */
  function preloaded(args: readonly string[]): Promise<string[]> {
    return probe.start(probe.program, args, { env: { LD_PRELOAD: probe.preloadable } });
  }

  /** The file of a socket that nobody listens on: a killed server leaves one. */
  async function deadSocket(): Promise<string> {
    const socket = probe.unusedPath();
    const script = `require("node:net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`;
    expect(await probe.start(process.execPath, ["-e", script])).toEqual(["exit SIGKILL"]);
    return socket;
  }
});

describe.skipIf(OBSTACLE !== undefined)("scripts/with-fake-xde", () => {
  let probe: Probe;
  beforeAll(() => {
    probe = new Probe();
  });
  afterAll(() => probe.remove());
  /** What is preloaded, without the links that go round a path with a blank. */
  const librariesIn = ([, preloaded = ""]: readonly string[]) =>
    preloaded.split(":").map((library) => realpathSync(library));
  const show = 'echo "$SLEDCAST_FAKE_XDE"; echo "$LD_PRELOAD"';

  it("makes the socket's path absolute and keeps what is preloaded already", async () => {
    const env = { LD_PRELOAD: probe.preloadable };
    const lines = await probe.start(WITH_FAKE_XDE, ["a.sock", "sh", "-c", show], { env });
    expect(lines[0]).toBe(path.join(probe.directory, "a.sock"));
    expect(librariesIn(lines)).toEqual([LIBRARY, LIBRARY]);
  });

  it("works through a link to it", async () => {
    const link = path.join(probe.directory, "linked");
    symlinkSync(WITH_FAKE_XDE, link);
    const lines = await probe.start(link, ["/a.sock", "sh", "-c", show]);
    expect(lines[0]).toBe("/a.sock");
    expect(librariesIn(lines)).toEqual([LIBRARY]);
  });

  it("ends with the command's status", async () => {
    expect(await probe.start(WITH_FAKE_XDE, ["a.sock", "sh", "-c", "exit 7"])).toEqual(["exit 7"]);
  });

  it("ends with status 2 when it is called wrongly", async () => {
    const quietly = (args: string) => ["-c", `"$0" ${args} 2>/dev/null`, WITH_FAKE_XDE];
    expect(await probe.start("sh", quietly("a.sock"))).toEqual(["exit 2"]);
    expect(await probe.start("sh", quietly("'' true"))).toEqual(["exit 2"]);
  });

  it("says how to build the library when it is not there", async () => {
    const copy = path.join(probe.directory, "copy");
    const [message, status] = await probe.start("sh", ["-c", `cp "$0" ${copy} && ${copy} s true 2>&1`, WITH_FAKE_XDE]);
    expect(message).toMatch(/libfake-xde\.so is not built; run: npm run build$/);
    expect(status).toBe("exit 2");
  });
});
