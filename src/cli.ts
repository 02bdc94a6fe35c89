#!/usr/bin/env node
/** sledcast: the administrator's tool. Tables for people, JSON for programs; errors on stderr. */
import { Command, CommanderError } from "commander";
import { fwdCommands, m2pCommands, tableCommands } from "./cli/networking.ts";
import { statusCommands } from "./cli/status.ts";
import { vmmCommands } from "./cli/vmm.ts";
import { messageOf, SledcastError } from "./error.ts";
import { VERSION } from "./version.ts";

const EXIT = { done: 0, failed: 1, usage: 2 } as const;

const EXAMPLES = `
Examples:
  sledcast m2p set 239.1.1.1 ff04::1         map a group
  sledcast fwd set ff04::1 --hop fd00::99    send it to a next hop, any source
  sledcast vmm adopt $ID guest0              give a port to a VMM
  sledcast join $ID 239.1.1.1 10.0.0.5       join it, one source only
  sledcast --json status | jq .degraded      what needs a look

Exit status: 0 done, 1 refused or failed, 2 usage.`;

function build(): Command {
  const program = new Command("sledcast")
    .description("Administers the multicast sled agent of this host")
    .version(VERSION)
    .option("--agent <url>", "http://ADDRESS:PORT or unix:/path", process.env.SLEDCAST_AGENT ?? "http://[::1]:12345")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .exitOverride();
  statusCommands(program);
  m2pCommands(program);
  fwdCommands(program);
  tableCommands(program);
  vmmCommands(program);
  return program;
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
  await build().parseAsync();
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcast: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
