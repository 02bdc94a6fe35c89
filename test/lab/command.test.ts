/** `npm run lab` as a person uses it: what it says, what it refuses, and that nothing is left of it. */
import { type ChildProcess, type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseCommand, UsageError } from "../../scripts/lab/command-line.ts";
import { OBSTACLE } from "./kit.ts";

const TSX = createRequire(import.meta.url).resolve("tsx");
const LAB = fileURLToPath(new URL("../../scripts/lab/main.ts", import.meta.url));

class Command {
  readonly #child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  output = "";

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, ["--import", TSX, LAB, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    this.ended = once(this.#child, "close");
    onTestFinished(() => {
      this.#child.kill("SIGKILL");
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What of its output the pattern finds, once it does. */
  async said(pattern: RegExp): Promise<string> {
    await expect.poll(() => this.output, { timeout: 50_000 }).toMatch(pattern);
    return pattern.exec(this.output)?.[1] ?? "";
  }
}

/** Other labs come and go meanwhile, about which ip(8) complains. */
const QUIET: ExecFileSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };

function namespacesOf(lab: string): string[] {
  const names = execFileSync("ip", ["netns", "list"], QUIET).split("\n");
  return names.map((line) => line.split(" ")[0] ?? "").filter((name) => name.startsWith(lab));
}

const shell = (line: string) => execFileSync("sh", ["-c", line], { encoding: "utf8", timeout: 10_000 });

describe("a wrong command line", () => {
  test.each([
    [["--sleds", "0"], "--sleds 0: a whole number from 1 to 16 is wanted"],
    [["--sleds", "17"], "--sleds 17: a whole number from 1 to 16 is wanted"],
    [["--sleds", "many"], "--sleds many: a whole number from 1 to 16 is wanted"],
    [["--sleds", ""], "--sleds : a whole number from 1 to 16 is wanted"],
    [["--daemon", "/nonexistent"], "--daemon /nonexistent: there is no such file"],
    [["--driver", "xde"], "'--driver'"],
    [["three"], "'three'"],
  ])("such as %j is refused with what is wrong", (args, message) => {
    expect(() => parseCommand(args)).toThrow(message);
    expect(() => parseCommand(args)).toThrow(UsageError);
  });

  test("ends the command with status 2 and the way out", async () => {
    const command = new Command("--sleds", "0");
    expect(await command.ended).toEqual([2, null]);
    expect(command.output).toBe(
      "lab: --sleds 0: a whole number from 1 to 16 is wanted\nnpm run lab -- --help says how it is used\n",
    );
  });
});

describe.skipIf(OBSTACLE !== undefined)("the command", () => {
  test("prints commands that work as they stand, and is gone after a SIGTERM", async () => {
    const command = new Command("--sleds", "2");
    const lab = await command.said(/^lab (\S+): 2 sleds[\s\S]*kill -9 \d+\n/m);
    expect(namespacesOf(lab)).toHaveLength(3);
    const line = (pattern: RegExp) => pattern.exec(command.output)?.[1] ?? `false # nothing like ${pattern}`;
    expect(JSON.parse(shell(line(/its API +(curl .*)/)))).toMatchObject({ degraded: [] });
    expect(shell(line(/the tool +(node .*)/))).toContain("model");
    shell(line(/^ *(curl .*-X PUT .*\\\n.*)$/m));
    const count = line(/^ *(ip netns exec .* count)$/m);
    const send = line(/^ *(ip netns exec .* send .*)$/m);
    // The membership reaches the bridges when its report does; a run that came before counts nothing at the NIC.
    await expect
      .poll(() => shell(`(sleep 0.2; ${send} >&2; sleep 0.2) | ${count}`), { timeout: 10_000 })
      .toMatch(/"dev":"u0","groups":\{"ff04::\w+":10\}/);
    command.kill("SIGTERM");
    expect(await command.ended).toEqual([0, null]);
    expect(namespacesOf(lab)).toEqual([]);
    expect(existsSync(path.join(tmpdir(), lab))).toBe(false);
  });

  test("removes what a killed one left", async () => {
    const killed = new Command("--sleds", "1");
    const lab = await killed.said(/^lab (\S+): 1 sled;/m);
    killed.kill("SIGKILL");
    await killed.ended;
    expect(namespacesOf(lab)).toHaveLength(2);
    const next = new Command("--sleds", "1");
    await next.said(/^lab (\S+): 1 sled;/m);
    expect(namespacesOf(lab)).toEqual([]);
    next.kill("SIGINT");
    expect(await next.ended).toEqual([0, null]);
  });
});
