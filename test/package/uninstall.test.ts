/** `uninstall`, below a scratch root. */
import { existsSync, readlinkSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { execute, IN_CI, noAddon } from "./kit.ts";
import { type Bundles, bundles, headOf, LEDGER, ScratchRoot, VERSIONS } from "./scratch-root.ts";

describe.skipIf(noAddon !== undefined && !IN_CI)("uninstall", () => {
  let newer: string;
  let rootsWith: Bundles["rootsWith"];
  let root: ScratchRoot;

  beforeAll(async () => {
    ({ newer, rootsWith } = await bundles());
  });
  beforeEach(() => {
    root = new ScratchRoot();
  });

  it("removes all but the ledger", async () => {
    root = new ScratchRoot(rootsWith.both);
    root.keep(LEDGER, headOf(1));
    root.keep("opt/oxide/other", "");
    const { code, stdout } = await root.uninstall(newer);
    expect([code, stdout]).toEqual([
      0,
      `sledcast is removed. What it had recorded is in ${root.at("var/sledcast")}.\n`,
    ]);
    expect(root.all()).toEqual(["opt/oxide/other", LEDGER]);
  });

  it("removes the ledger too when it is told, and leaves what is not the ledger's", async () => {
    root = new ScratchRoot(rootsWith.newer);
    root.keep(LEDGER, headOf(1));
    root.keep("var/sledcast/lock", "");
    expect((await root.uninstall(newer, "--purge")).stdout).toBe("sledcast is removed.\n");
    expect(existsSync(root.at("var/sledcast"))).toBe(false);
    root = new ScratchRoot(rootsWith.newer);
    root.keep(LEDGER, headOf(1));
    root.keep("var/sledcast/mine", "");
    expect((await root.uninstall(newer, "--purge")).stdout).toContain(
      "has files that are not the ledger's, and stays\n",
    );
    expect(root.all()).toEqual(["var/sledcast/mine"]);
  });

  it("is removed by its own copy of the script", async () => {
    root = new ScratchRoot(rootsWith.newer);
    const own = root.at(`${VERSIONS}/${readlinkSync(root.at("opt/oxide/sledcast")).split("/")[1]}/uninstall`);
    expect((await execute(own, ["--root", root.dir])).code).toBe(0);
    expect(root.all()).toEqual([]);
  });

  it("has nothing to remove where nothing was installed", async () => {
    const { code, stderr } = await root.uninstall(newer);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`nothing that install has put there is in ${root.dir}`),
    ]);
  });
});
