/** Readers that go away: no error of whoever wrote to them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { AgentClient } from "../../src/cli/client.ts";
import { CLI, DAEMON, Daemon, withStateDir } from "./daemon.ts";

/** A process whose output the test reads, until it does not. */
function start(script: string, args: readonly string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exited = once(child, "close").then(([code, signal]) => code ?? signal);
  return { child, exited, stderr: () => stderr };
}

test.each([
  ["the driver's verbs", ["--direct", "--help"]],
  ["the doctor", ["--agent", "http://127.0.0.1:1", "doctor"]],
])("%s whose reader went is exit 0, and silent", async (_what, args) => {
  const { child, exited, stderr } = start(CLI, args);
  child.stdout.destroy();
  expect(await exited).toBe(0);
  expect(stderr()).toBe("");
});

test("a failure that nobody reads is exit 1 all the same", async () => {
  const { child, exited } = start(CLI, ["--agent", "http://127.0.0.1:1", "status"]);
  child.stderr.destroy();
  expect(await exited).toBe(1);
});

test("a watch ends with its reader, exit 0, and silent", async () => {
  const daemon = await Daemon.ready();
  try {
    const { child, exited, stderr } = start(CLI, ["--agent", daemon.url, "watch", "--since", "17"]);
    await once(child.stdout, "data");
    child.stdout.destroy();
    await daemon.call("PUT", "/networking/mcast-m2p", { group: "239.1.1.1", underlay: "ff04::1" });
    expect(await exited).toBe(0);
    expect(stderr()).toBe("");
  } finally {
    await daemon.stop();
  }
});

/** Waits until it serves, and asks for a change. */
async function change(agent: string, n: number): Promise<void> {
  const client = new AgentClient(agent);
  await expect.poll(() => client.call("GET", "/healthz").catch(() => undefined), { timeout: 30_000 }).toBeDefined();
  await client.call("PUT", "/networking/mcast-m2p", { group: `239.1.1.${n}`, underlay: `ff04::${n}` });
}

describe("a daemon goes on serving", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "pipes-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const command = (format: string) => {
    const agent = `unix:${dir}/agent`;
    return { agent, args: withStateDir(["--listen", agent, "--log-format", format]) };
  };

  test.each(["bunyan", "pretty"])("when its %s log has no reader any more", async (format) => {
    const { agent, args } = command(format);
    const { child, exited } = start(DAEMON, args);
    await once(child.stdout, "data");
    child.stdout.destroy();
    child.stderr.destroy();
    for (const n of [1, 2, 3]) await change(agent, n);
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
  });

  test.skipIf(!existsSync("/dev/full"))("when the disk that its log is on is full", async () => {
    const { agent, args } = command("bunyan");
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [DAEMON, ...args], { stdio: ["ignore", full, "ignore"] });
    closeSync(full);
    onTestFinished(() => void child.kill("SIGKILL"));
    const exited = once(child, "close");
    for (const n of [1, 2]) await change(agent, n);
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});
