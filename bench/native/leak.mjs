// Does the addon give back what it takes? A million calls to /dev/null (ENOTTY), in batches, each
// with a request and on a device of its own batch's; the memory of the process after the second
// half is held against that after the first. Exit code 1 where it grew by more than the bound.
// As many calls go before, uncounted: V8's and malloc's heaps take that long to find their size.
//
//   node bench/native/leak.mjs [calls, 1000000] [calls a batch, 1000] [bound in MiB, 4]
//
// Under valgrind, which knows every block by its owner (of interest: lines that name sledcast.node):
//
//   valgrind --sim-hints=lax-ioctls --leak-check=full node --jitless bench/native/leak.mjs 4000 100 10000
//
// (lax-ioctls: valgrind reads a size out of the request number, as Linux drivers code it there, and
// would miss 7,799 bytes behind a struct of 72.)
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const { Device } = createRequire(import.meta.url)("../../build/Release/sledcast.node");
const calls = Number(process.argv[2] ?? 1_000_000);
const size = Number(process.argv[3] ?? 1000);
const bound = Number(process.argv[4] ?? 4);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

// As `src/host/batch.ts` packs: version, command, length of the request, capacity; then the requests.
const REQUEST = 64;
const batch = new ArrayBuffer(size * (32 + REQUEST));
new Float64Array(batch, 0, size * 4).set(Array.from({ length: size }, () => [41, 1, REQUEST, 16384]).flat());

async function oneBatch() {
  const device = new Device("/dev/null");
  const errno = await new Promise((resolve) => device.open(resolve));
  if (errno !== 0) throw new Error(`open: errno ${errno}`);
  const answers = await Promise.all([1, 2].map(() => new Promise((resolve) => device.run(batch, size, resolve))));
  for (const answer of answers) if (answer.byteLength !== size * 24) throw new Error("an answer of another length");
  // Every other one is left to the collector.
  if (Math.random() < 0.5) await new Promise((resolve) => device.close(resolve));
}

/** Resident bytes after so many calls, when all that can be collected is. */
async function residentAfter(count) {
  for (let done = 0; done < count; done += 2 * size) {
    await oneBatch();
    if (done % (50 * size) === 0) collect();
  }
  // A collected object's finalizer runs in a turn of its own.
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage.rss();
}

const MiB = 1024 * 1024;
const start = process.memoryUsage.rss();
await residentAfter(calls);
const first = await residentAfter(calls / 2);
const second = await residentAfter(calls / 2);
const grown = (second - first) / MiB;
const shown = [start, first, second].map((bytes) => (bytes / MiB).toFixed(1)).join(" -> ");
console.log(`${calls} calls counted: resident ${shown} MiB; second half ${grown.toFixed(2)} MiB (bound ${bound})`);
process.exitCode = grown > bound ? 1 : 0;
