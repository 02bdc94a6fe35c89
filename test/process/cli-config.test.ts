/** `sledcast config` as a person uses it, against an agent in this process that can be made to fail. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configBody, hop } from "../harness/config.ts";
import { Sled } from "../harness/sled.ts";
import { listen } from "../http/wire.ts";
import { CLI, run } from "./daemon.ts";

const directory = mkdtempSync(path.join(tmpdir(), "config-"));
let sled: Sled;
let agent: string;
beforeAll(async () => {
  sled = await Sled.start();
  agent = `http://127.0.0.1:${await listen(sled)}`;
});
afterAll(async () => {
  await sled.close();
  rmSync(directory, { recursive: true });
});

const sledcast = (...args: string[]) => run(CLI, args, { SLEDCAST_AGENT: agent });

function file(name: string, content: unknown): string {
  const at = path.join(directory, name);
  writeFileSync(at, typeof content === "string" ? content : JSON.stringify(content));
  return at;
}

const M2P = { "239.1.1.1": "ff04::1", "239.1.1.2": "ff04::2" };

describe("in the order of a day's work", () => {
  test("a configuration is applied from a file, and says how much of it", async () => {
    const config = file("one.json", configBody(1, M2P, { "ff04::1": [hop("fd00::a")] }));
    expect(await sledcast("config", "apply", config)).toEqual({ code: 0, stdout: "applied 3, failed 0\n", stderr: "" });
    expect(sled.mappings).toEqual(M2P);
  });

  test("it is shown in tables", async () => {
    const { code, stdout } = await sledcast("config", "get");
    expect(code).toBe(0);
    expect(stdout.split("\n").map((line) => line.split(/\s{2,}/))).toEqual([
      ["generation 1"],
      [""],
      ["GROUP", "UNDERLAY"],
      ["239.1.1.1", "ff04::1"],
      ["239.1.1.2", "ff04::2"],
      [""],
      ["UNDERLAY", "NEXT HOP", "REPLICATION", "SOURCES"],
      ["ff04::1", "fd00::a", "underlay", "EXCLUDE() (any)"],
      [""],
    ]);
  });

  test("the status says which is in force", async () => {
    expect((await sledcast("status")).stdout).toMatch(/^configuration +generation 1$/m);
  });

  test("what fails is a table and exit 1", async () => {
    sled.fail("SetMcast2Phys");
    sled.fail("ClearMcastForwarding");
    const { code, stdout, stderr } = await sledcast(
      "config",
      "apply",
      file("two.json", configBody(2, { ...M2P, "239.1.1.3": "ff04::3" })),
    );
    expect(code).toBe(1);
    const [summary, head, ...rows] = stdout.trimEnd().split("\n");
    expect([summary, head?.split(/\s{2,}/)]).toEqual(["applied 2, failed 2", ["FAILED", "SUBJECT", "REASON"]]);
    expect(rows.map((row) => row.split(/\s{2,}/))).toEqual([
      ["set mapping", "239.1.1.3", expect.stringContaining("injected")],
      ["clear forwarding", "ff04::1", expect.stringContaining("injected")],
    ]);
    expect(stderr).toMatch(/^sledcast: generation 2 .+\n$/);
  });

  test("it is read from standard input, and the outcome is JSON for programs", async () => {
    const input = JSON.stringify(configBody(3, M2P));
    const { code, stdout } = await run(CLI, ["--json", "config", "apply", "-"], { SLEDCAST_AGENT: agent }, input);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ generation: 3, applied: 2, failed: [] });
    expect(sled.mappings).toEqual(M2P);
  });

  test("control is given back, and then there is none to show: exit 1", async () => {
    expect(await sledcast("config", "release")).toEqual({ code: 0, stdout: "", stderr: "" });
    const { code, stdout, stderr } = await sledcast("config", "get");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^sledcast: no configuration is in force/);
  });
});

test.each([
  ["that is not there", () => path.join(directory, "nothing.json"), "ENOENT"],
  ["that is no JSON", () => file("text.json", "generation = 1"), "JSON"],
])("a file %s is exit 2 and named", async (_what, make, why) => {
  const name = make();
  const { code, stdout, stderr } = await sledcast("config", "apply", name);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(name);
  expect(stderr).toContain(why);
});
