/** A thread of the koffi binding: open, ioctl and close of one device at a time, through libc. */
import { constants } from "node:fs";
import { constants as os } from "node:os";
import { ANSWER_NUMBERS, CALL_NUMBERS } from "./batch.ts";
import { addressOf, lastErrno, libcFunction, serve } from "./koffi-libc.ts";
import type { Answer } from "./koffi-thread.ts";

export type Request =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "run"; readonly batch: ArrayBuffer; readonly count: number }
  | { readonly kind: "close" };

/** Node does not name it. These are the platforms koffi has a build for and Node runs on. */
const O_CLOEXEC: Partial<Record<NodeJS.Platform, number>> = {
  linux: 0o2000000,
  darwin: 0x1000000,
  freebsd: 0x100000,
  openbsd: 0x10000,
};

const XDE_IOC_OPTE_CMD = 0xde777701;
const RESP_COPY_OUT = 1n;

const open = libcFunction("int open(const char *path, int flags, ...)");
const ioctl = libcFunction("int ioctl(int fd, unsigned long request, ...)");
const close = libcFunction("int close(int fd)");

// opte-api `OpteCmdIoctl`; `native/opte/command.h` has the layout. An ArrayBuffer, since a small typed
// array's bytes may be inside V8's heap, where they move. A batch in use is held, so that it is not collected while only its address is known.
const struct = new ArrayBuffer(72);
const fields = new DataView(struct);
/** Room for replies that stays between batches; a large table's is given back. */
const KEPT_ROOM = 1024 * 1024;
let room = new ArrayBuffer(16 * 1024);
const held = new Set<ArrayBuffer>();
let fd = -1;

function openDevice(path: string): number {
  const cloexec = O_CLOEXEC[process.platform];
  if (cloexec === undefined) return os.errno.ENOSYS;
  for (;;) {
    fd = open(path, constants.O_RDWR | cloexec);
    const errno = fd < 0 ? lastErrno() : 0;
    // Nothing was opened, so it can be asked for again.
    if (errno !== os.errno.EINTR) return errno;
  }
}

/** As `runCommand` in `native/os/device.cc`, where the reasons are. The struct is filled but for its reply. */
function command(capacity: number): { errno: number; copiedOut: boolean; actual: number } {
  if (room.byteLength < capacity) room = new ArrayBuffer(capacity);
  fields.setBigUint64(48, addressOf(room), true);
  fields.setBigUint64(56, BigInt(capacity), true);
  fields.setBigUint64(64, 0n, true);
  let errno = ioctl(fd, XDE_IOC_OPTE_CMD, "void *", struct) === -1 ? lastErrno() : 0;
  const actual = Number(fields.getBigUint64(64, true));
  let copiedOut = (fields.getBigUint64(16, true) & RESP_COPY_OUT) !== 0n;
  if (copiedOut && actual > capacity) {
    copiedOut = false;
    if (errno === 0) errno = os.errno.EIO;
  }
  return { errno, copiedOut, actual };
}

/** A call that there is no memory for fails alone, as in the addon. */
function commandOrErrno(capacity: number): ReturnType<typeof command> {
  try {
    return command(capacity);
  } catch {
    return { errno: os.errno.ENOMEM, copiedOut: false, actual: 0 };
  }
}

function run(batch: ArrayBuffer, count: number): ArrayBuffer {
  const numbers = new Float64Array(batch, 0, count * CALL_NUMBERS);
  const outcomes = new Float64Array(count * ANSWER_NUMBERS);
  const replies: Uint8Array[] = [];
  let total = outcomes.byteLength;
  held.add(batch);
  let request = addressOf(batch) + BigInt(numbers.byteLength);
  for (let i = 0; i < count; i++) {
    const at = i * CALL_NUMBERS;
    const length = BigInt(numbers[at + 2] ?? 0);
    fields.setBigUint64(0, BigInt(numbers[at] ?? 0), true);
    fields.setInt32(8, numbers[at + 1] ?? 0, true);
    fields.setInt32(12, 0, true);
    fields.setBigUint64(16, 0n, true);
    fields.setBigUint64(24, 0n, true);
    fields.setBigUint64(32, length > 0n ? request : 0n, true);
    fields.setBigUint64(40, length, true);
    const outcome = commandOrErrno(numbers[at + 3] ?? 0);
    request += length;
    outcomes.set([outcome.errno, outcome.copiedOut ? 1 : 0, outcome.actual], i * ANSWER_NUMBERS);
    if (!outcome.copiedOut) continue;
    replies.push(new Uint8Array(room.slice(0, outcome.actual)));
    total += outcome.actual;
  }
  held.delete(batch);
  if (room.byteLength > KEPT_ROOM) room = new ArrayBuffer(KEPT_ROOM);
  const answer = new Uint8Array(total);
  answer.set(new Uint8Array(outcomes.buffer));
  let at = outcomes.byteLength;
  for (const reply of replies) {
    answer.set(reply, at);
    at += reply.length;
  }
  return answer.buffer;
}

function answer(request: Request): Answer {
  switch (request.kind) {
    case "open":
      return openDevice(request.path);
    case "run":
      return run(request.batch, request.count);
    case "close":
      close(fd);
      fd = -1;
      return 0;
  }
}

serve(answer);
