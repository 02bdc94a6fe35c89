/** Parts of `native/os` under small programs of their own: what no JavaScript can bring about. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const at = (place: string) => fileURLToPath(new URL(place, import.meta.url));
const IN_CI = process.env.CI === "true" || process.env.CI === "1";
const linux = process.platform === "linux";

const reason = (error: Error) => error.message.trim().split("\n").join(" ");
const compiler = process.env.CXX || "c++";
const [program = compiler, ...flags] = compiler.trim().split(/\s+/);
const noCompiler = await run(program, ["--version"]).then(() => undefined, reason);
const namespace = process.getuid?.() === 0 ? ["-n"] : ["-rn"];
const noNamespace = await run("unshare", [...namespace, "ip", "link", "add", "wa", "type", "veth"]).then(
  () => undefined,
  reason,
);
if (noCompiler !== undefined) console.log(`native/os is not tested by programs: ${noCompiler}`);
else if (noNamespace !== undefined) console.log(`lost messages of interfaces are not tested: ${noNamespace}`);

/** The lines that the program did not mean to print. */
const unexpected = (stdout: string) => stdout.split("\n").filter((line) => line !== "" && !line.startsWith("ok: "));

describe.skipIf(noCompiler !== undefined && !(IN_CI && linux))("native/os", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "native-programs-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function built(name: string): Promise<string> {
    const to = path.join(folder, name);
    const sources = [at(`programs/${name}.cc`), ...["descriptor", name].map((one) => at(`../../native/os/${one}.cc`))];
    const warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];
    await run(program, [
      ...flags,
      "-std=c++17",
      ...warnings,
      "-pthread",
      `-I${at("../../native")}`,
      "-o",
      to,
      ...sources,
    ]);
    return to;
  }

  test("a descriptor is placed so that a dying process closes it before older ones, in either order", async () => {
    const { stdout } = await run(await built("placement"));
    expect(unexpected(stdout)).toEqual([]);
    expect(stdout.split("\n").filter((line) => line !== "")).toHaveLength(4);
  });

  test.skipIf(noNamespace !== undefined && !(IN_CI && linux))(
    noNamespace === undefined
      ? "the watch survives lost messages"
      : `the watch survives lost messages (${noNamespace})`,
    async () => {
      const { stdout } = await run("unshare", [...namespace, await built("link_watch")]);
      expect(unexpected(stdout)).toEqual([]);
      expect(stdout.split("\n").filter((line) => line !== "")).toHaveLength(6);
    },
  );
});
