/** `npm run lab`: builds a lab, says how to talk to it, and keeps it until it is told to stop. */
import { messageOf } from "../../src/error.ts";
import { HELP, parseCommand, UsageError } from "./command-line.ts";
import { guide } from "./guide.ts";
import { Lab } from "./lab.ts";
import { labObstacle } from "./obstacle.ts";
import type { Sled } from "./sled.ts";

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
const RESTART_PAUSE_MS = 1000;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Starts the sled's agent again whenever it ends, until the lab is stopped. */
async function keepRunning(sled: Sled, stopped: AbortSignal): Promise<void> {
  for (;;) {
    const how = await sled.agentEnded();
    if (stopped.aborted) return;
    say(`sled ${sled.number}: the agent ended (${how}); starting it again`);
    await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
    if (stopped.aborted) return;
    sled.startAgent();
    await sled.ready().then(
      () => say(`sled ${sled.number}: the agent is ready, pid ${sled.pid}`),
      (error) => say(messageOf(error)),
    );
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const command = parseCommand(argv);
  if (command === "help") {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const obstacle = labObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  const stopped = new AbortController();
  const asked = new Promise<void>((resolve) => stopped.signal.addEventListener("abort", () => resolve()));
  // A signal can come twice, from the terminal and from npm; and before the lab stands, too.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopped.abort());
  const building = Lab.start(command);
  const lab = await Promise.race([building, asked]);
  // Exiting removes what was built so far.
  if (lab === undefined) return EXIT.ok;
  say(guide(lab));
  for (const sled of lab.sleds) void keepRunning(sled, stopped.signal);
  await asked;
  await lab.close();
  say(`${lab.id} is removed`);
  return EXIT.ok;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`lab: ${messageOf(error)}${usage ? "\nnpm run lab -- --help says how it is used" : ""}\n`);
  process.exit(usage ? EXIT.usage : EXIT.failed);
}
