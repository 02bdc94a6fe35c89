// An idle Node beside another program, for bench/joins.ts: how long its event loop is held up by what
// the kernel does for the other. Prints {"heldUpMs": …} as a line of JSON.
//   node bench/native/idle-beside.mjs <program> <argument>...
import { spawn } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";

const delay = monitorEventLoopDelay({ resolution: 1 });
const [, , program, ...args] = process.argv;
const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
await once(child, "spawn");
delay.enable();
// The histogram's first value is from before there was anything to wait for.
await new Promise((resolve) => setTimeout(resolve, 20));
delay.reset();
const [status] = await once(child, "exit");
if (status !== 0) process.exit(1);
console.log(JSON.stringify({ heldUpMs: delay.max / 1e6 }));
