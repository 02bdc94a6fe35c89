/** Small programs over parts of `native/os`, compiled by whatever compiler builds the addon. */
import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const run = promisify(execFile);
const at = (place: string) => fileURLToPath(new URL(place, import.meta.url));

export const reason = (error: Error) => error.message.trim().split("\n").join(" ");
const [compiler = "c++", ...flags] = (process.env.CXX || "c++").trim().split(/\s+/);
/** Why nothing can be compiled here, if so. */
export const noCompiler = await run(compiler, ["--version"]).then(() => undefined, reason);

const WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];

/** Compiles files of the repository's native code and tests, by their paths from `native/`, into one. */
export async function compile(to: string, sources: readonly string[], ...more: readonly string[]): Promise<string> {
  const files = sources.map((source) => path.resolve(at("../../native"), source));
  const always = ["-std=c++17", ...WARNINGS, "-pthread", `-I${at("../../native")}`];
  await run(compiler, [...flags, ...always, "-o", to, ...files, ...more]);
  return to;
}

/** A program of `test/native/programs`, from `native/`. */
export const program = (name: string) => `../test/native/programs/${name}.cc`;

/** The lines of a program that are not a check that held. */
export const unexpected = (stdout: string) =>
  stdout.split("\n").filter((line) => line !== "" && !line.startsWith("ok: "));
/** How many checks it made. */
export const checks = (stdout: string) => stdout.split("\n").filter((line) => line.startsWith("ok: ")).length;
