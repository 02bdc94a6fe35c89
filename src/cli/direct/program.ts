/** What `sledcast --direct` can be told: opteadm's verbs. */
import { Command } from "commander";
import { teach } from "../../help.ts";
import { VERSION } from "../../version.ts";
import { DIRECT_LESSONS } from "./lessons.ts";
import type { Surroundings } from "./surroundings.ts";
import { directVerbs } from "./verbs.ts";

const DIRECT_EXAMPLES = `
Verbs, argument order and tables are opteadm's. A running agent takes up what is changed here, or
repairs it, at its next audit.

Examples:
  sledcast --direct set-m2p 239.1.1.1 ff04::1
  sledcast --direct set-mcast-fwd ff04::1 fd00::99 underlay
  sledcast --direct mcast-subscribe -p opte0 239.1.1.1
  sledcast --direct dump-layer -p opte0 firewall

Exit status: 0 done, 1 refused or failed, 2 usage.`;

export function directProgram(around?: Surroundings): Command {
  const program = new Command("sledcast")
    .description("Talks to this host's OPTE driver, without an agent: for looking what it really has, and for tries.")
    .version(VERSION)
    .requiredOption("--direct", "talk to the driver without an agent")
    .option("--xde-device <path>", "the driver's control node", "/dev/xde")
    .option("--json", "print JSON")
    .addHelpText("after", DIRECT_EXAMPLES)
    .exitOverride();
  directVerbs(program, around);
  teach(program, "sledcast --direct", DIRECT_LESSONS);
  return program;
}
