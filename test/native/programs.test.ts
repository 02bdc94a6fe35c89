/** Parts of `native/os` under small programs of their own: what no JavaScript can bring about. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checks, compile, noCompiler, program, reason, run, unexpected } from "./compile.ts";

const IN_CI = process.env.CI === "true" || process.env.CI === "1";
const linux = process.platform === "linux";

const namespace = process.getuid?.() === 0 ? ["-n"] : ["-rn"];
const noNamespace = await run("unshare", [...namespace, "ip", "link", "add", "wa", "type", "veth"]).then(
  () => undefined,
  reason,
);
if (noCompiler !== undefined) console.log(`native/os is not tested by programs: ${noCompiler}`);
else if (noNamespace !== undefined) console.log(`lost messages of interfaces are not tested: ${noNamespace}`);

describe.skipIf(noCompiler !== undefined && !(IN_CI && linux))("native/os", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "native-programs-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const built = (name: string) =>
    compile(path.join(folder, name), [program(name), "os/descriptor.cc", `os/${name}.cc`]);

  test("a descriptor is placed so that a dying process closes it before older ones, in either order", async () => {
    const { stdout } = await run(await built("placement"));
    expect(unexpected(stdout)).toEqual([]);
    expect(checks(stdout)).toBe(4);
  });

  test.skipIf(noNamespace !== undefined && !(IN_CI && linux))(
    noNamespace === undefined
      ? "the watch survives lost messages"
      : `the watch survives lost messages (${noNamespace})`,
    async () => {
      const { stdout } = await run("unshare", [...namespace, await built("link_watch")]);
      expect(unexpected(stdout)).toEqual([]);
      expect(checks(stdout)).toBe(6);
    },
  );
});
