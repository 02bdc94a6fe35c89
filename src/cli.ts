#!/usr/bin/env node
/** sledcast: the administrator's tool. Tables for people, JSON for programs; errors on stderr. */
import { type Command, CommanderError } from "commander";
import { messageOf, SledcastError } from "./error.ts";
import { outlive } from "./gone-readers.ts";

const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** `--direct` may stand anywhere before the verb; the two have no verb in common. */
function isDirect(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).includes("--direct");
}

/** Each is loaded for itself: the commands of an agent have no use for the driver's, nor these for theirs. */
async function build(argv: readonly string[]): Promise<Command> {
  if (isDirect(argv)) return (await import("./cli/direct/program.ts")).directProgram();
  return (await import("./cli/program.ts")).agentProgram();
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return error instanceof SledcastError && error.kind === "bad-request" ? EXIT.usage : EXIT.failed;
}

// Whoever reads no more needs no more; what is said to a stderr that nobody reads is not worth an end.
outlive(process.stdout, () => process.exit(EXIT.done));
outlive(process.stderr);

try {
  await (await build(process.argv.slice(2))).parseAsync();
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcast: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
