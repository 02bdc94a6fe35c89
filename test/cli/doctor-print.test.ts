/** How findings look, and what of the daemon's settings they are about. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { painter, takesColours } from "../../src/cli/colour.ts";
import { failed, ok } from "../../src/cli/doctor/finding.ts";
import { printFindings, wrap } from "../../src/cli/doctor/print.ts";
import { agentOf, readTold, subjectOf } from "../../src/cli/doctor/told.ts";

const plain = (_colour: string, text: string) => text;

describe("the table", () => {
  const bad = failed("device", "it is not there ".repeat(8).trim(), "it is there", "ls -l /dev/xde");

  test("has a finding's way out under it, and the sum at the end", () => {
    const lines = printFindings([ok("agent", "answers", "it answers"), bad], 80, plain).split("\n");
    expect(lines[0]).toMatch(/^CHECK {3}STATE {3}FOUND +EXPECTED$/);
    expect(lines[1]).toMatch(/^agent {3}ok {6}answers +it answers$/);
    expect(lines.at(-4)).toMatch(/^ +way out: ls -l \/dev\/xde$/);
    expect(lines.at(-2)).toBe("1 failed, 1 ok");
  });

  test("is as wide as the terminal, and never below sixty columns", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.string(), { maxLength: 40 }), (columns, words) => {
        const text = printFindings([failed("joins", words.join(" "), "x", words.join(" "))], columns, plain);
        for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(Math.max(columns, 60));
      }),
    );
  });

  test("loses no word by wrapping", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(wrap(text, width).join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
      }),
    );
  });

  test("has its states in colour, and nothing else", () => {
    const coloured = printFindings([ok("failed joke", "ok", "ok")], 80, painter({}, { FORCE_COLOR: "1" }));
    expect(coloured.split("\u001b")).toHaveLength(3);
    expect(coloured).toContain("\u001b[32mok\u001b[39m");
  });
});

describe("colours", () => {
  test.each([
    ["a terminal", true, {}, true],
    ["a pipe", false, {}, false],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR, which is none", true, { NO_COLOR: "" }, true],
    ["a dumb terminal", true, { TERM: "dumb" }, false],
    ["a pipe with FORCE_COLOR", false, { FORCE_COLOR: "1" }, true],
    ["FORCE_COLOR before NO_COLOR, as for Node", false, { FORCE_COLOR: "", NO_COLOR: "1" }, true],
    ["a terminal with FORCE_COLOR=0", true, { FORCE_COLOR: "0" }, false],
  ])("%s", (_what, isTTY, env, expected) => {
    expect(takesColours({ isTTY }, env)).toBe(expected);
  });
});

describe("what the daemon was told", () => {
  function file(toml: string): string {
    const dir = mkdtempSync(path.join(tmpdir(), "told-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const name = path.join(dir, "sledcast.toml");
    writeFileSync(name, toml);
    return name;
  }

  test("is its file with the options over it", async () => {
    const config = file('state_dir = "/a"\nlisten = "unix:/run/agent"\n[underlay]\nnics = ["u0"]\n');
    const told = await readTold({ config, stateDir: "/b" });
    expect(told).toMatchObject({
      problem: undefined,
      known: { stateDir: "/b", underlayNics: ["u0"], driver: "model" },
    });
    expect(agentOf(told)).toBe("unix:/run/agent");
  });

  test("is a problem where a daemon would refuse it, and the options still count", async () => {
    const told = await readTold({ config: file("no_such = 1\n"), underlayNic: ["u1"] });
    expect(told.problem).toContain("no_such");
    expect(told.known).toEqual({ underlayNics: ["u1"] });
  });

  test("of TLS makes the agent's address one of HTTPS", async () => {
    const config = file('listen = "127.0.0.1:99"\n[tls]\ncert = "c.pem"\nkey = "k.pem"\n');
    expect(agentOf(await readTold({ config }))).toBe("https://127.0.0.1:99");
  });

  test("is filled in by the agent, and then by the platform", async () => {
    const told = await readTold({});
    const said = { driver: { kind: "xde" as const, through: "/dev/other" }, nics: ["u7"] };
    expect(subjectOf(told, said, "linux")).toMatchObject({ driver: "xde", xdeDevice: "/dev/other", nics: ["u7"] });
    expect(subjectOf(told, undefined, "linux").driver).toBe("model");
    expect(subjectOf(told, undefined, "sunos").driver).toBe("xde");
    expect(subjectOf(await readTold({ xdeDevice: "/dev/x" }), undefined, "linux")).toMatchObject({
      driver: "xde",
      xdeDevice: "/dev/x",
    });
  });
});
