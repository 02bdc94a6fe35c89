/**
 * The packages of this product, installed below a scratch root: the daemon and the command run there, with no packages but
 * their own. Building them takes npm half a minute where others work, so it is for CI and for SLEDCAST_PACKAGE=1.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPackages, type Packages } from "../../scripts/packaging/build.ts";
import { ensureBody, PROPOLIS } from "../harness/registration.ts";
import { execute, IN_CI, newFolder, SOURCE, unpacked } from "./kit.ts";

const wanted = IN_CI || process.env.SLEDCAST_PACKAGE === "1";
if (!wanted) console.log("the packages are not built and tried: set SLEDCAST_PACKAGE=1 for that");

interface Serving {
  readonly url: string;
  stop(): Promise<number | null>;
}

describe.skipIf(!wanted)("the packaged sledcast", () => {
  let packages: Packages;
  let bundle: string;
  let root: string;
  let serving: Serving | undefined;
  const at = (name: string) => path.join(root, name);
  // Nothing of the sources' tree, and no second binding.
  const env = { NODE_PATH: "", SLEDCAST_BINDING: "addon", LD_PRELOAD: "", LD_LIBRARY_PATH: "" };

  async function start(): Promise<Serving> {
    const args = ["--listen", "127.0.0.1:0", "--state-dir", at("var/sledcast"), "--model-state", at("var/model")];
    const child = spawn(at("usr/sbin/sledcastd"), args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    let url = "";
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, address } = JSON.parse(line) as { msg: string; address?: string };
      if (address !== undefined) url = `http://${address}`;
      if (msg === "ready") break;
    }
    child.stdout.resume();
    serving = {
      url,
      stop: () => {
        child.kill("SIGTERM");
        return ended;
      },
    };
    return serving;
  }

  const sledcast = async (...args: string[]) => {
    const { code, stdout, stderr } = await execute(
      at("usr/sbin/sledcast"),
      ["--agent", serving?.url ?? "", ...args],
      env,
      root,
    );
    expect([code, stderr]).toEqual([0, ""]);
    return stdout;
  };
  const install = async (...args: string[]) => {
    const { code, stderr } = await execute(path.join(bundle, "install"), ["--root", root, ...args]);
    expect([code, stderr]).toEqual([0, ""]);
  };

  beforeAll(async () => {
    packages = buildPackages({ source: SOURCE, out: newFolder(), publisher: "sledcast", release: undefined });
    bundle = await unpacked(packages);
    root = newFolder();
    await install();
    mkdirSync(at("var"));
  }, 120_000);
  const stop = async () => {
    const code = await serving?.stop();
    serving = undefined;
    return code;
  };
  afterAll(async () => void (await stop()));

  it("has what runs, and neither what builds it nor what has no illumos", () => {
    const modules = readdirSync(at("opt/oxide/sledcast/node_modules"));
    expect(modules).toContain("fastify");
    for (const name of ["cmake-js", "node-addon-api", "koffi", "typescript", "vitest", ".bin", ".package-lock.json"])
      expect(modules).not.toContain(name);
    const all = readdirSync(at("opt/oxide/sledcast/node_modules"), { recursive: true }) as string[];
    expect(all.filter((name) => /\.(map|d\.[cm]?ts|node|so)$/.test(name))).toEqual([]);
    expect(existsSync(at("opt/oxide/sledcast/docs"))).toBe(true);
  });

  it("maps a group, takes a VMM and its membership, with its own packages alone", async () => {
    await start();
    await sledcast("m2p", "set", "239.1.1.1", "ff04::1");
    const put = (where: string, body: object) =>
      fetch(`${serving?.url}/vmms/${PROPOLIS}${where}`, {
        method: "PUT",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    expect((await put("", ensureBody())).status).toBe(200);
    expect((await put("/multicast-group", { group_ip: "239.1.1.1", sources: [] })).status).toBe(204);
    expect(JSON.parse(await sledcast("m2p", "list", "--json"))).toEqual([{ group: "239.1.1.1", underlay: "ff04::1" }]);
    expect((await fetch(`${serving?.url}/metrics`)).status).toBe(200);
  });

  it("is upgraded under a daemon that serves, and the next start has its mappings and memberships", async () => {
    const before = [
      await sledcast("m2p", "list"),
      await sledcast("subs", "list"),
      await sledcast("vmm", "show", PROPOLIS),
    ];
    expect(before[1]).toContain("ff04::1");
    // A later version: the same program under another name.
    for (const [file, from, to] of [
      ["BUILD", `version=${packages.version}`, "version=999.0.0"],
      ["proto/opt/oxide/sledcast/package.json", `"version": "${packages.version}"`, '"version": "999.0.0"'],
    ] as const) {
      const text = readFileSync(path.join(bundle, file), "utf8").replace(from, to);
      rmSync(path.join(bundle, file));
      writeFileSync(path.join(bundle, file), text);
    }
    await install();
    expect(readlinkSync(at("opt/oxide/sledcast"))).toContain("/999.0.0-");
    // Loaded when it is asked for, from the tree that the daemon was started from.
    for (const page of ["/openapi.json", "/docs/"])
      expect([page, (await fetch(serving?.url + page)).status]).toEqual([page, 200]);
    expect(await stop()).toBe(0);
    await start();
    const status = (await (await fetch(`${serving?.url}/multicast/status`)).json()) as { version: string };
    expect(status.version).toBe("999.0.0");
    expect([
      await sledcast("m2p", "list"),
      await sledcast("subs", "list"),
      await sledcast("vmm", "show", PROPOLIS),
    ]).toEqual(before);
  });

  it("is removed, and the ledger is there for another install, until it is purged", async () => {
    expect(await stop()).toBe(0);
    const uninstall = path.join(bundle, "uninstall");
    expect((await execute(uninstall, ["--root", root])).code).toBe(0);
    expect(existsSync(at("opt/oxide/sledcast"))).toBe(false);
    expect(readdirSync(at("var/sledcast"))).toContain("ledger.1");
    await install();
    await start();
    expect(await sledcast("vmm", "list")).toContain(PROPOLIS);
    expect(await stop()).toBe(0);
    expect((await execute(uninstall, ["--root", root, "--purge"])).code).toBe(0);
    expect(existsSync(at("var/sledcast"))).toBe(false);
  });
});
