/** The IPS manifest of a tree (pkg(7)): one action a line, and one for each path that is delivered. */
import { AUTH_ATTR, type Entry, LICENSE, LOGADM, MANIFEST, MODULES } from "./layout.ts";

export interface Identity {
  readonly publisher: string;
  /** That of package.json. */
  readonly version: string;
  /** The OS release it is built for: the package's branch. */
  readonly release: number | undefined;
  readonly summary: string;
  /** `engines.node` of package.json. */
  readonly engines: string;
}

const quoted = (value: string) => (/^[^\s"'\\]+$/.test(value) ? value : `"${value.replaceAll(/["\\]/g, "\\$&")}"`);

function action(name: string, attributes: readonly (readonly [key: string, value: string])[], payload = ""): string {
  const words = attributes.map(([key, value]) => `${key}=${quoted(value)}`);
  return [name, ...(payload === "" ? [] : [quoted(payload)]), ...words].join(" ");
}

/** IPS knows no pre-releases: a version is whole numbers with dots. */
export function ipsVersion(version: string, release: number | undefined): string {
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new Error(
      `the version ${version} of package.json is none for a package: it takes three numbers, as in 1.2.3`,
    );
  return release === undefined ? version : `${version}-${release}.0`;
}

/** OmniOS' packages of Node that serve, each from the version that `engines` asks for. */
function nodePackages(engines: string): readonly string[] {
  return engines.split("||").map((range) => {
    const { major, minor } = /^\s*(?:\^|>=)(?<major>\d+)\.(?<minor>\d+)\.0\s*$/.exec(range)?.groups ?? {};
    if (major === undefined || minor === undefined)
      throw new Error(
        `engines.node of package.json has "${range.trim()}"; a package can be named for ^A.B.0 and >=A.B.0`,
      );
    return `pkg:/ooce/runtime/node-${major}@${major}.${minor}`;
  });
}

/** Has what SMF and others are to read again when the file came, changed or went. */
const RESTARTS: Readonly<Record<string, string>> = {
  [MANIFEST]: "svc:/system/manifest-import:default",
  [LOGADM]: "svc:/system/logadm-upgrade:default",
  [AUTH_ATTR]: "svc:/system/rbac:default",
};

/** A host can do without manual pages (pkg(7), facets); where it has them, `man -k` finds these too. */
const MANUAL_PAGE = [
  ["facet.doc.man", "true"],
  ["restart_fmri", "svc:/application/man-index:default"],
] as const;

function deliver(entry: Entry): string {
  switch (entry.type) {
    case "dir":
      return action("dir", [
        ["path", entry.path],
        ["owner", "root"],
        ["group", entry.group],
        ["mode", "0755"],
      ]);
    case "link":
      return action("link", [
        ["path", entry.path],
        ["target", entry.target],
      ]);
    case "file": {
      const restarted = RESTARTS[entry.path];
      return action("file", [
        ["path", entry.path],
        ["owner", "root"],
        ["group", entry.group],
        ["mode", entry.mode],
        ...(entry.path.startsWith("usr/share/man/") ? MANUAL_PAGE : []),
        ...(restarted === undefined ? [] : [["restart_fmri", restarted] as const]),
        // Names in packages of npm look like scripts and Python modules to pkgdepend.
        ...(entry.path.startsWith(`${MODULES}/`) ? [["pkg.depend.bypass-generate", ".*"] as const] : []),
      ]);
    }
  }
}

export function ipsManifest(entries: readonly Entry[], identity: Identity): string {
  const { publisher, version, release, summary, engines } = identity;
  const set = (name: string, value: string) =>
    action("set", [
      ["name", name],
      ["value", value],
    ]);
  const lines = [
    set("pkg.fmri", `pkg://${publisher}/system/network/sledcast@${ipsVersion(version, release)}`),
    set("pkg.summary", summary),
    set(
      "pkg.description",
      "Maps overlay multicast groups to the underlay, says where their packets go, and which VM ports want them, in the driver xde and on the NICs",
    ),
    set("info.classification", "org.opensolaris.category.2008:System/Services"),
    set("variant.arch", "i386"),
    // The driver and the NICs are the global zone's.
    set("variant.opensolaris.zone", "global"),
    action("depend", [
      ["type", "require"],
      ["fmri", "pkg:/driver/network/opte"],
    ]),
    action("depend", [["type", "require-any"], ...nodePackages(engines).map((fmri) => ["fmri", fmri] as const)]),
    action("license", [["license", "MPL-2.0"]], LICENSE),
    // The state directory is not delivered: the daemon makes it, and removing the package leaves the ledger.
    ...entries.map(deliver),
  ];
  return `${lines.join("\n")}\n`;
}
