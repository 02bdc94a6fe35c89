/** What --help says of every command of the three programs, and what a wrong command line is answered with. */
import { type Command, CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { DIRECT_LESSONS } from "../../src/cli/direct/lessons.ts";
import { directProgram } from "../../src/cli/direct/program.ts";
import { LESSONS } from "../../src/cli/lessons.ts";
import { agentProgram } from "../../src/cli/program.ts";
import { daemonCommand } from "../../src/flags.ts";
import { modelCommand } from "../../src/xde-model/command-line.ts";

/** A program by how it is called. */
const PROGRAMS: Readonly<Record<string, () => Command>> = {
  sledcast: agentProgram,
  "sledcast --direct": directProgram,
  sledcastd: () => daemonCommand().command,
  "sledcast-xde-model": modelCommand,
};

interface Named {
  readonly path: string;
  readonly command: Command;
}

function allOf(command: Command, path: string): Named[] {
  return [{ path, command }, ...command.commands.flatMap((below) => allOf(below, `${path} ${below.name()}`))];
}

const ALL = Object.entries(PROGRAMS).flatMap(([path, build]) => allOf(build(), path));

/** As commander would print it, with what was added behind. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

/** Words as a shell makes them of a line, as far as examples go: quotes, and a backslash before a new line. */
function wordsOf(line: string): string[] {
  const words = line.replace(/\\\n/g, "").match(/(?:'[^']*'|[^\s'])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'/g, "$1"));
}

/** The commands in an example: behind each pipe another one; the arguments of those that are ours. */
function callsIn(example: string): { readonly program: string; readonly args: readonly string[] }[] {
  const parts = example.split(/ \| (?=(?:[^']*'[^']*')*[^']*$)/);
  return parts.flatMap((part) => {
    const words = wordsOf(part.replace(/ [<>] \S+/g, "").replace(/ &$/, ""));
    const at = words.findIndex((word) => /^sledcast(?:d|-xde-model)?$/.test(word));
    const [name = "", ...args] = at < 0 ? [] : words.slice(at);
    if (name === "") return [];
    return [{ program: args.includes("--direct") ? "sledcast --direct" : name, args }];
  });
}

/** The lines under "Examples:", without what they mean. */
function examplesIn(help: string): string[] {
  const section = /\nExamples:\n((?: {2}.*(?:\n|$))+)/.exec(help)?.[1] ?? "";
  const lines = section.replace(/\\\n\s+/g, "\\\n").split(/\n(?=\s)/);
  return lines.filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim().split(/ {2,}/)[0] ?? "");
}

/** Parses a command line without doing anything. Throws what commander refuses it with. */
function parse(program: string, args: readonly string[]): void {
  const command = PROGRAMS[program]?.();
  if (command === undefined) throw new Error(`there is no program ${program}`);
  for (const { command: one } of allOf(command, program)) {
    one.exitOverride().configureOutput({ writeErr: () => {} });
    if (one.commands.length === 0) one.action(() => {});
  }
  command.parse([...args], { from: "user" });
}

describe.each(ALL)("$path --help", ({ path, command }) => {
  const help = helpOf(command);

  test("says in a sentence what it does", () => {
    expect(command.description()).toMatch(/^[A-Z].{15,}[^ ]$/s);
  });

  test("fits a hundred columns", () => {
    expect(help.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  test("has examples that this very program takes", () => {
    const calls = examplesIn(help).flatMap(callsIn);
    for (const { program, args } of calls) expect(() => parse(program, args), args.join(" ")).not.toThrow();
    // A command that only has others below it is taught by those.
    if (path in PROGRAMS || command.commands.length === 0) expect(calls).not.toEqual([]);
    const own = [path, path.replace("sledcast ", "sledcast --json ")];
    if (command.commands.length > 0) return;
    expect(examplesIn(help).some((one) => own.some((start) => one.includes(start.split(" ").at(-1) ?? "")))).toBe(true);
  });
});

test("every lesson is of a command that there is, and every command has its lesson", () => {
  const pathsOf = (program: string) =>
    allOf((PROGRAMS[program] as () => Command)(), "")
      .map(({ path }) => path.trim())
      .filter((path) => path !== "");
  expect(Object.keys(LESSONS).sort()).toEqual(pathsOf("sledcast").sort());
  expect(Object.keys(DIRECT_LESSONS).sort()).toEqual(pathsOf("sledcast --direct").sort());
});

describe("a wrong command line", () => {
  function saidOf(program: string, ...args: string[]): string {
    const command = (PROGRAMS[program] as () => Command)();
    let said = "";
    for (const { command: one } of allOf(command, program)) {
      one.exitOverride().configureOutput({
        writeErr: (text) => {
          said += text;
        },
      });
    }
    expect(() => command.parse(args, { from: "user" })).toThrow(CommanderError);
    return said;
  }

  test("suggests the command that is near", () => {
    expect(saidOf("sledcast", "statsu")).toContain("(Did you mean status?)");
    expect(saidOf("sledcast", "m2p", "lst")).toContain("(Did you mean list?)");
    expect(saidOf("sledcast --direct", "--direct", "dump-m2")).toContain("(Did you mean dump-m2p?)");
    expect(saidOf("sledcastd", "--lisen", "x")).toContain("(Did you mean --listen?)");
  });

  test("says which argument is missing, and the usage", () => {
    const said = saidOf("sledcast", "m2p", "set", "239.1.1.1");
    expect(said).toContain("missing required argument 'underlay'");
    expect(said).toContain("Usage: sledcast m2p set [options] <group> <underlay>");
    expect(said).toContain("`sledcast m2p set --help` has examples.");
  });

  test("of the driver model says the usage, too", () => {
    const said = saidOf("sledcast-xde-model", "--socket", "x", "start");
    expect(said).toContain("`sledcast-xde-model --help` has examples.");
  });
});
