/** A thread of the koffi binding: the sockets of one `Memberships` at a time, and interface indexes, through libc. */
import { constants } from "node:os";
import { addressOf, lastErrno, libcFunction, serve } from "./koffi-libc.ts";
import type { Answer } from "./koffi-thread.ts";
import { STEP, STEP_BYTES } from "./memberships.ts";

export type Request =
  | { readonly kind: "run"; readonly script: ArrayBuffer }
  | { readonly kind: "close" }
  | { readonly kind: "indexes"; readonly names: readonly string[] };

/** What Node does not name, from each system's headers. */
interface Numbers {
  readonly inet6: number;
  /** Undefined where the flag is set by fcntl(2) afterwards. */
  readonly cloexec: number | undefined;
  readonly duplicate: number;
  readonly join: number;
  readonly leave: number;
}

const NUMBERS: Partial<Record<NodeJS.Platform, Numbers>> = {
  linux: { inet6: 10, cloexec: 0o2000000, duplicate: 1030, join: 20, leave: 21 },
  darwin: { inet6: 30, cloexec: undefined, duplicate: 67, join: 12, leave: 13 },
};
const numbers = NUMBERS[process.platform];

// The same on both.
const SOCK_DGRAM = 2;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const IPPROTO_IPV6 = 41;
const IPV6_MREQ = { at: 8, bytes: 20 };
/** A name has to be shorter, in bytes: some C libraries would take its beginning for the whole. */
const IF_NAMESIZE = 16;

const socket = libcFunction("int socket(int family, int type, int protocol)");
const setsockopt = libcFunction("int setsockopt(int fd, int level, int option, void *value, uint32_t length)");
const fcntl = libcFunction("int fcntl(int fd, int command, ...)");
const close = libcFunction("int close(int fd)");
const nameToIndex = libcFunction("unsigned int if_nametoindex(const char *name)");

/** The descriptor of each socket, oldest first. */
const descriptors = new Map<number, number>();
let newest = -1;

/** Gives it a higher number than all that are older: `native/os/placement.h` says why. */
function place(fd: number, { duplicate }: Numbers): number {
  if (fd > newest) return fd;
  const copy = fcntl(fd, duplicate, "int", newest + 1);
  if (copy < 0) return fd;
  close(fd);
  return copy;
}

function open(name: number): number {
  if (numbers === undefined) return constants.errno.ENOSYS;
  if (descriptors.has(name)) return constants.errno.EBUSY;
  const fd = socket(numbers.inet6, SOCK_DGRAM | (numbers.cloexec ?? 0), 0);
  if (fd < 0) return lastErrno();
  if (numbers.cloexec === undefined) fcntl(fd, F_SETFD, "int", FD_CLOEXEC);
  newest = place(fd, numbers);
  descriptors.set(name, newest);
  return 0;
}

function change(name: number, operation: "join" | "leave", request: bigint): number {
  const fd = descriptors.get(name);
  if (fd === undefined || numbers === undefined) return constants.errno.EBADF;
  return setsockopt(fd, IPPROTO_IPV6, numbers[operation], request, IPV6_MREQ.bytes) === -1 ? lastErrno() : 0;
}

function closeOne(name: number): number {
  const fd = descriptors.get(name);
  if (fd === undefined) return constants.errno.EBADF;
  descriptors.delete(name);
  close(fd);
  if (fd === newest) newest = [...descriptors.values()].at(-1) ?? -1;
  return 0;
}

function closeAll(): number {
  for (const fd of [...descriptors.values()].reverse()) close(fd);
  descriptors.clear();
  newest = -1;
  return 0;
}

function step(operation: number, name: number, request: bigint): number {
  switch (operation) {
    case STEP.open:
      return open(name);
    case STEP.join:
      return change(name, "join", request);
    case STEP.leave:
      return change(name, "leave", request);
    default:
      return closeOne(name);
  }
}

/** The script in use, so that it is not collected while only its address is known. */
const held = new Set<ArrayBuffer>();

function run(script: ArrayBuffer): ArrayBuffer {
  held.add(script);
  const words = new Uint32Array(script);
  const errors = new Int32Array(script.byteLength / STEP_BYTES);
  const start = errors.length > 0 ? addressOf(script) : 0n;
  for (let i = 0; i < errors.length; i++) {
    const at = i * STEP_BYTES;
    const request = start + BigInt(at + IPV6_MREQ.at);
    errors[i] = step(words[at / 4] ?? 0, words[at / 4 + 1] ?? 0, request);
  }
  held.delete(script);
  return errors.buffer;
}

/** As `native/os/interfaces.h` has it: what is not an index is an errno, negative. */
function indexOf(name: string): number {
  if (Buffer.byteLength(name) >= IF_NAMESIZE) return -constants.errno.ENXIO;
  const index = nameToIndex(name);
  if (index !== 0) return index;
  const error = lastErrno();
  if (error === constants.errno.ENODEV || error === constants.errno.ENXIO || numbers === undefined) return -error;
  const fd = socket(numbers.inet6, SOCK_DGRAM, 0);
  if (fd < 0) return -lastErrno();
  close(fd);
  return -error;
}

function indexes(names: readonly string[]): ArrayBuffer {
  return Int32Array.from(names, indexOf).buffer;
}

serve((request: Request): Answer => {
  switch (request.kind) {
    case "run":
      return run(request.script);
    case "close":
      return closeAll();
    case "indexes":
      return indexes(request.names);
  }
});
