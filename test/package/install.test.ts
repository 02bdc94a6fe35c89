/** `install` of the tarball, below a scratch root. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { FileLedger } from "../../src/intent/ledger/file-ledger.ts";
import { NO_LOG } from "../intent/ledger-kit.ts";
import { execute, FULL, IN_CI, newFolder, noAddon, SOURCE, smallPackages, smallSource, unpacked } from "./kit.ts";
import {
  headOf,
  installedBoth,
  installedNewer,
  installedOlder,
  LEDGER,
  newer,
  older,
  ScratchRoot,
  VERSIONS,
} from "./scratch-root.ts";

const GUIDE = readFileSync(path.join(SOURCE, "docs/operator.md"), "utf8");

describe.skipIf(noAddon !== undefined && !IN_CI)("install", () => {
  let root: ScratchRoot;

  beforeEach(() => {
    root = new ScratchRoot();
  });

  it("puts program, service, manual pages and commands below a root, and the commands run out of the tree", async () => {
    await root.installed(await newer());
    expect(await root.says()).toBe("cli 0.10.0 x\n");
    expect((await execute(root.at("usr/sbin/sledcastd"), [])).stdout).toBe("daemon 0.10.0\n");
    expect(root.manifest()).toContain(" 0.10.0\n");
    expect(existsSync(root.at("usr/share/man/man8/sledcastd.8"))).toBe(true);
    expect((statSync(root.at("etc/logadm.d/sledcast")).mode & 0o777).toString(8)).toBe("444");
    expect(existsSync(root.at("opt/oxide/sledcast/lib/method/sledcast"))).toBe(true);
    expect(readlinkSync(root.at("opt/oxide/sledcast"))).toMatch(/^sledcast\.versions\/0\.10\.0-/);
    expect(existsSync(root.at("var/sledcast"))).toBe(false);
  });

  it.runIf(FULL)("does nothing more when it is run again", async () => {
    root = await installedNewer();
    const before = root.all();
    await root.installed(await newer());
    expect(root.all()).toEqual(before);
  });

  it("upgrades, and leaves the ledger and the version before", async () => {
    root = await installedOlder();
    root.keep(LEDGER, headOf(1));
    await root.installed(await newer());
    expect(await root.says()).toBe("cli 0.10.0 x\n");
    expect(root.manifest()).toContain(" 0.10.0\n");
    expect(readFileSync(root.at(LEDGER), "utf8")).toBe(headOf(1));
    expect(readFileSync(root.at(`${VERSIONS}/previous`), "utf8")).toMatch(/^0\.9\.0-/);
  });

  it.runIf(FULL)("goes back to the version before by the guide's command, and forth again", async () => {
    root = await installedBoth();
    const [guide = "no such command"] = /^cd .*\n\.\/install --back-out$/m.exec(GUIDE) ?? [];
    const command = `set -e\n${guide.replaceAll("/opt/", `${root.dir}/opt/`)} --root ${root.dir}`;
    expect(await execute("sh", ["-c", command])).toMatchObject({ code: 0, stderr: "" });
    expect([await root.says(), root.manifest()]).toEqual(["cli 0.9.0 x\n", expect.stringContaining(" 0.9.0\n")]);
    await root.installed(await newer(), "--back-out");
    expect([await root.says(), root.manifest()]).toEqual(["cli 0.10.0 x\n", expect.stringContaining(" 0.10.0\n")]);
  });

  it.runIf(FULL)("has nothing to go back to after the first install", async () => {
    root = await installedNewer();
    expect(await root.refused(await newer(), "--back-out")).toMatch(/^install: there is no version before 0\.10\.0-/);
  });

  it("refuses a downgrade with its risk, until it is told to", async () => {
    root = await installedNewer();
    expect(await root.refused(await older())).toMatch(
      /^install: sledcast 0\.10\.0 is installed, and this is 0\.9\.0, which is older\. .*--allow-downgrade installs it all the same/,
    );
    await root.installed(await older(), "--allow-downgrade");
    expect(await root.says()).toBe("cli 0.9.0 x\n");
  });

  it("refuses a version that does not read the ledger that is there, also when a downgrade is allowed", async () => {
    root = await installedBoth();
    root.keep(LEDGER, headOf(1));
    // Generations are numbers: the tenth is later than the ninth.
    root.keep("var/sledcast/ledger.9", headOf(1));
    const elsewhere = newFolder();
    const later = await FileLedger.open(elsewhere, { log: NO_LOG, format: { version: 2, upgrades: new Map() } });
    await later.record([{ key: "a", value: 1 }]);
    await later.close();
    renameSync(path.join(elsewhere, "ledger.1"), root.at("var/sledcast/ledger.10"));
    for (const args of [["--allow-downgrade"], ["--back-out"]]) {
      expect(await root.refused(await older(), ...args)).toContain(
        `the ledger in ${root.at("var/sledcast")} is in format 2, and sledcast 0.9.0 reads up to format 1`,
      );
    }
    expect(await root.says()).toBe("cli 0.10.0 x\n");
  });

  it.runIf(FULL)("takes a file away that the new version does not have", async () => {
    const withMore = await unpacked(smallPackages(smallSource("0.9.5")));
    const outside = readFileSync(path.join(withMore, "OUTSIDE"), "utf8");
    rmSync(path.join(withMore, "OUTSIDE"));
    writeFileSync(path.join(withMore, "OUTSIDE"), `${outside}0444 bin usr/share/man/man8/more.8\n`);
    writeFileSync(path.join(withMore, "proto/usr/share/man/man8/more.8"), "");
    await root.installed(withMore);
    expect(existsSync(root.at("usr/share/man/man8/more.8"))).toBe(true);
    await root.installed(await newer());
    expect(existsSync(root.at("usr/share/man/man8/more.8"))).toBe(false);
  });

  it("refuses to replace files and links that it did not put there, and names them", async () => {
    root.keep("usr/sbin/sledcast", "somebody's");
    mkdirSync(root.at("usr/share/man/man8"), { recursive: true });
    symlinkSync("nowhere", root.at("usr/share/man/man8/sledcast.8"));
    expect(await root.refused(await newer())).toBe(
      `install: these files are there and are not sledcast's: ${root.at("usr/sbin/sledcast")} ${root.at("usr/share/man/man8/sledcast.8")} ; move them away\n`,
    );
  });

  it("refuses a folder that is none, or that leads out of the root, before it changes anything", async () => {
    root.keep("usr/share", "no folder");
    const outside = newFolder();
    symlinkSync(outside, root.at("usr/sbin"));
    expect(await root.refused(await newer())).toBe(
      `install: ${root.at("usr/sbin")} leads out of ${root.dir}; ${root.at("usr/share")} is no folder; nothing was changed\n`,
    );
    expect(readdirSync(outside)).toEqual([]);
  });

  it("refuses where the IPS package has its place", async () => {
    root.keep("opt/oxide/sledcast/package.json", "{}");
    expect(await root.refused(await newer())).toMatch(
      /sledcast is there and was not put there by this script; if the IPS package/,
    );
  });

  it.runIf(FULL)("refuses a package of another platform, and an addon that does not load", async () => {
    const source = smallSource("0.11.0");
    rmSync(path.join(source, "build/Release/sledcast.node"));
    writeFileSync(path.join(source, "build/Release/sledcast.node"), "no addon");
    const broken = await unpacked(smallPackages(source));
    expect(await root.refused(broken)).toMatch(
      /^install: the addon does not load on this machine \(.*file too short|invalid ELF/,
    );
    const build = path.join(broken, "BUILD");
    const text = readFileSync(build, "utf8").replace(/^platform=.*$/m, "platform=sunos-x64");
    rmSync(build);
    writeFileSync(build, text);
    expect(await root.refused(broken)).toMatch(
      /^install: this package was built on sunos-x64, and .* here is for \w+-\w+/,
    );
  });

  it("refuses a Node that does not serve, with the versions that do", async () => {
    root.keep("node", "#!/bin/sh\necho v18.20.0\n");
    const { code, stderr } = await execute(path.join(await newer(), "install"), ["--root", root.dir], {
      SLEDCAST_NODE: "/bin/false",
    });
    expect([code, stderr]).toEqual([
      1,
      "install: SLEDCAST_NODE is /bin/false, and that is no Node 20 (from 20.19), 22 (from 22.13), 24 or later\n",
    ]);
  });

  it.skipIf(process.platform === "sunos")("refuses this machine itself, which is not illumos", async () => {
    for (const script of ["install", "uninstall"]) {
      const { code, stderr } = await execute(path.join(await newer(), script), []);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(
          `sledcast is installed on illumos, and this is ${process.platform === "linux" ? "Linux" : ""}`,
        ),
      ]);
      const slash = await execute(path.join(await newer(), script), ["--root", "/"]);
      expect([slash.code, slash.stderr]).toEqual([1, `${script}: --root / is this host itself: leave --root out\n`]);
    }
  });

  it("tells how it is used, and what it does not know", async () => {
    for (const script of ["install", "uninstall"]) {
      const help = await execute(path.join(await newer(), script), ["--help"]);
      expect([help.code, help.stdout]).toEqual([0, expect.stringMatching(new RegExp(`^usage: ${script} `))]);
      const wrong = await execute(path.join(await newer(), script), ["--nowhere"]);
      expect([wrong.code, wrong.stderr]).toEqual([
        2,
        expect.stringContaining(`${script}: unknown argument --nowhere\n`),
      ]);
    }
  });

  it.runIf(FULL)(
    "waits for no other install: it refuses while one is at work, and takes over from one that is gone",
    async () => {
      root.keep(`${VERSIONS}/.lock/pid`, `${process.pid}\n`);
      expect(await root.refused(await newer())).toContain(
        `another install or uninstall is at work (process ${process.pid})`,
      );
      // No process has that id: the kernel's largest is 2^22.
      root.keep(`${VERSIONS}/.lock/pid`, "4194305\n");
      await root.installed(await newer());
      expect(await root.says()).toBe("cli 0.10.0 x\n");
    },
  );
});
