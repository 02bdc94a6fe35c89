/** All that `scripts/package` makes, in the order of its making. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FORMAT } from "../../src/intent/ledger/format.ts";
import { ipsManifest } from "./ips-manifest.ts";
import { deliveries, type Entry } from "./layout.ts";
import { buildProto, digestOf } from "./proto.ts";
import { installRuntimeModules } from "./runtime-modules.ts";
import { makeTarball } from "./tarball.ts";

export interface Order {
  readonly source: string;
  readonly out: string;
  readonly publisher: string;
  readonly release: number | undefined;
  /** Makes a node_modules for run time in an empty folder and answers where it is. */
  readonly modules?: (source: string, folder: string) => string;
}

export interface Packages {
  readonly version: string;
  readonly proto: string;
  readonly manifest: string;
  readonly tarball: string;
  readonly entries: readonly Entry[];
}

/** Left in the folder that is ours: another one is never emptied. */
const MARK = ".sledcast-packages";

function emptied(out: string): void {
  const isOurs = existsSync(path.join(out, MARK));
  if (existsSync(out) && !isOurs && readdirSync(out).length > 0)
    throw new Error(`${out} is not empty, and holds no packages of an earlier run; name another folder with --out`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, MARK), "");
}

export function buildPackages({ source, out, publisher, release, modules = installRuntimeModules }: Order): Packages {
  // What is missing is said before anything is waited for.
  deliveries(source);
  const { version, description, engines } = JSON.parse(readFileSync(path.join(source, "package.json"), "utf8")) as {
    version: string;
    description: string;
    engines: { node: string };
  };
  const identity = { publisher, version, release, summary: description, engines: engines.node };
  ipsManifest([], identity);
  emptied(out);
  const work = mkdtempSync(path.join(tmpdir(), "sledcast-modules-"));
  try {
    const proto = path.join(out, "proto");
    const entries = buildProto(source, modules(source, work), proto);
    const manifest = path.join(out, "sledcast.p5m");
    writeFileSync(manifest, ipsManifest(entries, identity));
    const digest = digestOf(proto, entries);
    const platform = `${process.platform}-${process.arch}`;
    const build = { version, digest, platform, ledgerFormat: FORMAT.version };
    return { version, proto, manifest, tarball: makeTarball(source, proto, entries, build, out), entries };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
