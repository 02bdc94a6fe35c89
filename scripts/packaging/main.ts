/** `scripts/package`: the tree of a package, its IPS manifest and a tarball; on illumos it publishes them, too. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { messageOf } from "../../src/error.ts";
import { buildPackages } from "./build.ts";
import { publish, publishObstacle } from "./ips-publish.ts";

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
const SOURCE = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** r151054, as OmniOS says it, or a number. */
function parseRelease(text: string): number {
  const { digits } = /^r?(?<digits>[1-9]\d{0,8})$/.exec(text)?.groups ?? {};
  if (digits === undefined) throw new InvalidArgumentError("It is a release of the OS, as in r151054.");
  return Number(digits);
}

function parsePublisher(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(text))
    throw new InvalidArgumentError("It takes letters, digits, dots and hyphens.");
  return text;
}

interface Options {
  readonly out: string;
  readonly publisher: string;
  readonly release?: number;
  readonly publish?: string;
  readonly build: boolean;
}

export function command(): Command {
  return new Command("package")
    .description(
      "Builds sledcast, and packages of it: the tree, an IPS manifest of it (sledcast.p5m), and a tarball with install and uninstall.",
    )
    .option("--out <dir>", "where they are put; what an earlier run put there is removed", path.join(SOURCE, "package"))
    .option("--publisher <name>", "the publisher that the IPS package names", parsePublisher, "sledcast")
    .option(
      "--release <rNNN>",
      "the OS release it is for, as in r151054: the branch of the package's version",
      parseRelease,
    )
    .option("--publish <repo>", "publish it to that IPS repository, and write sledcast.p5p (on illumos only)")
    .option("--no-build", "package what `npm run build` made, without building again")
    .allowExcessArguments(false)
    .exitOverride();
}

function main(argv: readonly string[]): number {
  const options = command().parse(argv, { from: "user" }).opts<Options>();
  const obstacle = options.publish === undefined ? undefined : publishObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  if (options.build) {
    const { status } = spawnSync(process.execPath, [path.join(SOURCE, "scripts", "build.mjs")], { stdio: "inherit" });
    if (status !== 0) return EXIT.failed;
  }
  const out = path.resolve(options.out);
  const { manifest, tarball, entries } = buildPackages({
    source: SOURCE,
    out,
    publisher: options.publisher,
    release: options.release,
  });
  const files = entries.filter(({ type }) => type === "file").length;
  const made = [`proto/ (${files} files)`, path.relative(out, manifest), path.relative(out, tarball)];
  if (options.publish !== undefined)
    made.push(path.relative(out, publish(out, options.publisher, options.publish).archive));
  process.stdout.write(`${out}: ${made.join(", ")}\n`);
  return EXIT.ok;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else {
    process.stderr.write(`package: ${messageOf(error)}\n`);
    process.exitCode = EXIT.failed;
  }
}
