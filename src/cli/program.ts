/** What `sledcast` can be told: its commands over an agent. */
import { Command, Option } from "commander";
import { teach } from "../help.ts";
import { VERSION } from "../version.ts";
import { configCommands } from "./config.ts";
import { doctorCommand } from "./doctor.ts";
import { drainCommand } from "./drain.ts";
import { ledgerCommands } from "./ledger.ts";
import { LESSONS } from "./lessons.ts";
import { fwdCommands, m2pCommands, tableCommands } from "./networking.ts";
import { portCommands } from "./ports.ts";
import { statusCommands } from "./status.ts";
import { vmmCommands } from "./vmm.ts";
import { watchCommand } from "./watch.ts";

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
  sledcast doctor                            what is wrong, and how to mend it
  sledcast drain --dry-run                   what is the agent's on this sled

  sledcast --direct dump-m2p                 ask the driver itself, as opteadm would

Exit status: 0 done, 1 refused or failed, 2 usage.`;

export function agentProgram(): Command {
  const program = new Command("sledcast")
    .description(
      "Administers the multicast sled agent of this host: shows what it keeps, changes it, and says what is wrong.",
    )
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
  doctorCommand(program);
  drainCommand(program);
  teach(program, "sledcast", LESSONS);
  return program;
}
