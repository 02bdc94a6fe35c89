/** sledcastd as a process: settings, log, signals, kill -9, sockets. */
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { messageOf } from "../../src/error.ts";
import { exitCodeOf } from "../../src/exit.ts";
import { configure, parseFlags } from "../../src/flags.ts";
import { DAEMON, Daemon, run } from "./daemon.ts";

let dir: string;
const started: Daemon[] = [];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "sledcastd-"));
});
afterEach(async () => {
  for (const daemon of started.splice(0)) await daemon.stop("SIGKILL");
  rmSync(dir, { recursive: true });
});

async function ready(...args: string[]): Promise<Daemon> {
  const daemon = await Daemon.ready(...args);
  started.push(daemon);
  return daemon;
}

/** What the daemon makes of its settings, without the process; where they are good there is nothing to tell. */
async function refusal(args: readonly string[]): Promise<{ code: number | undefined; said: string }> {
  try {
    await configure(parseFlags(args));
  } catch (error) {
    return { code: exitCodeOf(error), said: messageOf(error) };
  }
  return { code: undefined, said: "" };
}

describe("settings", () => {
  test.each([
    ["--listen", "0.0.0.0:12345", "listen"],
    ["--listen", "[::]:12345", "listen"],
    ["--listen", "[0:0::0]:12345", "listen"],
    ["--listen", "[::ffff:0.0.0.0]:12345", "listen"],
    ["--listen", "localhost:1", "listen"],
    ["--listen", "127.0.0.1:65536", "listen"],
    ["--listen", "unix:relative", "listen"],
    ["--driver", "kernel", "driver"],
    ["--underlay-ip", "ff04::1", "underlay.ip"],
    ["--underlay-join", "never", "underlay.join"],
    ["--model-port", "a,b", "model.ports"],
    ["--model-port", "a-name-that-is-too-long", "model.ports"],
    ["--log-level", "loud", "log.level"],
    ["--log-format", "xml", "log.format"],
    ["--audit-interval", "soon", "audit.interval"],
    ["--audit-mode", "maybe", "audit.mode"],
    ["--no-such-flag", "", "no-such-flag"],
  ])("%s %s is refused by the name %s with exit 2", async (flag, value, key) => {
    const { code, said } = await refusal(value === "" ? [flag] : [flag, value]);
    expect(code).toBe(2);
    expect(said).toContain(key);
    expect(said.trim().split("\n")).toHaveLength(1);
  });

  test.each([
    [["--listen", "[::]:12345"], "listen"],
    [["--no-such-flag"], "no-such-flag"],
  ])("what is refused (%j) is one line on stderr, and nothing on stdout", async (args, key) => {
    const { code, stderr, stdout } = await run(DAEMON, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(key);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test.each([
    ["an unknown key", "lissten = 'x'", "lissten"],
    ["an unknown key of a table", "[log]\ncolour = true", "log.colour"],
    ["a table that is a value", "log = 3", "log"],
    ["a NIC named twice", "[underlay]\nnics = ['net0', 'net0']", "underlay.nics"],
    ["a key that is a prototype's", "__proto__ = 1", "__proto__"],
    ["a value of the wrong type", "[underlay]\nnics = 'net0'", "underlay.nics"],
    ["what is not TOML", "listen = ", "settings.toml"],
  ])("a file with %s is refused by name with exit 2", async (_what, content, key) => {
    const file = path.join(dir, "settings.toml");
    writeFileSync(file, content);
    const { code, said } = await refusal(["--config", file]);
    expect(code).toBe(2);
    expect(said).toContain(key);
  });

  test("a file that is not there is refused with exit 2", async () => {
    const { code, stderr } = await run(DAEMON, ["--config", path.join(dir, "none.toml")]);
    expect(code).toBe(2);
    expect(stderr).toContain("ENOENT");
  });

  test("a flag overrides the file", async () => {
    const file = path.join(dir, "settings.toml");
    writeFileSync(file, 'listen = "127.0.0.1:1"\n[log]\nlevel = "debug"\n[model]\nports = ["guest7"]\n');
    const daemon = await ready("--config", file);
    expect((await daemon.call("GET", "/networking/ports")).body).toMatchObject([{ name: "guest7", vni: 100 }]);
  });

  test("a wildcard address is allowed when it is insisted on", async () => {
    const daemon = new Daemon("--listen", "0.0.0.0:0", "--insecure-wildcard");
    started.push(daemon);
    expect(await daemon.logged(({ msg }) => msg === "ready")).toBeDefined();
  });

  test("a port of the model can be given in full", async () => {
    const daemon = await ready("--model-port", "guest0,5000,a8:40:25:1:2:3,fd00::7");
    expect((await daemon.call("GET", "/networking/ports")).body).toMatchObject([
      { name: "guest0", vni: 5000, mac: "a8:40:25:01:02:03", ips: ["fd00::7"], owner: "foreign" },
    ]);
  });

  test("--help says every flag and every exit status", async () => {
    const { code, stdout } = await run(DAEMON, ["--help"]);
    expect(code).toBe(0);
    for (const flag of ["--listen", "--model-state", "--underlay-nic", "--audit-interval", "Exit status", "95"]) {
      expect(stdout).toContain(flag);
    }
  });
});

describe("the log", () => {
  test("is bunyan: every record has what looker needs", async () => {
    const daemon = await ready();
    await daemon.call("PUT", "/networking/mcast-m2p", { group: "239.1.1.1", underlay: "ff04::1" });
    await daemon.call("GET", "/nowhere");
    await daemon.stop();
    expect(daemon.records.length).toBeGreaterThan(4);
    for (const record of daemon.records) {
      expect(record).toMatchObject({ v: 0, name: "sledcastd", hostname: expect.any(String), pid: daemon.pid });
      expect(record).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
      expect(new Date(record.time as string).toISOString()).toBe(record.time);
    }
  });

  test("has one record a request with dropshot's fields, and one info record a change", async () => {
    const daemon = await ready();
    const mapping = { group: "239.1.1.1", underlay: "ff04::1" };
    await daemon.call("PUT", "/networking/mcast-m2p", mapping);
    await daemon.call("PUT", "/networking/mcast-m2p", mapping);
    await daemon.stop();
    const changes = daemon.records.filter((record) => record.group !== undefined);
    expect(changes).toMatchObject([{ level: 30, ...mapping, msg: "mapping set" }]);
    const requests = daemon.records.filter(({ msg }) => msg === "change requested");
    expect(requests).toHaveLength(2);
    expect(requests[0]).toMatchObject({
      req_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      remote_addr: "127.0.0.1",
      method: "PUT",
      uri: "/networking/mcast-m2p",
      response_code: 204,
      latency_us: expect.any(Number),
    });
  });

  test("says at debug what was sent although nothing changed", async () => {
    const daemon = await ready("--log-level", "debug");
    const mapping = { group: "239.1.1.1", underlay: "ff04::1" };
    for (const _ of [1, 2]) await daemon.call("PUT", "/networking/mcast-m2p", mapping);
    expect(await daemon.logged(({ msg }) => msg === "mapping set again")).toMatchObject({ level: 20, ...mapping });
  });

  test("is for people when asked", async () => {
    const daemon = new Daemon("--listen", "127.0.0.1:0", "--log-format", "pretty", "--log-level", "info");
    started.push(daemon);
    await expect(daemon.logged(() => true)).rejects.toThrow(SyntaxError);
  });
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("%s ends it with exit 0", async (signal) => {
    const daemon = await ready();
    expect(await daemon.stop(signal)).toBe(0);
    expect(daemon.records.at(-1)).toMatchObject({ msg: "stopped" });
  });

  test("a request under way when it is told to stop is finished", async () => {
    const daemon = await ready();
    const { port } = new URL(daemon.url);
    // Asked to go on, the client knows that the head has arrived; then the daemon is told to stop, then comes the body.
    const headers = { "content-type": "application/json", expect: "100-continue" };
    const put = request({ host: "127.0.0.1", port, method: "PUT", path: "/networking/mcast-m2p", headers });
    const answer = new Promise<number>((resolve, reject) => {
      put.on("response", (response) => resolve(response.statusCode ?? 0)).on("error", reject);
    });
    put.flushHeaders();
    await once(put, "continue");
    process.kill(daemon.pid, "SIGTERM");
    await daemon.logged(({ signal }) => signal === "SIGTERM");
    put.end('{"group":"239.1.1.1","underlay":"ff04::1"}');
    expect(await answer).toBe(204);
    expect(await daemon.exited).toBe(0);
  });
});

describe("the driver model's state", () => {
  const mapping = (n: number) => ({ group: `239.7.0.${n}`, underlay: `ff04::7:${n}` });

  test("outlives kill -9 in its one file, and a start joins what it holds", async () => {
    const file = path.join(dir, "model.state");
    const first = await ready("--model-state", file, "--model-port", "guest0");
    for (const n of [1, 2, 3]) expect((await first.call("PUT", "/networking/mcast-m2p", mapping(n))).status).toBe(204);
    await first.stop("SIGKILL");
    expect(readdirSync(dir)).toEqual(["model.state"]);
    const second = await ready("--model-state", file, "--model-port", "guest0");
    expect((await second.call("GET", "/networking/mcast-m2p")).body).toEqual([1, 2, 3].map(mapping));
    expect((await second.call("GET", "/networking/ports")).body).toMatchObject([{ name: "guest0" }]);
  });

  test("deleted while the daemon is down is a reboot", async () => {
    const file = path.join(dir, "model.state");
    const first = await ready("--model-state", file);
    await first.call("PUT", "/networking/mcast-m2p", mapping(1));
    await first.stop();
    rmSync(file);
    const second = await ready("--model-state", file);
    expect((await second.call("GET", "/networking/mcast-m2p")).body).toEqual([]);
  });

  test("in a file that is something else is refused, and the file is left alone", async () => {
    const file = path.join(dir, "notes.txt");
    writeFileSync(file, "not a state file\n");
    const { code, stderr } = await run(DAEMON, ["--listen", "127.0.0.1:0", "--model-state", file]);
    expect(code).toBe(2);
    expect(stderr).toContain(file);
    expect(readFileSync(file, "utf8")).toBe("not a state file\n");
  });

  test("in a file that is damaged is refused, and the file is left alone", async () => {
    const file = path.join(dir, "model.state");
    const daemon = await ready("--model-state", file);
    await daemon.call("PUT", "/networking/mcast-m2p", mapping(1));
    await daemon.stop();
    const damaged = readFileSync(file, "utf8").replace('"m2p"', '"m2');
    writeFileSync(file, damaged);
    const { code, stderr } = await run(DAEMON, ["--listen", "127.0.0.1:0", "--model-state", file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/model\.state .*damaged.*delete it to start with empty tables/);
    expect(readFileSync(file, "utf8")).toBe(damaged);
  });
});

describe("a Unix socket", () => {
  const get = (socketPath: string) =>
    new Promise<number>((resolve, reject) => {
      request({ socketPath, path: "/healthz" }, (response) => resolve(response.statusCode ?? 0))
        .on("error", reject)
        .end();
    });

  test("is served, for its owner and group only; one that a killed daemon left is taken over", async () => {
    const socket = path.join(dir, "agent.sock");
    for (const _start of [1, 2]) {
      const daemon = new Daemon("--listen", `unix:${socket}`);
      await daemon.logged(({ msg }) => msg === "ready");
      expect(await get(socket)).toBe(200);
      expect(statSync(socket).mode & 0o777).toBe(0o660);
      await daemon.stop("SIGKILL");
    }
  });

  test("is not made where a file of that name is, and the file stays", async () => {
    const file = path.join(dir, "notes.txt");
    writeFileSync(file, "mine\n");
    const { code, stderr } = await run(DAEMON, ["--listen", `unix:${file}`, "--log-level", "error"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`unix:${file} exists and is no socket`);
    expect(readFileSync(file, "utf8")).toBe("mine\n");
  });

  test("on which another daemon answers is left to it", async () => {
    const socket = path.join(dir, "agent.sock");
    const daemon = new Daemon("--listen", `unix:${socket}`);
    started.push(daemon);
    await daemon.logged(({ msg }) => msg === "ready");
    const { code, stderr } = await run(DAEMON, ["--listen", `unix:${socket}`, "--log-level", "error"]);
    expect(code).toBe(1);
    expect(stderr).toContain(socket);
    expect(await get(socket)).toBe(200);
  });
});

test("an address in use is an error that names it", async () => {
  const daemon = await ready();
  const { code, stderr } = await run(DAEMON, ["--listen", daemon.url.replace("http://", ""), "--log-level", "error"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^sledcastd: listen: 127\.0\.0\.1:\d+: another process has it .+ --listen \(EADDRINUSE\)$/m);
});

test.each([
  ["that is another host's", "[2001:db8::1]:12345", 1, "this host has no such address, or not yet"],
  ["in a folder that is not there", "unix:/no/such/folder/socket", 2, "/no/such/folder is not there; make it first"],
  ["of a path that would be cut off", `unix:/tmp/${"a".repeat(120)}`, 2, "is too long"],
  ["by a name", "localhost:12345", 2, "localhost is a name, and names are not looked up; [::1] is this host"],
  ["of a port beyond all", "[::1]:99999", 2, "ports go up to 65535"],
])("an address %s is an error with its way out", async (_what, address, status, said) => {
  const { code, stderr } = await run(DAEMON, ["--listen", address, "--log-level", "fatal"]);
  expect(stderr).toContain(`listen: ${address}`);
  expect(stderr).toContain(said);
  expect(code).toBe(status);
});

test("a state directory that is a file is an error that says so", async () => {
  const { code, stderr } = await run(DAEMON, ["--listen", "127.0.0.1:0", "--state-dir", DAEMON]);
  expect(code).toBe(2);
  expect(stderr).toContain("a folder is needed, and a file is there");
});

test("the defaults are the contract's: [::1]:12345 and a memory-only model", async () => {
  const { stdout } = await run(DAEMON, ["--help"]);
  expect(stdout).toContain("[::1]:12345");
});
