/** `doctor`: looks at host and agent, and says what is wrong and how to mend it. */
import { type Command, Option } from "commander";
import { VERSION } from "../version.ts";
import { painter } from "./colour.ts";
import { Context, type GlobalOptions } from "./context.ts";
import { askAgent } from "./doctor/agent-facts.ts";
import type { Finding } from "./doctor/finding.ts";
import { lookAtHost } from "./doctor/host-facts.ts";
import { judge } from "./doctor/judge.ts";
import { printFindings } from "./doctor/print.ts";
import { agentOf, readTold, subjectOf, type ToldOptions } from "./doctor/told.ts";

/** Of a file that it goes to, or a pipe. */
const COLUMNS = 100;
/** An agent that takes longer is what is to be found out, not to be waited for. */
const PATIENCE_MS = 10_000;

/** Whoever names no agent means the one that the settings are of. */
function agentFor(self: Command, named: string, said: string | undefined): string {
  const isNamed = self.parent?.getOptionValueSource("agent") !== "default";
  return isNamed ? named : (said ?? named);
}

async function examine(self: Command): Promise<{ readonly context: Context; readonly findings: readonly Finding[] }> {
  const options = self.optsWithGlobals<GlobalOptions & ToldOptions>();
  const told = await readTold(options);
  const agent = agentFor(self, options.agent, agentOf(told));
  const context = new Context({ ...options, agent }, PATIENCE_MS);
  const asked = await askAgent(context.client, agent);
  const subject = subjectOf(told, asked.reached ? asked.status : undefined, process.platform);
  const host = await lookAtHost(subject);
  return { context, findings: judge({ told, subject, host, agent: asked, version: VERSION, now: new Date() }) };
}

const toJson = ({ wayOut, ...finding }: Finding) => ({
  ...finding,
  ...(wayOut === undefined ? {} : { way_out: wayOut }),
});

export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .summary("what is wrong on this host, and how to mend it")
    .description("Looks at host and agent, and says what is wrong and how to mend it.")
    .option("--config <file>", "the daemon's own TOML file")
    .addOption(new Option("--smf <fmri>", "the daemon's SMF instance: its settings are read").conflicts("config"))
    .option("--state-dir <dir>", "the daemon's state directory")
    .option("--xde-device <path>", "the driver's control node")
    .option("--underlay-nic <name>", "a NIC of the underlay; repeatable", (name, earlier: readonly string[] = []) => [
      ...earlier,
      name,
    ])
    .action(async (_options: ToldOptions, self: Command) => {
      const { context, findings } = await examine(self);
      context.print(findings.map(toJson), () => printFindings(findings, process.stdout.columns ?? COLUMNS, painter()));
      if (findings.some(({ state }) => state === "failed")) process.exitCode = 1;
    });
}
