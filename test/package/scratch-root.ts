/** A root of a host that is nobody's, what is installed below it, and the two versions that the tests install. */
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import type { Finished } from "../process/daemon.ts";
import { execute, newFolder, smallPackages, smallSource, unpacked } from "./kit.ts";

export const VERSIONS = "opt/oxide/sledcast.versions";
export const LEDGER = "var/sledcast/ledger.1";
export const headOf = (format: number) =>
  `00000000 1 {"sledcast":"ledger","format":${format},"generation":1,"after":0}\n`;

export class ScratchRoot {
  readonly dir = newFolder();

  constructor(like?: ScratchRoot) {
    if (like !== undefined) cpSync(like.dir, this.dir, { recursive: true, verbatimSymlinks: true });
  }

  at(name: string): string {
    return path.join(this.dir, name);
  }

  keep(name: string, text: string): void {
    mkdirSync(path.dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), text);
  }

  /** Everything below it that is no directory. */
  all(): readonly string[] {
    const names = readdirSync(this.dir, { recursive: true }) as string[];
    return names.filter((name) => !lstatSync(this.at(name)).isDirectory()).sort();
  }

  install(from: string, ...args: string[]): Promise<Finished> {
    return execute(path.join(from, "install"), ["--root", this.dir, ...args]);
  }

  uninstall(from: string, ...args: string[]): Promise<Finished> {
    return execute(path.join(from, "uninstall"), ["--root", this.dir, ...args]);
  }

  async installed(from: string, ...args: string[]): Promise<void> {
    const { code, stderr } = await this.install(from, ...args);
    expect([code, stderr]).toEqual([0, ""]);
  }

  /** With which words; it is checked that nothing was changed. */
  async refused(from: string, ...args: string[]): Promise<string> {
    const before = this.all();
    const { code, stdout, stderr } = await this.install(from, ...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(this.all()).toEqual(before);
    return stderr;
  }

  /** What the administrator's command says. */
  async says(): Promise<string> {
    return (await execute(this.at("usr/sbin/sledcast"), ["x"])).stdout;
  }

  manifest(): string {
    return readFileSync(this.at("lib/svc/manifest/network/sledcast.xml"), "utf8");
  }
}

/** Made when it is first asked for, once for all tests of a suite. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function rootWith(from: string, like?: ScratchRoot): Promise<ScratchRoot> {
  const root = new ScratchRoot(like);
  await root.installed(from);
  return root;
}

/** Version 0.9.0, unpacked. */
export const older = once(() => unpacked(smallPackages(smallSource("0.9.0", { "scripts/dtrace/old.d": "" }))));
/** Version 0.10.0, unpacked. */
export const newer = once(() => unpacked(smallPackages(smallSource("0.10.0"))));

const withOlder = once(async () => rootWith(await older()));
const withNewer = once(async () => rootWith(await newer()));
const withBoth = once(async () => rootWith(await newer(), await withOlder()));

/** Roots of a test's own, in which these were installed, one after the other. */
export const installedOlder = async () => new ScratchRoot(await withOlder());
export const installedNewer = async () => new ScratchRoot(await withNewer());
export const installedBoth = async () => new ScratchRoot(await withBoth());
