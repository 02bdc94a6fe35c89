/** `sledcast watch` as a person has it open, over the restart of the agent. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { AgentClient } from "../../src/cli/client.ts";
import { CLI, Daemon, run } from "./daemon.ts";

/** A socket has the same name after a restart. */
function socketName(): string {
  const directory = mkdtempSync(path.join(tmpdir(), "watch-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return `unix:${directory}/agent`;
}

async function daemonAt(agent: string): Promise<Daemon> {
  const daemon = await Daemon.ready("--listen", agent);
  onTestFinished(async () => void (await daemon.stop("SIGKILL")));
  return daemon;
}

function watch(...args: string[]) {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
    });
  }
  const exited = once(child, "close").then(([code, signal]) => code ?? signal);
  return {
    said,
    lines: () =>
      said.stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    stop: (signal: NodeJS.Signals) => {
      child.kill(signal);
      return exited;
    },
  };
}

const SOON = { timeout: 20_000 };

test("says what changes, does not keep the agent from stopping, and goes on with its successor", async () => {
  const agent = socketName();
  const first = await daemonAt(agent);
  const watching = watch("--agent", agent, "--json", "watch", "--since", "17", "--kinds", "mapping");
  await expect.poll(() => watching.lines(), SOON).toMatchObject([{ event: "reset" }]);
  await new AgentClient(agent).call("PUT", "/networking/mcast-m2p", { group: "239.1.1.1", underlay: "ff04::1" });
  const mapping = { group: "239.1.1.1", underlay: "ff04::1", before: null, by: "agent" };
  await expect.poll(() => watching.lines()[1], SOON).toMatchObject({ event: "mapping", data: mapping });
  expect(await first.stop()).toBe(0);
  await expect.poll(() => watching.said.stderr, SOON).toContain("the agent ended the stream; connecting again");

  await daemonAt(agent);
  await expect.poll(() => watching.lines()[2], SOON).toMatchObject({ event: "reset" });
  const ids = watching.lines().map(({ id }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(watching.said.stderr).toContain("connected again");

  const refused = await run(CLI, ["--agent", agent, "watch", "--kinds", "mappings"]);
  expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("mappings is not one of") });
  expect(await watching.stop("SIGINT")).toBe(0);
});

test("without an agent is exit 1, and says where it was looked for", async () => {
  const { code, stderr } = await run(CLI, ["--agent", "http://127.0.0.1:1", "watch"]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("http://127.0.0.1:1") });
});
