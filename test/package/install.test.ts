/** `install` and `uninstall` of the tarball, below a scratch root. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { execute, IN_CI, newFolder, noAddon, smallPackages, smallSource, unpacked } from "./kit.ts";

/** Places to end an install at are many: all of them on request, and a share of them otherwise. */
const EVERY = process.env.SLEDCAST_PACKAGE === "1" ? 1 : IN_CI ? 5 : 24;

const VERSIONS = "opt/oxide/sledcast.versions";
const LEDGER = "var/sledcast/ledger.1";
const headOf = (format: number) => `00000000 1 {"sledcast":"ledger","format":${format},"generation":1,"after":0}\n`;

describe.skipIf(noAddon !== undefined && !IN_CI)("install and uninstall", () => {
  let older: string;
  let newer: string;
  let root: string;
  const at = (name: string) => path.join(root, name);
  const install = (from: string, ...args: string[]) => execute(path.join(from, "install"), ["--root", root, ...args]);
  /** A root where that version was installed first. */
  const rootsWith = new Map<string, string>();
  const startWith = (from: string) => {
    rmSync(root, { recursive: true });
    cpSync(rootsWith.get(from) ?? "", root, { recursive: true, verbatimSymlinks: true });
  };
  const uninstall = (...args: string[]) => execute(path.join(newer, "uninstall"), ["--root", root, ...args]);
  const installed = async (from: string, ...args: string[]) => {
    const { code, stderr } = await install(from, ...args);
    expect([code, stderr]).toEqual([0, ""]);
  };
  const refused = async (from: string, ...args: string[]) => {
    const before = all();
    const { code, stdout, stderr } = await install(from, ...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(all()).toEqual(before);
    return stderr;
  };
  /** What the administrator's command says. */
  const says = async () => (await execute(at("usr/sbin/sledcast"), ["x"])).stdout;
  const manifest = () => readFileSync(at("lib/svc/manifest/network/sledcast.xml"), "utf8");
  /** Everything below the root that is no directory. */
  const all = () =>
    (readdirSync(root, { recursive: true }) as string[]).filter((name) => !lstatSync(at(name)).isDirectory()).sort();
  const keep = (name: string, text: string) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };

  beforeAll(async () => {
    older = await unpacked(smallPackages(smallSource("0.9.0", { "docs/man/gone.8": "", "scripts/dtrace/old.d": "" })));
    newer = await unpacked(smallPackages(smallSource("0.10.0")));
    for (const from of [older, newer]) {
      root = newFolder();
      await installed(from);
      rootsWith.set(from, root);
    }
  });
  beforeEach(() => {
    root = newFolder();
  });

  it("puts program, service, manual pages and commands below a root, and the commands run out of the tree", async () => {
    await installed(newer);
    expect(await says()).toBe("cli 0.10.0 x\n");
    expect((await execute(at("usr/sbin/sledcastd"), [])).stdout).toBe("daemon 0.10.0\n");
    expect(manifest()).toContain(" 0.10.0\n");
    expect(existsSync(at("usr/share/man/man8/sledcastd.8"))).toBe(true);
    expect((statSync(at("etc/logadm.d/sledcast")).mode & 0o777).toString(8)).toBe("444");
    expect(existsSync(at("opt/oxide/sledcast/lib/method/sledcast"))).toBe(true);
    expect(readlinkSync(at("opt/oxide/sledcast"))).toMatch(/^sledcast\.versions\/0\.10\.0-/);
    expect(existsSync(at("var/sledcast"))).toBe(false);
  });

  it("does nothing more when it is run again", async () => {
    startWith(newer);
    const before = all();
    await installed(newer);
    expect(all()).toEqual(before);
  });

  it("upgrades, and leaves the ledger and the version before", async () => {
    startWith(older);
    keep(LEDGER, headOf(1));
    await installed(newer);
    expect(await says()).toBe("cli 0.10.0 x\n");
    expect(manifest()).toContain(" 0.10.0\n");
    expect(readFileSync(at(LEDGER), "utf8")).toBe(headOf(1));
    expect(readFileSync(at(`${VERSIONS}/previous`), "utf8")).toMatch(/^0\.9\.0-/);
  });

  it("goes back to the version before, and forth again", async () => {
    startWith(older);
    await installed(newer);
    await installed(newer, "--back-out");
    expect([await says(), manifest()]).toEqual(["cli 0.9.0 x\n", expect.stringContaining(" 0.9.0\n")]);
    await installed(newer, "--back-out");
    expect([await says(), manifest()]).toEqual(["cli 0.10.0 x\n", expect.stringContaining(" 0.10.0\n")]);
  });

  it("has nothing to go back to after the first install", async () => {
    startWith(newer);
    expect(await refused(newer, "--back-out")).toMatch(/^install: there is no version before 0\.10\.0-/);
  });

  it("refuses a downgrade with its risk, until it is told to", async () => {
    startWith(newer);
    expect(await refused(older)).toMatch(
      /^install: sledcast 0\.10\.0 is installed, and this is 0\.9\.0, which is older\. .*--allow-downgrade installs it all the same/,
    );
    await installed(older, "--allow-downgrade");
    expect(await says()).toBe("cli 0.9.0 x\n");
  });

  it("refuses a version that does not read the ledger that is there, also when a downgrade is allowed", async () => {
    startWith(older);
    await installed(newer);
    keep(LEDGER, headOf(1));
    // Generations are numbers: the tenth is later than the ninth.
    keep("var/sledcast/ledger.9", headOf(1));
    keep("var/sledcast/ledger.10", headOf(2));
    for (const args of [["--allow-downgrade"], ["--back-out"]]) {
      expect(await refused(older, ...args)).toContain(
        `the ledger in ${at("var/sledcast")} is in format 2, and sledcast 0.9.0 reads up to format 1`,
      );
    }
    expect(await says()).toBe("cli 0.10.0 x\n");
  });

  it("takes a file away that the new version does not have", async () => {
    const withMore = await unpacked(smallPackages(smallSource("0.9.5")));
    const outside = readFileSync(path.join(withMore, "OUTSIDE"), "utf8");
    rmSync(path.join(withMore, "OUTSIDE"));
    writeFileSync(path.join(withMore, "OUTSIDE"), `${outside}0444 bin usr/share/man/man8/more.8\n`);
    writeFileSync(path.join(withMore, "proto/usr/share/man/man8/more.8"), "");
    await installed(withMore);
    expect(existsSync(at("usr/share/man/man8/more.8"))).toBe(true);
    await installed(newer);
    expect(existsSync(at("usr/share/man/man8/more.8"))).toBe(false);
  });

  it("refuses to replace files and links that it did not put there, and names them", async () => {
    keep("usr/sbin/sledcast", "somebody's");
    mkdirSync(at("usr/share/man/man8"), { recursive: true });
    symlinkSync("nowhere", at("usr/share/man/man8/sledcast.8"));
    expect(await refused(newer)).toBe(
      `install: these files are there and are not sledcast's: ${at("usr/sbin/sledcast")} ${at("usr/share/man/man8/sledcast.8")} ; move them away\n`,
    );
  });

  it("refuses where the IPS package has its place", async () => {
    keep("opt/oxide/sledcast/package.json", "{}");
    expect(await refused(newer)).toMatch(/sledcast is there and was not put there by this script; if the IPS package/);
  });

  it("refuses a package of another platform, and an addon that does not load", async () => {
    const source = smallSource("0.11.0");
    rmSync(path.join(source, "build/Release/sledcast.node"));
    writeFileSync(path.join(source, "build/Release/sledcast.node"), "no addon");
    const broken = await unpacked(smallPackages(source));
    expect(await refused(broken)).toMatch(
      /^install: the addon does not load on this machine \(.*file too short|invalid ELF/,
    );
    const build = path.join(broken, "BUILD");
    const text = readFileSync(build, "utf8").replace(/^platform=.*$/m, "platform=sunos-x64");
    rmSync(build);
    writeFileSync(build, text);
    expect(await refused(broken)).toMatch(/^install: this package was built on sunos-x64, and .* here is for \w+-\w+/);
  });

  it("refuses a Node that does not serve, with the versions that do", async () => {
    keep("node", "#!/bin/sh\necho v18.20.0\n");
    const { code, stderr } = await execute(path.join(newer, "install"), ["--root", root], {
      SLEDCAST_NODE: "/bin/false",
    });
    expect([code, stderr]).toEqual([
      1,
      "install: SLEDCAST_NODE is /bin/false, and that is no Node 20 (from 20.19), 22 (from 22.13), 24 or later\n",
    ]);
  });

  it.skipIf(process.platform === "sunos")("refuses this machine itself, which is not illumos", async () => {
    for (const script of ["install", "uninstall"]) {
      const { code, stderr } = await execute(path.join(newer, script), []);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(
          `sledcast is installed on illumos, and this is ${process.platform === "linux" ? "Linux" : ""}`,
        ),
      ]);
      const slash = await execute(path.join(newer, script), ["--root", "/"]);
      expect([slash.code, slash.stderr]).toEqual([1, `${script}: --root / is this host itself: leave --root out\n`]);
    }
  });

  it("tells how it is used, and what it does not know", async () => {
    for (const script of ["install", "uninstall"]) {
      const help = await execute(path.join(newer, script), ["--help"]);
      expect([help.code, help.stdout]).toEqual([0, expect.stringMatching(new RegExp(`^usage: ${script} `))]);
      const wrong = await execute(path.join(newer, script), ["--nowhere"]);
      expect([wrong.code, wrong.stderr]).toEqual([
        2,
        expect.stringContaining(`${script}: unknown argument --nowhere\n`),
      ]);
    }
  });

  it("waits for no other install: it refuses while one is at work, and takes over from one that is gone", async () => {
    keep(`${VERSIONS}/.lock/pid`, `${process.pid}\n`);
    expect(await refused(newer)).toContain(`another install or uninstall is at work (process ${process.pid})`);
    // No process has that id: the kernel's largest is 2^22.
    keep(`${VERSIONS}/.lock/pid`, "4194305\n");
    await installed(newer);
    expect(await says()).toBe("cli 0.10.0 x\n");
  });

  it("leaves a version that works wherever an upgrade is killed, and the next one finishes it", async () => {
    // Each tool that the script calls counts, and at its turn ends the script instead.
    const tools = newFolder();
    for (const tool of [
      "cat",
      "chmod",
      "cp",
      "grep",
      "ln",
      "mkdir",
      "mv",
      "node",
      "readlink",
      "rm",
      "sed",
      "sort",
      "sync",
    ]) {
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
      startWith(older);
      keep(LEDGER, headOf(1));
      const { code } = await execute(path.join(newer, "install"), ["--root", root], {
        PATH: `${tools}:${process.env.PATH}`,
        COUNT: path.join(newFolder(), "count"),
        LAST: String(last),
      });
      const said = await says();
      expect(["cli 0.9.0 x\n", "cli 0.10.0 x\n"]).toContain(said);
      results.push(said);
      expect(readFileSync(at(LEDGER), "utf8")).toBe(headOf(1));
      if (code === 0) break;
      expect(code).toBe("SIGKILL");
      await installed(newer);
      expect([await says(), manifest()]).toEqual(["cli 0.10.0 x\n", expect.stringContaining(" 0.10.0\n")]);
      expect(all().filter((name) => /\.new|\.lock|sledcast-new/.test(name))).toEqual([]);
    }
    // It was killed on either side of the switch, and never between.
    expect(new Set(results).size).toBe(2);
    expect(results.join("")).toMatch(/^(cli 0\.9\.0 x\n)+(cli 0\.10\.0 x\n)+$/);
  });

  it("removes all but the ledger", async () => {
    startWith(older);
    keep(LEDGER, headOf(1));
    keep("opt/oxide/other", "");
    await installed(newer);
    const { code, stdout } = await uninstall();
    expect([code, stdout]).toEqual([0, `sledcast is removed. What it had recorded is in ${at("var/sledcast")}.\n`]);
    expect(all()).toEqual(["opt/oxide/other", LEDGER]);
  });

  it("removes the ledger too when it is told, and leaves what is not the ledger's", async () => {
    startWith(newer);
    keep(LEDGER, headOf(1));
    keep("var/sledcast/lock", "");
    expect((await uninstall("--purge")).stdout).toBe("sledcast is removed.\n");
    expect(existsSync(at("var/sledcast"))).toBe(false);
    startWith(newer);
    keep(LEDGER, headOf(1));
    keep("var/sledcast/mine", "");
    expect((await uninstall("--purge")).stdout).toContain("has files that are not the ledger's, and stays\n");
    expect(all()).toEqual(["var/sledcast/mine"]);
  });

  it("is removed by its own copy of the script", async () => {
    startWith(newer);
    const own = at(`${VERSIONS}/${readlinkSync(at("opt/oxide/sledcast")).split("/")[1]}/uninstall`);
    expect((await execute(own, ["--root", root])).code).toBe(0);
    expect(all()).toEqual([]);
  });

  it("has nothing to remove where nothing was installed", async () => {
    const { code, stderr } = await uninstall();
    expect([code, stderr]).toEqual([1, expect.stringContaining(`nothing that install has put there is in ${root}`)]);
  });
});
