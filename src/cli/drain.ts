/** `drain`: takes all that is this agent's off the sled, after asking. */
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import type { Command } from "commander";
import { messageOf, SledcastError } from "../error.ts";
import { AgentRefusal } from "./client.ts";
import { action, type Context } from "./context.ts";
import { clearAll, type Failure } from "./drain/clearing.ts";
import { describeHoldings, type Holdings, isEmpty, listHoldings, toJson } from "./drain/holdings.ts";
import { formatTable } from "./table.ts";

interface Options {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const WARNING = "A control plane that goes on calling sets all of it again: stop it first.\n";

/** False also where the input ends before there is an answer. */
export async function confirm(input: Readable, output: Writable): Promise<boolean> {
  const terminal = createInterface({ input, output });
  try {
    const ended = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
    const answer = await Promise.race([terminal.question("Type yes to take it away: "), ended]);
    return answer.trim() === "yes";
  } finally {
    terminal.close();
  }
}

/** Asks on stderr, so that stdout is only what came of it. */
async function isWanted(holdings: Holdings): Promise<boolean> {
  process.stderr.write(`${describeHoldings(holdings)}\n${WARNING}`);
  return confirm(process.stdin, process.stderr);
}

function describeFailures(failures: readonly Failure[]): string {
  if (failures.length === 0) return "";
  const rows = failures.map(({ what, subject, error }) => [what, subject, error]);
  return `${formatTable(["FAILED", "SUBJECT", "REASON"], rows)}\n`;
}

function describeOutcome(failures: readonly Failure[], left: Holdings): string {
  const failed = describeFailures(failures);
  const busy = left.leftOver.length === 0 ? "" : "\nThe agent goes on trying to delete the ports that wait.\n";
  return isEmpty(left)
    ? `${failed}Nothing of this agent is left on the sled. ${WARNING}`
    : `${failed}This is left:\n${describeHoldings(left)}${busy}`;
}

/** An agent or a driver that went meanwhile must not take with it what is known of the drain. */
async function listWhatIsLeft(context: Context, failures: readonly Failure[]): Promise<Holdings> {
  try {
    return await listHoldings(context.client);
  } catch (error) {
    context.print({ dry_run: false, failed: failures, left: null }, () => describeFailures(failures));
    const wayOut = "sledcast drain again, when it answers";
    throw new AgentRefusal(`what is left could not be listed: ${messageOf(error)}; ${wayOut}`);
  }
}

export async function drain(context: Context, { yes = false, dryRun = false }: Options): Promise<void> {
  const { client } = context;
  const holdings = await listHoldings(client);
  const empty = isEmpty(holdings);
  if (dryRun || empty) {
    const head = empty ? "Nothing of this agent is on the sled.\n" : "Would take away:\n";
    context.print({ dry_run: dryRun, failed: [], left: toJson(holdings) }, () =>
      empty ? head : `${head}${describeHoldings(holdings)}\n${WARNING}`,
    );
    return;
  }
  if (!yes && process.stdin.isTTY !== true) {
    const way = "say --yes, or see with --dry-run what would go";
    throw new SledcastError(
      "bad-request",
      `drain asks before it takes anything away, and there is no terminal: ${way}`,
    );
  }
  if (!yes && !(await isWanted(holdings))) throw new AgentRefusal("nothing was changed");
  const failures = await clearAll(client, holdings);
  const left = await listWhatIsLeft(context, failures);
  context.print({ dry_run: false, failed: failures, left: toJson(left) }, () => describeOutcome(failures, left));
  if (failures.length > 0 || !isEmpty(left)) process.exitCode = 1;
}

export function drainCommand(program: Command): void {
  const command = program
    .command("drain")
    .summary("take all that is this agent's off the sled; asks first")
    .description("Takes all that is this agent's off the sled, and asks first.")
    .option("--yes", "do not ask")
    .option("--dry-run", "only say what would go");
  action<[Options]>(command, drain);
}
