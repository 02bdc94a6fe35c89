/**
 * The DTrace scripts, read: there is no DTrace here to run them. What can be held against something is: their numbers
 * against the driver's, the shape of their probes, what their heads promise.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/opte/wire/commands.ts";

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), "utf8");

const SCRIPTS = readdirSync(at("scripts/dtrace")).filter((name) => name.endsWith(".d"));
/** What is known of illumos, where that is at hand beside the repository. */
const ILLUMOS = new URL("../../../shared/spec/illumos.md", import.meta.url);
const isKnown = existsSync(ILLUMOS);
if (!isKnown) console.log("what is known of illumos is not at hand: the numbers of joining are not compared");

/** Without comments and texts, in which braces mean nothing. */
const codeOf = (script: string) => script.replace(/\/\*.*?\*\//gs, "").replace(/"(?:\\.|[^"\\])*"/g, '""');

/** Probe descriptions: all that stands before a predicate or a body. */
function probesIn(script: string): string[] {
  const code = codeOf(script).replace(/^#.*$/gm, "");
  const heads = code.replace(/\{[^{}]*\}/g, ";").replace(/^\/.*\/$/gm, "");
  return heads.split(/[;,]/).flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));
}

test("there are scripts for ioctls, for what is slow, and for joins", () => {
  expect(SCRIPTS).toEqual(["sledcast-ioctls.d", "sledcast-joins.d", "sledcast-slow.d"]);
});

describe.each(SCRIPTS)("%s", (name) => {
  const script = read(`scripts/dtrace/${name}`);

  test("begins with how it is run, with which privileges, and that it never was", () => {
    expect(script).toMatch(/^#!\/usr\/sbin\/dtrace -qs\n\/\*\n/);
    const head = script.slice(0, script.indexOf("*/"));
    expect(head).toContain(`* Usage:      dtrace -qs ${name}`);
    expect(head).toContain("* Privileges: dtrace_");
    expect(head).toContain("This script was never run: it was written on a machine without DTrace");
    expect(head).toContain("is an illustration, no measurement");
    expect(head).toContain("* Example:\n");
    expect(Math.max(...script.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(120);
  });

  test("has probes of a shape that DTrace takes, of providers that need nothing compiled in", () => {
    const probes = probesIn(script);
    expect(probes.length).toBeGreaterThan(2);
    for (const probe of probes) {
      if (probe === "BEGIN" || probe === "END") continue;
      const [provider, module, called, what, ...more] = probe.split(":");
      expect(more, probe).toEqual([]);
      expect(["syscall", "fbt", "sched"], probe).toContain(provider);
      if (provider === "sched") expect(["on-cpu", "off-cpu"], probe).toContain(what);
      else expect(["entry", "return"], probe).toContain(what);
      expect(called, probe).toMatch(provider === "sched" ? /^$/ : /^[a-z_]+$/);
      expect(module, probe).toMatch(provider === "fbt" ? /^(?:xde|ip|mac)$/ : /^$/);
    }
  });

  test("has an end for every brace, parenthesis and bracket", () => {
    const open: string[] = [];
    const closes: Readonly<Record<string, string>> = { "}": "{", ")": "(", "]": "[" };
    for (const character of codeOf(script)) {
      if ("{([".includes(character)) open.push(character);
      else if (character in closes) expect(open.pop()).toBe(closes[character]);
    }
    expect(open).toEqual([]);
  });

  test("gives back each variable of a thread that it sets", () => {
    const assigned = [...codeOf(script).matchAll(/self->(\w+) = (\w+)/g)];
    const zeroed = new Set(assigned.filter(([, , value]) => value === "0").map(([, variable]) => variable));
    expect([...new Set(assigned.map(([, variable]) => variable))].filter((one) => !zeroed.has(one))).toEqual([]);
  });
});

test("a process is looked for by what is in the arguments of the one that the service starts", () => {
  const method = read("smf/sledcast");
  const said = [...SCRIPTS.map((name) => `scripts/dtrace/${name}`), "docs/operator.md"].flatMap((file) =>
    [...read(file).matchAll(/pgrep -f ([\w./]+)/g)].map(([, pattern = ""]) => pattern),
  );
  expect(said.length).toBeGreaterThan(2);
  for (const pattern of said) expect(method).toMatch(new RegExp(`^ *daemon=.*${pattern}$`, "m"));
});

describe("the numbers", () => {
  const native = read("native/opte/command.h");

  test.each(["sledcast-ioctls.d", "sledcast-slow.d"])("of xde's request and its struct in %s are our own", (name) => {
    const script = read(`scripts/dtrace/${name}`);
    const [, request] = /XDE_IOC_OPTE_CMD = static_cast<IoctlRequest>\((0x[0-9a-f]+)U\)/.exec(native) ?? [];
    expect(script).toContain(`/(uint32_t)arg1 == ${request}`);
    const [, offset, size] = /SLEDCAST_FIELD\(cmd, (\d+), (\d+)\)/.exec(native) ?? [];
    expect(script).toContain(`*(int32_t *)copyin(self->call + ${offset}, ${size})`);
  });

  test("of the commands are those that are sent, in every version", () => {
    const named = [...read("scripts/dtrace/sledcast-ioctls.d").matchAll(/command\[(\d+)\] = "(\w+)"/g)];
    const told = new Map(named.map(([, number, name]) => [name, Number(number)]));
    for (const commands of Object.values(COMMANDS)) {
      for (const [name, { number }] of Object.entries(commands)) expect(told.get(name), name).toBe(number);
    }
    expect(told.size).toBe(Object.keys(COMMANDS[41]).length);
  });

  test.skipIf(!isKnown)("of joining and leaving are illumos'", () => {
    const [, join] = /^\| IPV6_JOIN_GROUP [^|]*\| (\d+) \|/m.exec(readFileSync(ILLUMOS, "utf8")) ?? [];
    const script = read("scripts/dtrace/sledcast-joins.d");
    expect(script).toContain(`(int32_t)arg2 == ${join} || (int32_t)arg2 == ${Number(join) + 1}`);
  });
});
