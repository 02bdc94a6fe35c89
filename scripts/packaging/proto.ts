/** The tree of a package as it will be on the host, with `proto` in the place of the host's root. */
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import path from "node:path";
import { deliveries, type Entry, type FileEntry, groupOf, LINKS, MANIFEST, MODULES } from "./layout.ts";

const DIR_MODE = 0o755;

/** Directories are made before anything is copied into them, so that the umask of who builds has no say. */
function makeDirs(proto: string, dir: string): void {
  if (dir === "." || dir === "") return;
  makeDirs(proto, path.dirname(dir));
  const full = path.join(proto, dir);
  mkdirSync(full, { recursive: true });
  chmodSync(full, DIR_MODE);
}

function place(proto: string, from: string, to: string, mode: FileEntry["mode"]): void {
  makeDirs(proto, path.dirname(to));
  cpSync(from, path.join(proto, to));
  chmodSync(path.join(proto, to), Number.parseInt(mode, 8));
}

/** In the order of their paths, a directory before what is in it. */
export function entriesOf(proto: string): readonly Entry[] {
  const entries: Entry[] = [];
  const walk = (dir: string) => {
    for (const entry of readdirSync(path.join(proto, dir), { withFileTypes: true })) {
      const at = path.posix.join(dir, entry.name);
      const full = path.join(proto, at);
      if (entry.isDirectory()) {
        entries.push({ type: "dir", path: at, group: groupOf(at, "dir") });
        walk(at);
      } else if (entry.isSymbolicLink()) {
        entries.push({ type: "link", path: at, target: readlinkSync(full) });
      } else {
        const mode = (statSync(full).mode & 0o111) === 0 ? "0444" : "0555";
        entries.push({ type: "file", path: at, mode, group: groupOf(at, "file") });
      }
    }
  };
  walk("");
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The service's start method has to be in the package, or SMF finds nothing to run. */
export function checkMethod(proto: string, entries: readonly Entry[]): void {
  const manifest = readFileSync(path.join(proto, MANIFEST), "utf8");
  const paths = new Set(entries.map(({ path }) => path));
  for (const [, exec] of manifest.matchAll(/\bexec=(?:"|')(\/[^\s"']+)/g)) {
    if (exec !== undefined && !paths.has(exec.slice(1)))
      throw new Error(`the manifest smf/sledcast.xml runs ${exec}, and the package has no such file`);
  }
}

/** Fills `proto`, which is empty; `modules` is a node_modules of run-time packages alone. */
export function buildProto(source: string, modules: string, proto: string): readonly Entry[] {
  for (const { from, to, mode } of deliveries(source)) place(proto, path.join(source, from), to, mode);
  for (const name of (readdirSync(modules, { recursive: true }) as string[]).sort()) {
    const from = path.join(modules, name);
    if (statSync(from).isFile()) place(proto, from, `${MODULES}/${name.split(path.sep).join("/")}`, "0444");
  }
  for (const link of LINKS) {
    makeDirs(proto, path.dirname(link.path));
    symlinkSync(link.target, path.join(proto, link.path));
  }
  const entries = entriesOf(proto);
  checkMethod(proto, entries);
  return entries;
}

/** Equal for equal trees: names the tree on the host beside others of its version. */
export function digestOf(proto: string, entries: readonly Entry[]): string {
  const hash = createHash("sha256");
  for (const entry of entries) {
    hash.update(`${JSON.stringify(entry)}\n`);
    if (entry.type === "file")
      hash.update(
        createHash("sha256")
          .update(readFileSync(path.join(proto, entry.path)))
          .digest(),
      );
  }
  return hash.digest("hex").slice(0, 12);
}
