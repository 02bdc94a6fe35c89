#!/usr/bin/env node
/**
 * sledcastd: reads its settings, then serves. Serving is loaded when the settings are known to be
 * good: it takes most of the time of a start, and `--help` or a wrong flag has no use for it.
 */
import { CommanderError } from "commander";
import { messageOf } from "./error.ts";
import { exitCodeOf } from "./exit.ts";
import { configure } from "./flags.ts";
import { Hangups, Reload } from "./reload.ts";

const hangups = new Hangups();
const settings = () => configure(process.argv.slice(2));

try {
  const config = await settings();
  const { serve } = await import("./serve.ts");
  await serve(config, (followers, log) => {
    const reload = new Reload(config, settings, followers, log);
    hangups.follow(() => reload.run());
  });
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) process.stderr.write(`sledcastd: ${messageOf(error)}\n`);
  process.exit(exitCodeOf(error));
}
