/** The packages that are built: the tree, its IPS manifest, and the tarball. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import semver from "semver";
import { beforeAll, describe, expect, it } from "vitest";
import type { Packages } from "../../scripts/packaging/build.ts";
import { ipsVersion } from "../../scripts/packaging/ips-manifest.ts";
import { publish, publishObstacle } from "../../scripts/packaging/ips-publish.ts";
import { execute, FULL, IN_CI, newFolder, noAddon, SOURCE, smallPackages, smallSource } from "./kit.ts";

if (noAddon !== undefined) console.log(`packages are not tested: ${noAddon}`);

interface Action {
  readonly name: string;
  readonly payload: string | undefined;
  readonly attributes: readonly (readonly [key: string, value: string])[];
}

/** An action as pkg(7) has it: a name, maybe a payload, attributes; a value with blanks or quotes is quoted. */
function parseAction(line: string): Action {
  const value = String.raw`(?:"(?:[^"\\]|\\["\\])*"|[^\s"']+)`;
  const shape = new RegExp(
    String.raw`^(?<name>[a-z]+)(?: (?<payload>(?![^\s"]+=)${value}))?(?<rest>(?: [\w.-]+=${value})+)$`,
  );
  const { name, payload, rest } = shape.exec(line)?.groups ?? {};
  if (name === undefined || rest === undefined) throw new Error(`no action: ${line}`);
  const plain = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(["\\])/g, "$1") : text);
  const attributes = [...rest.matchAll(new RegExp(` ([\\w.-]+)=(${value})`, "g"))].map(
    ([, key = "", text = ""]) => [key, plain(text)] as const,
  );
  return { name, payload: payload === undefined ? undefined : plain(payload), attributes };
}

const of = ({ attributes }: Action, key: string) =>
  attributes.filter(([name]) => name === key).map(([, value]) => value);

describe.skipIf(noAddon !== undefined && !IN_CI)("scripts/package", () => {
  let packages: Packages;
  let actions: readonly Action[];
  const deliveries = () => actions.filter(({ name }) => ["file", "dir", "link"].includes(name));
  const delivered = (at: string) => deliveries().find((action) => of(action, "path")[0] === at);

  beforeAll(() => {
    packages = smallPackages(smallSource("1.2.3"));
    actions = readFileSync(packages.manifest, "utf8").trimEnd().split("\n").map(parseAction);
  });

  describe("the IPS manifest", () => {
    it("has one action for each path of the tree, and none for another", async () => {
      const { stdout } = await execute("find", [packages.proto, "-mindepth", "1", "-printf", "%y %P\\n"]);
      const kinds = { f: "file", d: "dir", l: "link" } as const;
      const tree = stdout
        .trimEnd()
        .split("\n")
        .map((line) => `${kinds[line[0] as "f" | "d" | "l"]} ${line.slice(2)}`);
      expect(
        deliveries()
          .map((action) => `${action.name} ${of(action, "path").join(" ")}`)
          .sort(),
      ).toEqual(tree.sort());
    });

    it("says root, a group and the mode that is in the tree, of each file and directory", () => {
      for (const action of deliveries().filter(({ name }) => name !== "link")) {
        const [at = ""] = of(action, "path");
        expect(of(action, "owner"), at).toEqual(["root"]);
        expect(["bin", "sys"], at).toContain(of(action, "group")[0]);
        const mode = (statSync(path.join(packages.proto, at)).mode & 0o7777).toString(8).padStart(4, "0");
        expect(of(action, "mode"), at).toEqual([mode]);
      }
    });

    it("delivers each directory before what is in it", () => {
      const seen = new Set(["."]);
      for (const action of deliveries()) {
        const [at = ""] = of(action, "path");
        expect(seen, at).toContain(path.dirname(at));
        if (action.name === "dir") seen.add(at);
      }
    });

    it("gives the directories of the system the groups that illumos gives them", () => {
      const groups = deliveries()
        .filter(({ name }) => name === "dir")
        .map((dir) => [of(dir, "path")[0], of(dir, "group")[0]]);
      expect(Object.fromEntries(groups)).toMatchObject({
        opt: "sys",
        "opt/oxide": "bin",
        lib: "bin",
        "lib/svc": "bin",
        "lib/svc/manifest": "sys",
        "lib/svc/manifest/network": "sys",
        etc: "sys",
        "etc/logadm.d": "sys",
        "etc/security": "sys",
        "etc/security/auth_attr.d": "sys",
        usr: "sys",
        "usr/sbin": "bin",
      });
    });

    it("names the package, its version and the OS release it is for", () => {
      const set = Object.fromEntries(
        actions.filter(({ name }) => name === "set").map((one) => [of(one, "name")[0], of(one, "value")[0]]),
      );
      expect(set).toMatchObject({
        "pkg.fmri": "pkg://example.com/system/network/sledcast@1.2.3-151054.0",
        "pkg.summary": "A small one",
        "variant.arch": "i386",
        "variant.opensolaris.zone": "global",
      });
    });

    it("has SMF and others read again what they are told, which logadm takes only as root:sys and 0444", () => {
      const manifest = delivered("lib/svc/manifest/network/sledcast.xml");
      const logadm = delivered("etc/logadm.d/sledcast");
      const authorizations = delivered("etc/security/auth_attr.d/sledcast");
      expect(manifest && of(manifest, "restart_fmri")).toEqual(["svc:/system/manifest-import:default"]);
      expect(logadm && of(logadm, "restart_fmri")).toEqual(["svc:/system/logadm-upgrade:default"]);
      expect(authorizations && of(authorizations, "restart_fmri")).toEqual(["svc:/system/rbac:default"]);
      for (const file of [manifest, logadm, authorizations])
        expect(file && [of(file, "group"), of(file, "mode")]).toEqual([["sys"], ["0444"]]);
    });

    it("leaves the manual pages to who wants manual pages, and has them indexed", () => {
      const pages = deliveries().filter((one) => of(one, "facet.doc.man").includes("true"));
      expect(pages.map((one) => [of(one, "path")[0], of(one, "restart_fmri")[0]])).toEqual(
        ["sledcast", "sledcastd"].map((name) => [`usr/share/man/man8/${name}.8`, "svc:/application/man-index:default"]),
      );
    });

    it("keeps pkgdepend out of node_modules, and of nothing else", () => {
      for (const file of deliveries().filter(({ name }) => name === "file")) {
        const isModule = of(file, "path")[0]?.startsWith("opt/oxide/sledcast/node_modules/");
        expect(of(file, "pkg.depend.bypass-generate")).toEqual(isModule ? [".*"] : []);
      }
    });

    it("depends on OPTE, and on one of the versions of Node that package.json names", () => {
      const depends = actions.filter(({ name }) => name === "depend").map((one) => [of(one, "type"), of(one, "fmri")]);
      expect(depends).toEqual([
        [["require"], ["pkg:/driver/network/opte"]],
        [
          ["require-any"],
          ["pkg:/ooce/runtime/node-20@20.19", "pkg:/ooce/runtime/node-22@22.13", "pkg:/ooce/runtime/node-24@24.0"],
        ],
      ]);
    });

    it("has a licence that is in the tree", () => {
      const [license] = actions.filter(({ name }) => name === "license");
      expect(license && of(license, "license")).toEqual(["MPL-2.0"]);
      expect(existsSync(path.join(packages.proto, license?.payload ?? ""))).toBe(true);
    });

    it("takes three numbers for a version, and no pre-release, which IPS cannot order", () => {
      expect(ipsVersion("0.10.0", undefined)).toBe("0.10.0");
      expect(() => ipsVersion("1.0.0-rc.1", undefined)).toThrow(
        "the version 1.0.0-rc.1 of package.json is none for a package",
      );
    });
  });

  it("names all that is missing at once, and where it comes from", () => {
    const source = smallSource("1.2.3");
    for (const gone of ["smf", "CHANGELOG.md", "dist/cli.js", "scripts/dtrace"])
      rmSync(path.join(source, gone), { recursive: true });
    expect(() => smallPackages(source)).toThrow(
      "the package cannot be built without CHANGELOG.md (from the sources), smf/sledcast.xml (from the sources), smf/sledcast (from the sources), smf/sledcast.logadm (from the sources), smf/sledcast.auth_attr (from the sources), dist/cli.js (from `npm run build`), any file of scripts/dtrace/ (from the sources)",
    );
  });

  it("refuses a service whose start method is not in the package", () => {
    const source = smallSource("1.2.3", { "smf/sledcast.xml": "<exec_method exec='/lib/svc/method/other start'/>" });
    expect(() => smallPackages(source)).toThrow("runs /lib/svc/method/other, and the package has no such file");
  });

  it("empties a folder only if it made that itself", () => {
    const source = smallSource("1.2.3");
    const out = newFolder();
    smallPackages(source, out);
    writeFileSync(path.join(out, "proto", "left"), "");
    smallPackages(source, out);
    expect(existsSync(path.join(out, "proto", "left"))).toBe(false);
    const other = newFolder();
    mkdirSync(path.join(other, "mine"));
    expect(() => smallPackages(source, other)).toThrow(`${other} is not empty`);
    expect(existsSync(path.join(other, "mine"))).toBe(true);
  });

  it("makes the same bytes of the same sources, whatever their times and modes and the umask are", () => {
    const source = smallSource("1.2.3");
    for (const name of ["README.md", "dist/daemon.js"]) {
      utimesSync(path.join(source, name), 1, 1);
      chmodSync(path.join(source, name), 0o600);
    }
    const before = process.umask(0o077);
    let again: Packages;
    try {
      again = smallPackages(source);
    } finally {
      process.umask(before);
    }
    expect(readFileSync(again.manifest, "utf8")).toBe(readFileSync(packages.manifest, "utf8"));
    expect(readFileSync(again.tarball).equals(readFileSync(packages.tarball))).toBe(true);
  });

  it("packs files of root's, and no source maps", async () => {
    const { stdout } = await execute("tar", ["--numeric-owner", "-tvzf", packages.tarball]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.filter((line) => !/^\S{10} 0\/0 /.test(line))).toEqual([]);
    expect(stdout).toContain("sledcast-1.2.3/proto/opt/oxide/sledcast/dist/daemon.js\n");
    expect(stdout).not.toContain(".map");
  });

  describe("--publish", () => {
    it.runIf(FULL)("is refused where the tools of IPS are not, in words", async () => {
      expect(publishObstacle()).toMatch(
        /^pkgmogrify, .* are not on this machine \(\w+\): packages are published on illumos/,
      );
      const { code, stderr } = await execute(path.join(SOURCE, "scripts/package"), [
        "--publish",
        newFolder(),
        "--out",
        newFolder(),
      ]);
      expect([code, stderr]).toEqual([1, `package: ${publishObstacle()}\n`]);
    });

    it("has pkgmogrify, pkgdepend, pkglint and pkgsend work on it in turn, each on what the one before made", () => {
      const tools = newFolder();
      const said = path.join(tools, "said");
      for (const tool of ["pkgmogrify", "pkgdepend", "pkglint", "pkgrepo", "pkgsend", "pkgrecv"]) {
        writeFileSync(path.join(tools, tool), `#!/bin/sh\necho ${tool} "$@" >>${said}\necho made by ${tool}\n`, {
          mode: 0o755,
        });
      }
      const out = newFolder();
      const repository = path.join(out, "repository");
      const before = process.env.PATH;
      process.env.PATH = `${tools}:${before}`;
      try {
        expect(publishObstacle()).toBeUndefined();
        publish(out, "example.com", repository);
      } finally {
        process.env.PATH = before;
      }
      const at = (name: string) => path.join(out, name);
      expect(readFileSync(at("sledcast.mog.p5m"), "utf8")).toBe("made by pkgmogrify\n");
      expect(readFileSync(said, "utf8").trimEnd().split("\n")).toEqual([
        `pkgmogrify ${at("sledcast.p5m")}`,
        `pkgdepend generate -md ${at("proto")} ${at("sledcast.mog.p5m")}`,
        `pkgdepend resolve -m ${at("sledcast.dep.p5m")}`,
        `pkglint ${at("sledcast.dep.p5m.res")}`,
        `pkgrepo create ${repository}`,
        `pkgrepo add-publisher -s ${repository} example.com`,
        `pkgsend publish -d ${at("proto")} -s ${repository} ${at("sledcast.dep.p5m.res")}`,
        `pkgrecv -a -d ${at("sledcast.p5p")} -s ${repository} -m latest sledcast`,
      ]);
    });
  });

  it("looks for the versions of Node that package.json names, and no others", async () => {
    const { engines } = JSON.parse(readFileSync(path.join(SOURCE, "package.json"), "utf8")) as {
      engines: { node: string };
    };
    const versions = [18, 20, 21, 22, 23, 24, 25, 30].flatMap((major) =>
      [0, 12, 13, 18, 19, 20].map((minor) => `${major}.${minor}.0`),
    );
    const script = `. "$0"; for version; do if serves "v$version"; then echo "$version"; fi; done`;
    const { stdout } = await execute("sh", [
      "-c",
      script,
      path.join(SOURCE, "scripts/packaging/find-node"),
      ...versions,
      "",
      "24",
      "x.y.z",
    ]);
    expect(stdout.trimEnd().split("\n")).toEqual(versions.filter((version) => semver.satisfies(version, engines.node)));
  });
});

const noShellcheck = await execute("shellcheck", ["--version"]).then(
  () => undefined,
  () => "shellcheck is not installed",
);
if (noShellcheck !== undefined) console.log(`the scripts of the packages are not checked: ${noShellcheck}`);

it.skipIf(noShellcheck !== undefined && !IN_CI)(
  "scripts of the packages are clean in shellcheck's eyes, as POSIX sh",
  async () => {
    const scripts = [
      "package",
      "install",
      "uninstall",
      "packaging/launch",
      "packaging/find-node",
      "packaging/checks",
    ].map((name) => `scripts/${name}`);
    const { code, stdout } = await execute("shellcheck", ["-s", "sh", "-x", ...scripts], {}, SOURCE);
    expect([code, stdout]).toEqual([0, ""]);
  },
);
