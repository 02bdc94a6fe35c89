/** The README's session, run as a reader would: its commands, its answers. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Daemon } from "./daemon.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const blocks = (language: string) =>
  [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map((match) => match[1] as string);

let daemon: Daemon;
beforeAll(async () => {
  daemon = await Daemon.ready();
});
afterAll(() => daemon.stop());

test("shows a group mapped, a VMM registered, joined, and seen among the subscriptions", async () => {
  const session = `set -e\n${blocks("sh").join("\n")}`.replaceAll("http://[::1]:12345", daemon.url);
  const env = { ...process.env, SLEDCAST_AGENT: daemon.url };
  const cwd = new URL("../..", import.meta.url);
  const { stdout, stderr } = await promisify(execFile)("bash", ["-c", session], { env, cwd });
  expect(stderr).toBe("");
  expect(stdout).toContain('"vmm_state":{"state":"starting"');
  for (const answer of blocks("json")) expect(stdout).toContain(answer.trim());
  expect(stdout).toMatch(/239\.1\.1\.1 +ff04::1/);
  expect(stdout).toMatch(/239\.1\.1\.1 +10\.0\.0\.9 +applied/);
});
