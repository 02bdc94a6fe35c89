// The measured side of `ioctl`: a process with the fake device preloaded. It is asked over its IPC
// channel for one figure at a time, so that it waits while another variant is measured.
//
//   node bench/native/ioctl-node.mjs <addon|koffi> <device> <commands a batch> <single commands>
import { constants, fstat, openSync } from "node:fs";
import { loadBinding } from "../../dist/host/bindings.js";

const [name, path, batchSize, singles] = process.argv.slice(2);
const { binding, why } = await loadBinding(name);
if (binding.name !== name) throw new Error(`the ${name} binding does not load: ${why}`);
const device = await binding.openDevice(path);
const nothing = openSync("/dev/null", "r");

// As bench/native/ioctl-loop.c asks: ListPorts, without a body.
const command = { apiVersion: 41, cmd: 1, request: undefined, capacity: 16 * 1024 };
const batch = Array.from({ length: Number(batchSize) }, () => command);

function check(replies) {
  for (const { errno, reply } of replies) {
    if (errno !== 0 || reply.length !== 1) throw new Error(`a command failed: errno ${errno}, ${reply.length} bytes`);
  }
}

/** The same exchange on this process's own thread, without a hop; undefined where koffi is not installed. */
async function sameThread() {
  let koffi;
  try {
    koffi = (await import("koffi")).default;
  } catch {
    return undefined;
  }
  const libc = koffi.load(null);
  const fd = libc.func("int open(const char *path, int flags, ...)")(path, constants.O_RDWR);
  const ioctl = libc.func("int ioctl(int fd, unsigned long request, ...)");
  const reply = new ArrayBuffer(command.capacity);
  const struct = new ArrayBuffer(72);
  const fields = new DataView(struct);
  fields.setBigUint64(0, BigInt(command.apiVersion), true);
  fields.setInt32(8, command.cmd, true);
  fields.setBigUint64(48, koffi.address(reply), true);
  fields.setBigUint64(56, BigInt(command.capacity), true);
  return () => {
    // Named here, so that it lives as long as its address is in use.
    if (ioctl(fd, 0xde777701, "void *", struct) !== 0 || reply.byteLength === 0) throw new Error("a command failed");
  };
}

const onThisThread = await sameThread();

/** Microseconds a run takes, the median of many one after another. */
async function each(run) {
  const took = [];
  for (let i = 0; i < Number(singles); i++) {
    const since = performance.now();
    await run();
    took.push((performance.now() - since) * 1000);
  }
  return took.sort((a, b) => a - b)[took.length >> 1];
}

const FIGURES = {
  /** Microseconds a command, in a batch. */
  async batch() {
    const since = performance.now();
    const replies = await device.run(batch);
    const took = performance.now() - since;
    check(replies);
    return (took * 1000) / batch.length;
  },
  single: () => each(async () => check(await device.run([command]))),
  /** Not a number where it cannot be told. */
  sync: () => (onThisThread === undefined ? Number.NaN : each(async () => onThisThread())),
  /** The binding with nothing to do for the device. */
  empty: () => each(() => device.run([])),
  /** To the pool and back with next to nothing done there. */
  hop: () =>
    each(() => new Promise((resolve, reject) => fstat(nothing, (error) => (error ? reject(error) : resolve())))),
};

process.on("message", async (figure) => process.send(await FIGURES[figure]()));
process.send("ready");
