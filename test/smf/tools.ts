/** What these suites need that is not part of the repository, and what is said where it is not there. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const IN_CI = process.env.CI === "true" || process.env.CI === "1";

/** Where a program is. In CI it has to be somewhere: tests would be green for not being run. */
export function find(program: string, what: string): string | undefined {
  try {
    return execFileSync("sh", ["-c", 'command -v "$0"', program], { encoding: "utf8" }).trim();
  } catch {
    const said = `${what} is not tried: ${program} is not installed`;
    if (IN_CI) throw new Error(said);
    console.log(said);
    return undefined;
  }
}

/** illumos' DTD, where it is at hand beside the repository. */
export function serviceBundleDtd(): string | undefined {
  const file = fileURLToPath(new URL("../../../shared/smf/service_bundle.dtd.1", import.meta.url));
  if (existsSync(file)) return file;
  console.log("illumos' service_bundle.dtd.1 is not at hand: the manifest is only checked for being well-formed");
  return undefined;
}
