/** The stand-ins for illumos' libraries (`native/fake-libs`), and where a test has what they stand for. */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const FOLDER = fileURLToPath(new URL("../../build/Release/fake-libs", import.meta.url));
export const LIBDLADM = path.join(FOLDER, "libdladm.so.1");
export const LIBKSTAT = path.join(FOLDER, "libkstat.so.1");
export const ADDON = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));

/** Why these tests cannot run here, if so. In CI on Linux that is a failure: they would be green for not being there. */
function obstacle(): string | undefined {
  if (process.platform !== "linux") return "the fakes of illumos' libraries are for Linux";
  const missing = [ADDON, LIBDLADM, LIBKSTAT].filter((file) => !existsSync(file));
  if (missing.length === 0) return undefined;
  const said = `${missing.map((file) => path.basename(file)).join(", ")}: not built (npm run build)`;
  if (process.env.CI === "true" || process.env.CI === "1") throw new Error(said);
  return said;
}
export const OBSTACLE = obstacle();
if (OBSTACLE !== undefined) console.log(`libdladm and libkstat are not tested: ${OBSTACLE}`);

/** A file for the test alone, named by the variable while it runs. It is not there yet. */
export function fileOf(variable: "SLEDCAST_FAKE_DLADM" | "SLEDCAST_FAKE_KSTAT"): string {
  const folder = mkdtempSync(path.join(tmpdir(), "fake-libs-"));
  const before = process.env[variable];
  const file = path.join(folder, "state");
  process.env[variable] = file;
  onTestFinished(() => {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
    rmSync(folder, { recursive: true });
  });
  return file;
}

/** Puts a new file in the place of the old, which the fakes ask for. */
export function replace(file: string, text: string): void {
  writeFileSync(`${file}.next`, text);
  renameSync(`${file}.next`, file);
}
