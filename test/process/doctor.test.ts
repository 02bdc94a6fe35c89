/** `sledcast doctor` and `drain` as a person uses them: while the agent is up, and while it is down. */
import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import { CLI, Daemon, run } from "./daemon.ts";
import { folder, Model, OBSTACLE } from "./xde-kit.ts";

const WITH_FAKE_XDE = fileURLToPath(new URL("../../scripts/with-fake-xde", import.meta.url));

const NOBODY = "http://127.0.0.1:1";

function statesOf(json: string): Record<string, string> {
  return Object.fromEntries((JSON.parse(json) as Finding[]).map(({ check, state }) => [check, state]));
}

test("finds nothing wrong with a daemon that was just started, and where it is when asked at another address", async () => {
  const dir = path.join(folder(), "state");
  const daemon = await Daemon.ready("--state-dir", dir, "--model-port", "guest0");
  try {
    const up = await run(CLI, ["--agent", daemon.url, "--json", "doctor", "--state-dir", dir]);
    expect(up).toMatchObject({ code: 0, stderr: "" });
    const states = statesOf(up.stdout);
    expect(states).toMatchObject({ agent: "ok", readiness: "ok", ledger: "ok", "state directory": "ok", ports: "ok" });
    expect(Object.values(states)).not.toContain("failed");

    const astray = await run(CLI, ["--agent", NOBODY, "doctor", "--state-dir", dir]);
    expect(astray.code).toBe(1);
    expect(astray.stdout).toContain(`way out: sledcast --agent ${daemon.url} doctor`);

    const unasked = await run(CLI, ["--agent", daemon.url, "drain"]);
    expect(unasked).toMatchObject({ code: 0, stdout: "Nothing of this agent is on the sled.\n" });
    await daemon.call("PUT", "/networking/mcast-m2p", { group: "239.1.1.1", underlay: "ff04::1" });
    const refused = await run(CLI, ["--agent", daemon.url, "drain"]);
    expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--yes") });
    const drained = await run(CLI, ["--agent", daemon.url, "--json", "drain", "--yes"]);
    expect(drained).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(drained.stdout)).toMatchObject({ failed: [], left: { mappings: [], vmms: [] } });
  } finally {
    await daemon.stop();
  }
});

test.skipIf(OBSTACLE !== undefined)("asks the driver itself where no agent does", async () => {
  const socket = path.join(folder(), "xde");
  await Model.start(socket);
  const args = ["--agent", NOBODY, "--json", "doctor", "--xde-device", "/dev/xde", "--state-dir", folder()];
  const failure = await promisify(execFile)(WITH_FAKE_XDE, [socket, process.execPath, CLI, ...args]).catch(
    (error: { code: number; stdout: string }) => error,
  );
  expect(failure).toMatchObject({ code: 1 });
  expect(statesOf(failure.stdout)).toMatchObject({ device: "ok", "OPTE API": "ok", privileges: "ok", agent: "failed" });
});
