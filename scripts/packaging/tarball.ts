/** The tarball: the tree, what installs it, and what these must know of it. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type Entry, PREFIX } from "./layout.ts";

/** What `install` compares before it changes anything. One `key=value` a line: sh reads it. */
export interface Build {
  readonly version: string;
  readonly digest: string;
  /** That the addon was built for. */
  readonly platform: string;
  /** The format that this version's ledgers are in, and the latest that it reads. */
  readonly ledgerFormat: number;
}

export const buildFile = ({ version, digest, platform, ledgerFormat }: Build) =>
  `version=${version}\ndigest=${digest}\nplatform=${platform}\nledger_format=${ledgerFormat}\n`;

/** What `install` puts beside the program: `mode group path` of a file, `link target path` of a link. */
export function outsideFile(entries: readonly Entry[]): string {
  const lines = entries.flatMap((entry) => {
    if (entry.type === "dir" || entry.path.startsWith(`${PREFIX}/`)) return [];
    return [
      entry.type === "file" ? `${entry.mode} ${entry.group} ${entry.path}` : `link ${entry.target} ${entry.path}`,
    ];
  });
  return `${lines.join("\n")}\n`;
}

/** GNU tar: illumos has it as gtar, and its own tar cannot sort. */
function gnuTar(): string {
  for (const command of ["gtar", "tar"]) {
    if (/GNU tar/.test(spawnSync(command, ["--version"], { encoding: "utf8" }).stdout ?? "")) return command;
  }
  throw new Error("the tarball needs GNU tar, as gtar or tar (OmniOS: pkg install archiver/gnu-tar)");
}

/** Seconds. The same sources give the same bytes, so it is no time of day (reproducible-builds.org, SOURCE_DATE_EPOCH). */
const mtime = () => Number(process.env.SOURCE_DATE_EPOCH ?? 946_684_800);

const SCRIPTS = ["scripts/install", "scripts/uninstall"];
/** What these read. */
const SOURCED = ["scripts/packaging/find-node", "scripts/packaging/checks"];

/** Puts the bundle together in `out/sledcast-VERSION`, of which `proto` is a part, and packs it; answers the tarball's path. */
export function makeTarball(
  source: string,
  proto: string,
  entries: readonly Entry[],
  build: Build,
  out: string,
): string {
  const name = `sledcast-${build.version}`;
  const bundle = path.join(out, name);
  mkdirSync(bundle);
  for (const script of [...SCRIPTS, ...SOURCED]) {
    const to = path.join(bundle, path.basename(script));
    cpSync(path.join(source, script), to);
    chmodSync(to, SOURCED.includes(script) ? 0o444 : 0o555);
  }
  writeFileSync(path.join(bundle, "BUILD"), buildFile(build), { mode: 0o444 });
  writeFileSync(path.join(bundle, "OUTSIDE"), outsideFile(entries), { mode: 0o444 });
  const file = path.join(out, `${name}.tar`);
  // The mode: the umask of who builds has no say.
  const options = [
    "--sort=name",
    `--mtime=@${mtime()}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=go=u-w",
    "--format=ustar",
  ];
  // Thousands of files are lent to it rather than copied.
  renameSync(proto, path.join(bundle, "proto"));
  const { status, stderr } = spawnSync(gnuTar(), [...options, "-cf", file, "-C", out, name], { encoding: "utf8" });
  renameSync(path.join(bundle, "proto"), proto);
  if (status !== 0) throw new Error(`the tarball cannot be written: ${stderr.trim()}`);
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  utimesSync(`${file}.gz`, mtime(), mtime());
  rmSync(file);
  rmSync(bundle, { recursive: true });
  return `${file}.gz`;
}
