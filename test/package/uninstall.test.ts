/** `uninstall`, below a scratch root. */
import { existsSync, readlinkSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { execute, FULL, IN_CI, noAddon } from "./kit.ts";
import { headOf, installedBoth, installedNewer, LEDGER, newer, ScratchRoot, VERSIONS } from "./scratch-root.ts";

describe.skipIf(noAddon !== undefined && !IN_CI)("uninstall", () => {
  let root: ScratchRoot;

  beforeEach(() => {
    root = new ScratchRoot();
  });

  it("removes all but the ledger", async () => {
    root = await installedBoth();
    root.keep(LEDGER, headOf(1));
    root.keep("opt/oxide/other", "");
    const { code, stdout } = await root.uninstall(await newer());
    expect([code, stdout]).toEqual([
      0,
      `sledcast is removed. What it had recorded is in ${root.at("var/sledcast")}.\n`,
    ]);
    expect(root.all()).toEqual(["opt/oxide/other", LEDGER]);
  });

  it.runIf(FULL)("removes the ledger too when it is told, and leaves what is not the ledger's", async () => {
    root = await installedNewer();
    root.keep(LEDGER, headOf(1));
    root.keep("var/sledcast/lock", "");
    expect((await root.uninstall(await newer(), "--purge")).stdout).toBe("sledcast is removed.\n");
    expect(existsSync(root.at("var/sledcast"))).toBe(false);
    root = await installedNewer();
    root.keep(LEDGER, headOf(1));
    root.keep("var/sledcast/mine", "");
    expect((await root.uninstall(await newer(), "--purge")).stdout).toContain(
      "has files that are not the ledger's, and stays\n",
    );
    expect(root.all()).toEqual(["var/sledcast/mine"]);
  });

  it.runIf(FULL)("is removed by its own copy of the script", async () => {
    root = await installedNewer();
    const own = root.at(`${VERSIONS}/${readlinkSync(root.at("opt/oxide/sledcast")).split("/")[1]}/uninstall`);
    expect((await execute(own, ["--root", root.dir])).code).toBe(0);
    expect(root.all()).toEqual([]);
  });

  it.runIf(FULL)("has nothing to remove where nothing was installed", async () => {
    const { code, stderr } = await root.uninstall(await newer());
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`nothing that install has put there is in ${root.dir}`),
    ]);
  });
});
