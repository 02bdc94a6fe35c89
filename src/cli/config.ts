/** `config`: the declared configuration, shown, applied and given up. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { messageOf, SledcastError } from "../error.ts";
import { AgentRefusal } from "./client.ts";
import { action } from "./context.ts";
import { type Entry, FORWARDING_HEAD, forwardingRows, MAPPING_HEAD, type Mapping, mappingRows } from "./networking.ts";
import { formatTable, type Row } from "./table.ts";

const CONFIG = "/multicast/config";

interface Config {
  readonly generation: number;
  readonly m2p: readonly Mapping[];
  readonly forwarding: readonly Entry[];
}

interface Failure {
  readonly entry: Mapping | Entry;
  readonly action: string;
  readonly error: string;
}

interface Outcome {
  readonly generation: number;
  readonly applied: number;
  readonly failed: readonly Failure[];
}

function describe({ generation, m2p, forwarding }: Config): string {
  return [
    `generation ${generation}\n`,
    m2p.length === 0 ? "no mappings\n" : formatTable(MAPPING_HEAD, mappingRows(m2p)),
    forwarding.length === 0 ? "no forwarding\n" : formatTable(FORWARDING_HEAD, forwardingRows(forwarding)),
  ].join("\n");
}

function failureRow({ entry, action, error }: Failure): Row {
  const [what, subject] = "group" in entry ? ["mapping", entry.group] : ["forwarding", entry.underlay];
  return [`${action} ${what}`, subject, error];
}

function describeOutcome({ applied, failed }: Outcome): string {
  const summary = `applied ${applied}, failed ${failed.length}\n`;
  return failed.length === 0 ? summary : summary + formatTable(["FAILED", "SUBJECT", "REASON"], failed.map(failureRow));
}

/** A file that cannot be read, or holds no JSON, is a mistake of the command line. */
async function readJson(file: string): Promise<unknown> {
  const name = file === "-" ? "standard input" : file;
  let json: string;
  try {
    json = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new SledcastError("bad-request", `${name} cannot be read: ${messageOf(error)}`);
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new SledcastError("bad-request", `${name} is no JSON: ${messageOf(error)}`);
  }
}

export function configCommands(program: Command): void {
  const config = program.command("config").description("the declared configuration: all M2P and forwarding in one");
  action<[]>(config.command("get").description("show the one in force"), async (context) => {
    context.print((await context.client.call("GET", CONFIG)) as Config, describe);
  });
  const apply = config
    .command("apply <file>")
    .description("put the configuration of a JSON file in force; `-` reads standard input");
  action<[string]>(apply, async (context, file) => {
    const outcome = (await context.client.call("PUT", CONFIG, await readJson(file))) as Outcome;
    context.print(outcome, describeOutcome);
    const { generation, failed } = outcome;
    if (failed.length > 0) {
      throw new AgentRefusal(
        `generation ${generation} is in force, but not all of it in effect; the agent keeps trying, and the same file again tries at once`,
      );
    }
  });
  action<[]>(
    config.command("release").description("give control back to single changes; the driver stays as it is"),
    async (context) => {
      await context.client.call("DELETE", CONFIG);
    },
  );
}
