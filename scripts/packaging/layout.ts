/** What a package delivers, and where: the same for the IPS package and the tarball. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

/** Where the program is, below the root of the host. */
export const PREFIX = "opt/oxide/sledcast";
export const MANIFEST = "lib/svc/manifest/network/sledcast.xml";
export const LOGADM = "etc/logadm.d/sledcast";
/** usermod(8) gives nobody an authorization that no file here has (illumos, usr/src/cmd/oamuser/user/funcs.c, check_auth). */
export const AUTH_ATTR = "etc/security/auth_attr.d/sledcast";
export const ADDON = `${PREFIX}/build/Release/sledcast.node`;
export const MODULES = `${PREFIX}/node_modules`;
export const LICENSE = `${PREFIX}/LICENSE`;

export type Group = "bin" | "sys";

export interface FileEntry {
  readonly type: "file";
  readonly path: string;
  readonly mode: "0444" | "0555";
  readonly group: Group;
}

export interface LinkEntry {
  readonly type: "link";
  readonly path: string;
  readonly target: string;
}

export interface DirEntry {
  readonly type: "dir";
  readonly path: string;
  readonly group: Group;
}

/** Something at a path below the root. All of it is root's. */
export type Entry = FileEntry | LinkEntry | DirEntry;

/** Directories that other packages deliver too, as illumos has them (SUNWcs.p5m, and OPTE's for opt): IPS refuses a difference. */
const SYS_DIRS = new Set([
  "etc",
  "etc/logadm.d",
  "etc/security",
  "etc/security/auth_attr.d",
  "lib/svc/manifest",
  "lib/svc/manifest/network",
  "opt",
  "usr",
  "usr/share",
]);

/** logadm-upgrade takes up only what is 0444 and root:sys (illumos, usr/src/cmd/logadm/logadm-upgrade). */
const SYS_FILES = new Set([MANIFEST, LOGADM, AUTH_ATTR]);

export const groupOf = (at: string, type: "file" | "dir"): Group =>
  (type === "dir" ? SYS_DIRS : SYS_FILES).has(at) ? "sys" : "bin";

/** Programs in the PATH of an administrator. */
export const LINKS: readonly LinkEntry[] = ["sledcast", "sledcastd"].map((name) => ({
  type: "link",
  path: `usr/sbin/${name}`,
  target: `../../${PREFIX}/bin/${name}`,
}));

/** A file of the sources and its place in the package. */
export interface Delivery {
  readonly from: string;
  readonly to: string;
  readonly mode: FileEntry["mode"];
}

/** Places in the sources that have to be there, and what says or makes them. */
const REQUIRED: readonly (readonly [from: string, to: string, mode: FileEntry["mode"], whence: string])[] = [
  ["package.json", `${PREFIX}/package.json`, "0444", "the sources"],
  ["LICENSE", LICENSE, "0444", "the sources"],
  ["README.md", `${PREFIX}/README.md`, "0444", "the sources"],
  ["CHANGELOG.md", `${PREFIX}/CHANGELOG.md`, "0444", "the sources"],
  ["build/Release/sledcast.node", ADDON, "0555", "`npm run build`"],
  ["smf/sledcast.xml", MANIFEST, "0444", "the sources"],
  ["smf/sledcast", `${PREFIX}/lib/method/sledcast`, "0555", "the sources"],
  ["smf/sledcast.logadm", LOGADM, "0444", "the sources"],
  ["smf/sledcast.auth_attr", AUTH_ATTR, "0444", "the sources"],
  ["docs/man/sledcast.8", "usr/share/man/man8/sledcast.8", "0444", "the sources"],
  ["docs/man/sledcastd.8", "usr/share/man/man8/sledcastd.8", "0444", "the sources"],
  ["scripts/packaging/find-node", `${PREFIX}/lib/find-node`, "0444", "the sources"],
  ["scripts/packaging/launch", `${PREFIX}/bin/sledcast`, "0555", "the sources"],
  ["scripts/packaging/launch", `${PREFIX}/bin/sledcastd`, "0555", "the sources"],
];

/** Folders of which all files with that ending are delivered; each has to have the files that are named. */
const FOLDERS: readonly (readonly [
  from: string,
  to: string,
  ending: RegExp,
  mode: FileEntry["mode"],
  needed: readonly string[],
  whence: string,
])[] = [
  // Source maps name sources that are not there.
  ["dist", `${PREFIX}/dist`, /\.js(?:on)?$/, "0444", ["daemon.js", "cli.js"], "`npm run build`"],
  ["docs", `${PREFIX}/docs`, /\.md$/, "0444", [], "the sources"],
  ["scripts/dtrace", `${PREFIX}/dtrace`, /\.d$/, "0555", [], "the sources"],
];

export const isFile = (file: string) => existsSync(file) && statSync(file).isFile();

function filesIn(folder: string, ending: RegExp): readonly string[] {
  if (!existsSync(folder)) return [];
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => ending.test(name) && isFile(path.join(folder, name)))
    .sort();
}

export class Incomplete extends Error {
  override readonly name = "Incomplete";
}

/** All that comes out of the sources. Throws `Incomplete`, which names everything that is missing. */
export function deliveries(source: string): readonly Delivery[] {
  const missing: string[] = [];
  const found: Delivery[] = [];
  for (const [from, to, mode, whence] of REQUIRED) {
    if (!isFile(path.join(source, from))) missing.push(`${from} (from ${whence})`);
    found.push({ from, to, mode });
  }
  for (const [from, to, ending, mode, needed, whence] of FOLDERS) {
    const names = filesIn(path.join(source, from), ending);
    for (const name of needed) if (!names.includes(name)) missing.push(`${from}/${name} (from ${whence})`);
    if (names.length === 0 && needed.length === 0) missing.push(`any file of ${from}/ (from ${whence})`);
    found.push(...names.map((name): Delivery => ({ from: `${from}/${name}`, to: `${to}/${name}`, mode })));
  }
  if (missing.length > 0)
    throw new Incomplete(`the package cannot be built without ${[...new Set(missing)].join(", ")}`);
  return found;
}
