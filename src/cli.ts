#!/usr/bin/env node
/** sledcast: the administrator's tool. Tables for people, JSON for programs; errors on stderr. */
import { Command, CommanderError, Option } from "commander";
import { configCommands } from "./cli/config.ts";
import { ledgerCommands } from "./cli/ledger.ts";
import { fwdCommands, m2pCommands, tableCommands } from "./cli/networking.ts";
import { portCommands } from "./cli/ports.ts";
import { statusCommands } from "./cli/status.ts";
import { vmmCommands } from "./cli/vmm.ts";
import { watchCommand } from "./cli/watch.ts";
import { messageOf, SledcastError } from "./error.ts";
import { VERSION } from "./version.ts";

const EXIT = { done: 0, failed: 1, usage: 2 } as const;

const EXAMPLES = `
Examples:
  sledcast m2p set 239.1.1.1 ff04::1         map a group
  sledcast fwd set ff04::1 --hop fd00::99    send it to a next hop, any source
  sledcast vmm adopt $ID guest0              give a port to a VMM
  sledcast join $ID 239.1.1.1 10.0.0.5       join it, one source only
  sledcast config apply wanted.json          all mappings and forwarding at once
  sledcast --json status | jq .degraded      what needs a look
  sledcast ports list --stats                what each port counts
  sledcast watch --kinds mapping,drift       what changes, as it changes

  sledcast --direct dump-m2p                 ask the driver itself, as opteadm would

Exit status: 0 done, 1 refused or failed, 2 usage.`;

const DIRECT_EXAMPLES = `
Verbs, argument order and tables are opteadm's. Examples:
  sledcast --direct set-m2p 239.1.1.1 ff04::1
  sledcast --direct set-mcast-fwd ff04::1 fd00::99 underlay
  sledcast --direct mcast-subscribe -p opte0 239.1.1.1
  sledcast --direct dump-layer -p opte0 firewall

Exit status: 0 done, 1 refused or failed, 2 usage.`;

function build(): Command {
  const program = new Command("sledcast")
    .description("Administers the multicast sled agent of this host")
    .version(VERSION)
    .addOption(
      new Option("--agent <url>", "http://ADDRESS:PORT, https://HOST:PORT or unix:/path")
        .env("SLEDCAST_AGENT")
        .default("http://[::1]:12345"),
    )
    .addOption(new Option("--ca <file>", "who signed the agent's certificate (PEM)").env("SLEDCAST_CA"))
    .addOption(new Option("--cert <file>", "a certificate to come to the agent with (PEM)").env("SLEDCAST_CERT"))
    .addOption(new Option("--key <file>", "its private key (PEM)").env("SLEDCAST_KEY"))
    .addOption(new Option("--token-file <file>", "bear the first token in it").env("SLEDCAST_TOKEN_FILE"))
    .option("--json", "print JSON")
    .option("--direct", "talk to the driver without an agent; see --direct --help")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  statusCommands(program);
  m2pCommands(program);
  fwdCommands(program);
  tableCommands(program);
  portCommands(program);
  vmmCommands(program);
  configCommands(program);
  ledgerCommands(program);
  watchCommand(program);
  return program;
}

async function buildDirect(): Promise<Command> {
  // The commands of an agent have no use for the driver's.
  const { directVerbs } = await import("./cli/direct/verbs.ts");
  const program = new Command("sledcast")
    .description("Talks to this host's OPTE driver, without an agent")
    .version(VERSION)
    .requiredOption("--direct", "talk to the driver without an agent")
    .option("--xde-device <path>", "the driver's control node", "/dev/xde")
    .option("--json", "print JSON")
    .addHelpText("after", DIRECT_EXAMPLES)
    .exitOverride();
  directVerbs(program);
  return program;
}

/** `--direct` may stand anywhere before the verb; the two have no verb in common. */
function isDirect(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).includes("--direct");
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return error instanceof SledcastError && error.kind === "bad-request" ? EXIT.usage : EXIT.failed;
}

// `sledcast … | head` is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

try {
  const program = isDirect(process.argv.slice(2)) ? await buildDirect() : build();
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcast: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
