/**
 * `native/os/dladm` and `native/os/kstats` over stand-ins for their libraries, under sanitizers of addresses and of
 * undefined behaviour; in CI with the stand-ins under them too, and under valgrind, which knows of memory that was never set.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIBDLADM, LIBKSTAT, OBSTACLE } from "../host/fake-libs.ts";
import { checks, compile, noCompiler, program, reason, run, unexpected } from "./compile.ts";

const IN_CI = process.env.CI === "true" || process.env.CI === "1";
const SANITIZED = [...(IN_CI ? ["-g", "-O1"] : []), "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const FAKE_SOURCES = {
  dladm: ["libdladm", "link_table", "link_store"],
  kstats: ["libkstat", "kernel"],
};
type Part = keyof typeof FAKE_SOURCES;
const BUILT_FAKES: Record<Part, string> = { dladm: LIBDLADM, kstats: LIBKSTAT };
const CHECKS: Record<Part, number> = { dladm: 12, kstats: 5 };
const PARTS: readonly Part[] = ["dladm", "kstats"];
/** How often the tables change under the program. A change of kstats costs far more: all of them are read again. */
const CHANGES: Record<Part, number> = { dladm: 300, kstats: 150 };

const sources = (part: Part) => [program(part), `os/${part}.cc`, "os/shared_library.cc"];
const noValgrind = IN_CI ? await run("valgrind", ["--version"]).then(() => undefined, reason) : "in CI only";
if (IN_CI && noValgrind !== undefined) console.log(`nothing runs under valgrind: ${noValgrind}`);

/** A compiler may be there without the sanitizers' libraries. */
async function noSanitizers(): Promise<string | undefined> {
  const folder = mkdtempSync(path.join(tmpdir(), "sanitizers-"));
  try {
    writeFileSync(path.join(folder, "nothing.cc"), "int main() {}\n");
    return await compile(path.join(folder, "nothing"), [path.join(folder, "nothing.cc")], ...SANITIZED).then(
      () => undefined,
      reason,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const why = OBSTACLE ?? noCompiler ?? (await noSanitizers());
if (why !== undefined) console.log(`libdladm and libkstat are not tested by programs: ${why}`);

const suite = describe.skipIf(why !== undefined && !(IN_CI && process.platform === "linux"));
suite("native/os over illumos' libraries", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "native-libraries-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What the program says; it ends with another status than 0 where anything was wrong. */
  async function outputOf(command: readonly string[], part: Part, library: string, changes: number): Promise<string> {
    const state = path.join(mkdtempSync(path.join(folder, "state-")), "state");
    const [first = "", ...rest] = [...command, library, state, String(changes)];
    const variable = part === "dladm" ? "SLEDCAST_FAKE_DLADM" : "SLEDCAST_FAKE_KSTAT";
    const env = { ...process.env, [variable]: state };
    return (await run(first, rest, { env })).stdout;
  }

  test.each(PARTS)("%s touches no memory that is not its own", async (part) => {
    const built = await compile(path.join(folder, part), sources(part), ...SANITIZED, "-ldl");
    const stdout = await outputOf([built], part, BUILT_FAKES[part], CHANGES[part]);
    expect(unexpected(stdout)).toEqual([]);
    expect(checks(stdout)).toBe(CHECKS[part]);
  });

  test.skipIf(!IN_CI).each(PARTS)("nor does its library with it: %s", async (part) => {
    const built = await compile(path.join(folder, `${part}-with`), sources(part), ...SANITIZED, "-ldl");
    const fakes = FAKE_SOURCES[part].map((name) => `fake-libs/${name}.cc`);
    const fake = await compile(path.join(folder, `${part}.so.1`), fakes, ...SANITIZED, "-fPIC", "-shared");
    const stdout = await outputOf([built], part, fake, CHANGES[part]);
    expect(unexpected(stdout)).toEqual([]);
    expect(checks(stdout)).toBe(CHECKS[part]);
  });

  const title = noValgrind === undefined ? "valgrind finds nothing" : `valgrind finds nothing (${noValgrind})`;
  test.skipIf(noValgrind !== undefined).each(PARTS)(`${title}: %s`, async (part) => {
    const built = await compile(path.join(folder, `${part}-plain`), sources(part), "-g", "-O1", "-ldl");
    const valgrind = [
      "valgrind",
      "--quiet",
      "--error-exitcode=9",
      "--leak-check=full",
      "--errors-for-leak-kinds=definite",
    ];
    const stdout = await outputOf([...valgrind, built], part, BUILT_FAKES[part], 20);
    expect(unexpected(stdout)).toEqual([]);
    expect(checks(stdout)).toBe(CHECKS[part]);
  });
});
