/** `ledger check` and `ledger repair`: the agent's state directory, without the agent. */
import type { Command } from "commander";
import { DEFAULT_STATE_DIR } from "../config.ts";
import { type CheckReport, check } from "../intent/ledger/check.ts";
import { repair, type SalvageReport } from "../intent/ledger/salvage.ts";
import { lockStateDir } from "../intent/state-dir.ts";
import type { Log } from "../log.ts";
import { action } from "./context.ts";
import { formatTable } from "./table.ts";

interface Options {
  readonly stateDir: string;
  readonly dryRun?: boolean;
}

function describeCheck(dir: string, { generations, refused }: CheckReport): string {
  if (generations.length === 0) return `no ledger in ${dir}\n`;
  const table = formatTable(
    ["FILE", "FORMAT", "ENTRIES", "RECORDS", "BYTES", "PROBLEMS"],
    generations.map((one) => [
      one.file,
      one.format,
      one.entries,
      one.records,
      one.bytes,
      one.problems.join("; ") || "none",
    ]),
  );
  return `${table}\n${refused === undefined ? "a daemon starts on it\n" : `no daemon starts on it: ${refused.message}\n`}`;
}

const count = (n: number, one: string) => `${n} ${one}${n === 1 ? "" : "s"}`;

function describeRepair(report: SalvageReport | undefined, dryRun: boolean): string {
  if (report === undefined) return "nothing to repair: a daemon starts on it\n";
  const { lost, entries, records, damaged, written, aside } = report;
  const kept = `${count(entries, "entry").replace("entrys", "entries")}, with the changes of ${count(records, "record")}`;
  const gone = `${count(lost.lines, "unreadable line")} (${count(lost.bytes, "byte")}), ${count(lost.sequenceNumbers, "sequence number")} missing`;
  const lines = dryRun
    ? [
        `would keep: ${kept}`,
        `would lose: ${gone}`,
        `would write: ${written}`,
        `would put aside: ${damaged.join(", ")}`,
      ]
    : [`kept: ${kept}`, `lost: ${gone}`, `written: ${written}`, `put aside: ${aside.join(", ")}`];
  return `${[report.reason, "", ...lines].join("\n")}\n`;
}

function toJson(report: SalvageReport | undefined, dryRun: boolean): object {
  if (report === undefined) return { needed: false };
  const { lost, ...rest } = report;
  const { sequenceNumbers, ...amounts } = lost;
  return { needed: true, dry_run: dryRun, ...rest, lost: { ...amounts, sequence_numbers: sequenceNumbers } };
}

const onStderr = (_: object, message: string) => void process.stderr.write(`sledcast: ${message}\n`);
const LOG: Log = { debug: () => {}, info: () => {}, warn: onStderr, error: onStderr };

async function lockedRepair(dir: string, dryRun: boolean): Promise<SalvageReport | undefined> {
  // Nothing to repair, and no directory to be made for that.
  if ((await check(dir)).generations.length === 0) return undefined;
  const lock = await lockStateDir(dir, LOG);
  try {
    return await repair(dir, { dryRun });
  } finally {
    lock.release();
  }
}

export function ledgerCommands(program: Command): void {
  const ledger = program.command("ledger").description("the agent's own state on the disk, also without an agent");
  const stateDir = ["--state-dir <dir>", "the agent's state directory", DEFAULT_STATE_DIR] as const;
  action<[Options]>(
    ledger
      .command("check")
      .description("say what can be read, and whether a daemon starts on it (exit 1: not)")
      .option(...stateDir),
    async (context, { stateDir: dir }) => {
      const report = await check(dir);
      context.print({ state_dir: dir, ...report, refused: report.refused?.finding ?? null }, () =>
        describeCheck(dir, report),
      );
      if (report.refused !== undefined) process.exitCode = 1;
    },
  );
  action<[Options]>(
    ledger
      .command("repair")
      .description("keep what can be read of a damaged ledger and put the damaged file aside")
      .option(...stateDir)
      .option("--dry-run", "only say what it would do"),
    async (context, { stateDir: dir, dryRun = false }) => {
      const report = await lockedRepair(dir, dryRun);
      context.print(toJson(report, dryRun), () => describeRepair(report, dryRun));
    },
  );
}
