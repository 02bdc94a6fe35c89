/** Readers that go away: no error of whoever wrote to them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { CLI, DAEMON, Daemon, withStateDir } from "./daemon.ts";

/** A process whose stdout, or stderr, nobody reads any more, from the first byte or at once. */
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
  ["a long help", ["--help"]],
  ["the driver's verbs", ["--direct", "--help"]],
  ["the doctor", ["--agent", "http://127.0.0.1:1", "doctor"]],
])("%s whose reader went is exit 0, and silent", async (_what, args) => {
  const { child, exited, stderr } = start(CLI, args);
  child.stdout.destroy();
  expect(await exited).toBe(0);
  expect(stderr()).toBe("");
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

test.each(["bunyan", "pretty"])("a daemon whose %s log has no reader any more goes on serving", async (format) => {
  const args = withStateDir(["--listen", "127.0.0.1:0", "--log-format", format]);
  const { child, exited } = start(DAEMON, args);
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const address = () => /listening on ([\d.]+:\d+)/.exec(log)?.[1];
  await expect.poll(address, { timeout: 30_000 }).toBeDefined();
  const url = `http://${address()}`;
  child.stdout.destroy();
  child.stderr.destroy();
  for (const n of [1, 2, 3]) {
    const body = JSON.stringify({ group: `239.1.1.${n}`, underlay: `ff04::${n}` });
    const headers = { "content-type": "application/json" };
    const { status } = await fetch(`${url}/networking/mcast-m2p`, { method: "PUT", body, headers });
    expect(status).toBe(204);
  }
  child.kill("SIGTERM");
  expect(await exited).toBe(0);
});
