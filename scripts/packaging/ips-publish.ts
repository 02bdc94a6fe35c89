/**
 * From the tree and its manifest to a package in a repository: with the tools of IPS, which only illumos has. Where this was
 * written there are none, so the steps are those of their manual pages and of OPTE's build, and were never run.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, writeFileSync } from "node:fs";
import path from "node:path";

const TOOLS = ["pkgmogrify", "pkgdepend", "pkglint", "pkgrepo", "pkgsend", "pkgrecv"];

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? "").split(path.delimiter).some((dir) => {
    try {
      accessSync(path.join(dir, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why nothing can be published from this machine; undefined: it can. */
export function publishObstacle(): string | undefined {
  const missing = TOOLS.filter((tool) => !isOnPath(tool));
  if (missing.length === 0) return undefined;
  const what = `${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} not on this machine (${process.platform})`;
  return `${what}: packages are published on illumos, where package/pkg has them; without --publish the tree, its manifest and the tarball are built anywhere`;
}

function run(tool: string, args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(tool, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0)
    throw new Error(`${tool} ${args.join(" ")}: ${error?.message ?? (stderr.trim() || `it ended with ${status}`)}`);
  return stdout;
}

export interface Published {
  readonly manifest: string;
  readonly archive: string;
}

/** `out` has `proto` and `sledcast.p5m`, and gets what lies between them and the package. */
export function publish(out: string, publisher: string, repository: string): Published {
  const proto = path.join(out, "proto");
  const at = (name: string) => path.join(out, name);
  writeFileSync(at("sledcast.mog.p5m"), run("pkgmogrify", [at("sledcast.p5m")]));
  // Which packages have the libraries of the addon.
  writeFileSync(at("sledcast.dep.p5m"), run("pkgdepend", ["generate", "-md", proto, at("sledcast.mog.p5m")]));
  run("pkgdepend", ["resolve", "-m", at("sledcast.dep.p5m")]);
  const manifest = at("sledcast.dep.p5m.res");
  run("pkglint", [manifest]);
  if (!existsSync(repository)) {
    run("pkgrepo", ["create", repository]);
    run("pkgrepo", ["add-publisher", "-s", repository, publisher]);
  }
  run("pkgsend", ["publish", "-d", proto, "-s", repository, manifest]);
  const archive = at("sledcast.p5p");
  run("pkgrecv", ["-a", "-d", archive, "-s", repository, "-m", "latest", "sledcast"]);
  return { manifest, archive };
}
