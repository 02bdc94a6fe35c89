/** An upgrade that is killed, at any step. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { execute, FULL, IN_CI, newFolder, noAddon } from "./kit.ts";
import { headOf, installedOlder, LEDGER, newer, ScratchRoot } from "./scratch-root.ts";

/** Places to end an install at are many: all of them on request, and a share of them in CI. */
const EVERY = process.env.SLEDCAST_PACKAGE === "1" ? 1 : 8;

describe.skipIf(!FULL || (noAddon !== undefined && !IN_CI))("an install that is cut short", () => {
  let root: ScratchRoot;

  beforeEach(() => {
    root = new ScratchRoot();
  });

  it("leaves a version that works wherever an upgrade is killed, and the next one finishes it", async () => {
    // Each tool that the script calls counts, and at its turn ends the script instead.
    const tools = newFolder();
    for (const tool of ["cat", "chmod", "cp", "grep", "ln", "mkdir", "mv", "node", "readlink", "rm", "sed", "sort"]) {
      const { stdout } = await execute("sh", ["-c", `command -v ${tool}`]);
      writeFileSync(
        path.join(tools, tool),
        `#!/bin/sh
[ -z "$COUNT" ] && exec ${stdout.trim()} "$@"
echo >>"$COUNT"
[ "$(/usr/bin/wc -l <"$COUNT")" -ge "$LAST" ] && kill -9 0
exec ${stdout.trim()} "$@"
`,
        { mode: 0o755 },
      );
    }
    const results: string[] = [];
    for (let last = 1; ; last += EVERY) {
      root = await installedOlder();
      root.keep(LEDGER, headOf(1));
      const { code } = await execute(path.join(await newer(), "install"), ["--root", root.dir], {
        PATH: `${tools}:${process.env.PATH}`,
        COUNT: path.join(newFolder(), "count"),
        LAST: String(last),
      });
      const said = await root.says();
      expect(["cli 0.9.0 x\n", "cli 0.10.0 x\n"]).toContain(said);
      results.push(said);
      expect(readFileSync(root.at(LEDGER), "utf8")).toBe(headOf(1));
      if (code === 0) break;
      expect(code).toBe("SIGKILL");
      await root.installed(await newer());
      expect([await root.says(), root.manifest()]).toEqual(["cli 0.10.0 x\n", expect.stringContaining(" 0.10.0\n")]);
      expect(root.all().filter((name) => /\.new|\.lock|sledcast-new/.test(name))).toEqual([]);
    }
    // It was killed on either side of the switch, and never between.
    expect(new Set(results).size).toBe(2);
    expect(results.join("")).toMatch(/^(cli 0\.9\.0 x\n)+(cli 0\.10\.0 x\n)+$/);
  }, 600_000);
});
