/** A port's firewall rules and routes. */
import { InvalidArgumentError } from "commander";
import { badRequest, SledcastError } from "../../error.ts";
import type { Cidr } from "../../net/cidr.ts";
import type { Direction, FirewallRule, RouterEntry, RouterTarget } from "../../opte/types.ts";
import * as argument from "./arguments.ts";
import * as rule from "./rule-arguments.ts";
import { type OnPort, onPort, type VerbSet } from "./verb-set.ts";

interface OneRule extends OnPort, Omit<FirewallRule, "direction"> {
  readonly dir: Direction;
}

/** Nothing of a bad list reaches the driver. */
function rulesOf(input: string): FirewallRule[] {
  const lines = input.split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, i) => {
    try {
      return rule.ruleLine(line);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw badRequest(`standard input, line ${i + 1}: ${error.message}`);
    }
  });
}

export function ruleVerbs(verbs: VerbSet): void {
  verbs.order<[OneRule]>(
    onPort(verbs.command("add-fw-rule", "add a firewall rule to a port"))
      .requiredOption("--dir <direction>", "in or out", argument.directionArgument)
      .requiredOption("--hosts <hosts>", "any, ip=ADDRESS, subnet=CIDR or vni=NUMBER", rule.hostsArgument)
      .requiredOption(
        "--protocol <protocol>",
        "any, arp, tcp, udp, icmp[:TYPE[,CODE]] or icmp6[:…]",
        rule.protocolArgument,
      )
      .requiredOption("--ports <ports>", "any, or ports with commas between them", rule.portsArgument)
      .requiredOption("--action <action>", "allow or deny", rule.actionArgument)
      .requiredOption("--priority <number>", "the lowest is tried first", rule.priorityArgument),
    (driver, { port, dir: direction, hosts, protocol, ports, action, priority }) =>
      driver.addFwRule({ port, rule: { direction, hosts, protocol, ports, action, priority } }),
  );
  verbs.order<[bigint, OnPort & { readonly dir: Direction }]>(
    onPort(verbs.command("rm-fw-rule", "remove a firewall rule from a port"))
      .requiredOption("--dir <direction>", "in or out", argument.directionArgument)
      .argument("<id>", "as dump-layer firewall shows it", argument.wideArgument),
    (driver, id, { port, dir }) => driver.remFwRule({ port, direction: dir, id }),
  );
  verbs.order<[OnPort]>(
    onPort(
      verbs.command("set-fw-rules", "replace all firewall rules of a port by those of standard input"),
    ).addHelpText(
      "after",
      "\nOne rule a line, for example: dir=in action=allow priority=10 protocol=tcp port=22 hosts=any",
    ),
    async (driver, { port }) => driver.setFwRules({ port, rules: rulesOf(await verbs.around.readInput()) }),
  );
}

export function routerVerbs(verbs: VerbSet): void {
  const entry = (verb: string, description: string) =>
    onPort(verbs.command(verb, description))
      .argument("<dest>", "destination network", argument.cidrArgument)
      .argument("<target>", "drop, ig, ig=UUID, ip4=ADDRESS, ip6=ADDRESS, sub4=CIDR or sub6=CIDR", rule.targetArgument)
      .argument("<class>", "system or custom", rule.classArgument);
  verbs.order<[Cidr, RouterTarget, RouterEntry["class"], OnPort]>(
    entry("add-router-entry", "add a route to a port"),
    (driver, dest, target, kind, { port }) => driver.addRouterEntry({ port, dest, target, class: kind }),
  );
  verbs.order<[Cidr, RouterTarget, RouterEntry["class"], OnPort]>(
    entry("del-router-entry", "remove a route from a port"),
    async (driver, dest, target, kind, { port }) => {
      if ((await driver.delRouterEntry({ port, dest, target, class: kind })) === "not-found") {
        throw new SledcastError("not-found", `${port} has no route to ${dest}; nothing was removed`);
      }
    },
  );
}
