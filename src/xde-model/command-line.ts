/** What `sledcast-xde-model` can be told. */
import { Command, Option } from "commander";
import { badRequest } from "../error.ts";
import { exampleText, sayUsage, teachForm } from "../help.ts";
import { type ApiVersion, knownVersion, NEWEST } from "../opte/versions.ts";
import { VERSION } from "../version.ts";
import { SCRIPT_HELP } from "./script.ts";

const EXAMPLES = [
  ["sledcast-xde-model --socket /tmp/xde.sock --state /tmp/xde.state &", "first the driver"],
  [
    "scripts/with-fake-xde /tmp/xde.sock sledcastd --driver xde --underlay-ip fd00::1",
    "then a daemon whose /dev/xde it is",
  ],
  [`sledcast-xde-model --socket /tmp/xde.sock --order '{"order":"delay","ms":3000}'`, "it answers three seconds late"],
] as const;

const EPILOGUE = `
${SCRIPT_HELP}

Exit status: 0 done, 1 failed, 2 usage.`;

export interface Options {
  readonly socket: string;
  readonly state?: string;
  readonly apiVersion: ApiVersion;
  readonly link?: readonly string[];
  readonly portsStart: "ready" | "running";
  readonly errno: "linux" | "illumos";
  readonly order?: string;
}

function parseVersion(text: string): ApiVersion {
  const version = /^\d+$/.test(text) ? knownVersion(Number(text)) : undefined;
  if (version === undefined) throw badRequest(`--api-version: ${text} is not one of 38, 39, 40, 41`);
  return version;
}

export function modelCommand(): Command {
  const command = new Command("sledcast-xde-model")
    .description(
      "Serves the model of the xde driver to programs that have a fake /dev/xde (Linux), so that a daemon can be tried as on a sled: over the same ioctls, with the driver's refusals, and with failures on request.",
    )
    .version(VERSION)
    .requiredOption("--socket <path>", "Unix socket to serve on; with --order, the one to send to")
    .option("--state <file>", "keeps the tables in this file, over a restart; deleting it meanwhile is a reboot")
    .option("--api-version <number>", "OPTE API version to speak: 38, 39, 40 or 41", parseVersion, NEWEST)
    .option("--link <name...>", "data links that exist; left out: any name does")
    .addOption(
      new Option("--ports-start <state>", "whether a guest opens the link of a new port at once")
        .choices(["ready", "running"])
        .default("ready"),
    )
    .addOption(
      new Option("--errno <style>", "whose error numbers the caller gets")
        .choices(["linux", "illumos"])
        .default("linux"),
    )
    .option("--order <json>", "sends an order to a running model, and prints what it says")
    .addHelpText("after", exampleText(EXAMPLES))
    .addHelpText("after", EPILOGUE)
    .allowExcessArguments(false)
    .exitOverride();
  teachForm(command);
  sayUsage(command, "sledcast-xde-model");
  return command;
}
