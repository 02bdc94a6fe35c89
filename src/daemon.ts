#!/usr/bin/env node
/**
 * sledcastd: reads its settings, then serves. Serving is loaded when the settings are known to be
 * good: it takes most of the time of a start, and `--help` or a wrong flag has no use for it.
 */
import { CommanderError } from "commander";
import { messageOf } from "./error.ts";
import { exitCodeOf } from "./exit.ts";
import { configure, parseFlags } from "./flags.ts";
import { outlive } from "./gone-readers.ts";
import { checkReadyFd, tellReady } from "./ready.ts";
import { type Follow, Hangups, Reload } from "./reload.ts";

outlive(process.stdout);
outlive(process.stderr);
const hangups = new Hangups();

try {
  const line = parseFlags(process.argv.slice(2));
  const { readyFd } = line;
  if (readyFd !== undefined) checkReadyFd(readyFd);
  const settings = () => configure(line);
  const config = await settings();
  const { serve } = await import("./serve.ts");
  const follow: Follow = (followers, log) => {
    const reload = new Reload(config, settings, followers, log);
    hangups.follow(() => reload.run());
  };
  await serve(config, follow, (started) => {
    if (readyFd !== undefined) void tellReady(readyFd, started);
  });
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcastd: ${messageOf(error)}\n`);
  process.exit(exitCodeOf(error));
}
