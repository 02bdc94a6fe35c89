/** The man pages are well formed, and say all that the programs can be told. */
import { execFileSync, spawnSync } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import { DAEMON } from "../process/daemon.ts";
import { ROOT, read } from "./documents.ts";
import { agentCommands, directVerbs, globalFlags, type Said } from "./programs.ts";

const PAGES = ["docs/man/sledcast.8", "docs/man/sledcastd.8"];

const inCI = process.env.CI === "true" || process.env.CI === "1";
const hasMandoc = spawnSync("mandoc", [], { input: "" }).error === undefined;
if (!hasMandoc && !inCI) console.log("mandoc is not installed: the man pages are not checked for their form.");

describe.runIf(hasMandoc || inCI)("mandoc", () => {
  test.each(PAGES)("has nothing to warn of in %s", (page) => {
    const { stdout, stderr } = spawnSync("mandoc", ["-T", "lint", "-W", "warning", `${ROOT}/${page}`], {
      encoding: "utf8",
    });
    expect(stdout + stderr).toBe("");
  });
});

/** Long flags: `.Fl -name`, also several after one `Fl`. */
const flagsIn = (text: string) => [
  ...new Set([...text.matchAll(/(?<= )-([a-z][a-z-]+)/g)].map(([, flag = ""]) => flag)),
];

/** What a page has between a section's head and the next. */
function section(page: string, name: string): string {
  const [, rest = ""] = page.split(`.Sh ${name}\n`);
  return rest.split("\n.Sh ", 1)[0] as string;
}

/** `.It Cm m2p set Ar group underlay`, with the flags in its text. */
function entries(text: string): Said[] {
  return text
    .split("\n.It ")
    .filter((item) => item.startsWith("Cm "))
    .map((item) => {
      const [head = "", ...lines] = item.split("\n");
      const macros = lines.filter((line) => /^\.(?:Fl|Pq Fl) /.test(line)).join("\n");
      return { path: head.slice(3).replace(/ (?:Ar|Op|Fl) .*/, ""), flags: flagsIn(macros) };
    });
}

const sorted = (all: readonly Said[]) => all.map(({ path, flags }) => `${path}: ${[...flags].sort().join(" ")}`).sort();

describe("sledcast(8)", () => {
  const page = read("docs/man/sledcast.8");

  test("has every command with its flags, and no other", () => {
    const said = entries(section(page, "COMMANDS")).filter(({ path }) => path !== "help");
    expect(sorted(said)).toEqual(sorted(agentCommands()));
  });

  test("has every verb of the driver with its flags, and no other", () => {
    expect(sorted(entries(section(page, "VERBS OF THE DRIVER")))).toEqual(sorted(directVerbs()));
  });

  test("has the flags of all commands, and no other", () => {
    const [options = ""] = (page.split(".Ss Options\n")[1] ?? "").split("\n.Sh ", 1);
    const said = options.split("\n").filter((line) => line.startsWith(".It Fl"));
    expect(flagsIn(said.join("\n")).sort()).toEqual([...globalFlags(), "help"].sort());
  });
});

describe("sledcastd(8)", () => {
  const page = read("docs/man/sledcastd.8");
  let help: string;
  beforeAll(() => {
    help = execFileSync(process.execPath, [DAEMON, "--help"], { encoding: "utf8" });
  });

  test("has every flag, and no other", () => {
    const said = page.split("\n").filter((line) => line.startsWith(".It Fl"));
    const flags = [...help.matchAll(/^ +(?:-\w, )?--([a-z-]+)/gm)].map(([, flag = ""]) => flag);
    expect(flagsIn(said.join("\n")).sort()).toEqual([...new Set(flags)].sort());
  });

  test("has every exit status that --help has", () => {
    const [, statuses = ""] = /Exit status: ([\s\S]*)$/.exec(help) ?? [];
    const codes = [...statuses.matchAll(/\b(\d+) /g)].map(([, code = ""]) => code);
    const said = [...section(page, "EXIT STATUS").matchAll(/^\.It (\d+)$/gm)].map(([, code = ""]) => code);
    expect(said).toEqual(codes);
  });
});

test.each(PAGES)("%s has the sections that manual pages have", (page) => {
  const heads = [...read(page).matchAll(/^\.Sh (.*)$/gm)].map(([, head = ""]) => head);
  const wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES", "SEE ALSO"];
  expect(heads).toEqual(expect.arrayContaining(wanted));
});
