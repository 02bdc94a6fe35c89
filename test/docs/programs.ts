/** The programs' own definitions of what they can be told. */
import { type Command, CommanderError } from "commander";
import { directProgram } from "../../src/cli/direct/program.ts";
import { agentProgram } from "../../src/cli/program.ts";
import { parseConfig } from "../../src/config.ts";
import { messageOf } from "../../src/error.ts";
import { parseFlags } from "../../src/flags.ts";

export interface Said {
  /** Such as `m2p set`. */
  readonly path: string;
  /** Long ones, without dashes. */
  readonly flags: readonly string[];
}

const flagsOf = ({ options }: Command) => options.flatMap(({ long }) => (long == null ? [] : [long.slice(2)]));

function leaves(command: Command, path: readonly string[] = []): Said[] {
  if (command.commands.length === 0) return [{ path: path.join(" "), flags: flagsOf(command) }];
  return command.commands.flatMap((one) => leaves(one, [...path, one.name()]));
}

export const agentCommands = (): Said[] => leaves(agentProgram());
export const directVerbs = (): Said[] => leaves(directProgram());
export const globalFlags = (): string[] => flagsOf(agentProgram());

const quiet = { writeOut: () => {}, writeErr: () => {} };

/** Nothing is done, and nothing is printed. */
function disarm(command: Command): Command {
  command.exitOverride().configureOutput(quiet);
  if (command.commands.length === 0) command.action(() => {});
  for (const one of command.commands) disarm(one);
  return command;
}

/** Why the tool would not take these arguments; undefined: it would. */
export function refusalOfTool(args: readonly string[]): string | undefined {
  const program = disarm(args.includes("--direct") ? directProgram() : agentProgram());
  try {
    program.parse([...args], { from: "user" });
    return undefined;
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    return isHelp ? undefined : messageOf(error);
  }
}

/** A setting that comes from elsewhere, and is not on the command line. */
const ELSEWHERE = { "underlay.ip": "fd00::1" };

/** Why the daemon would not start with these arguments, as far as they can say. */
export function refusalOfDaemon(args: readonly string[]): string | undefined {
  try {
    const { file, smf, settings } = parseFlags(args);
    parseConfig(...(file === undefined && smf === undefined ? [] : [ELSEWHERE]), settings);
    return undefined;
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    return isHelp ? undefined : messageOf(error);
  }
}
