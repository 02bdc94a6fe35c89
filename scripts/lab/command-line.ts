/** The lab command's options. */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { messageOf } from "../../src/error.ts";

const MOST_SLEDS = 16;

export const HELP = `usage: npm run lab -- [--sleds N] [--daemon FILE]

Builds sleds as network namespaces, each with two underlay NICs on two bridges that snoop MLD,
runs an agent with the driver model in each, and prints how to talk to them. Ctrl-C removes it all.
An agent that ends is started again after a second, as a service manager would.

  --sleds N      how many sleds, 1 to ${MOST_SLEDS} (default 3)
  --daemon FILE  the daemon.js to run (default: this tree's dist/daemon.js)
  --help         this

Needs Linux, root, the ip command and a C compiler.
Exit status: 0 stopped, 1 failed, 2 bad usage.
`;

/** The command line is wrong. */
export class UsageError extends Error {}

export interface LabCommand {
  readonly sleds: number;
  readonly daemon: string | undefined;
}

const OPTIONS = { sleds: { type: "string" }, daemon: { type: "string" }, help: { type: "boolean" } } as const;

function valuesOf(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

export function parseCommand(argv: readonly string[]): LabCommand | "help" {
  const { sleds = "3", daemon, help = false } = valuesOf(argv);
  if (help) return "help";
  if (!/^\d+$/.test(sleds) || Number(sleds) < 1 || Number(sleds) > MOST_SLEDS) {
    throw new UsageError(`--sleds ${sleds}: a whole number from 1 to ${MOST_SLEDS} is wanted`);
  }
  if (daemon !== undefined && !existsSync(daemon)) throw new UsageError(`--daemon ${daemon}: there is no such file`);
  return { sleds: Number(sleds), daemon };
}
