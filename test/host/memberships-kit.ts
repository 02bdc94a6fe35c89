/** What the kernel says about memberships, and scripts as tests write them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { MembershipScript, STEP, STEP_BYTES } from "../../src/host/memberships.ts";
import { parseUnderlayGroup, type UnderlayGroup } from "../../src/net/group.ts";

export const linux = process.platform === "linux";

/** Of this process, so that suites side by side have different groups. */
export const OWN = process.pid % 0xffff;

/** The `number`th group of a test's own: other suites join too, and at the same time. */
export function group(number: number): UnderlayGroup {
  const hex = number.toString(16);
  const found = parseUnderlayGroup(`ff04::${OWN.toString(16)}:${hex}`);
  if (found === undefined) throw new Error(`${hex} is not the end of a group`);
  return found;
}

const asInTable = (number: number) =>
  `ff04${"0".repeat(20)}${OWN.toString(16).padStart(4, "0")}${number.toString(16).padStart(4, "0")}`;

/**
 * The interface's groups (of this process, by `group`'s numbers) with how many sockets are members.
 * The table comes in pieces, each found by counting lines: what other suites leave meanwhile makes a
 * line be passed over. No line is there that is not true, so several looks together are complete.
 */
export function joined(index: number): Map<number, number> {
  const groups = new Map<number, number>();
  for (let look = 0; look < 3; look++) readInto(groups, index);
  return groups;
}

function readInto(groups: Map<number, number>, index: number): void {
  const own = asInTable(0).slice(0, -4);
  for (const line of readFileSync("/proc/net/igmp6", "utf8").split("\n")) {
    const [at, , address = "", users] = line.trim().split(/\s+/);
    if (Number(at) === index && address.startsWith(own)) {
      groups.set(Number.parseInt(address.slice(-4), 16), Number(users));
    }
  }
}

export interface OpenSocket {
  readonly fd: number;
  readonly inode: string;
}

/** This process's sockets of every kind, by ascending descriptor. */
export function openSockets(): OpenSocket[] {
  const found: OpenSocket[] = [];
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`))?.[1];
      if (inode !== undefined) found.push({ fd: Number(name), inode });
    } catch {
      // That one was the directory's own.
    }
  }
  return found.sort((a, b) => a.fd - b.fd);
}

export function socketsBeside(before: readonly OpenSocket[]): OpenSocket[] {
  const known = new Set(before.map(({ inode }) => inode));
  return openSockets().filter(({ inode }) => !known.has(inode));
}

type Step = readonly ["open" | "close", number] | readonly ["join" | "leave", number, number, number];

/** `["join", socket, group's number, index]`, and so on. */
export function script(...steps: readonly Step[]): MembershipScript {
  const made = new MembershipScript();
  for (const [operation, socket, number = 0, index = 0] of steps) {
    if (operation === "open" || operation === "close") made[operation](socket);
    else made[operation](socket, group(number), index);
  }
  return made;
}

/** A script that no `MembershipScript` makes. */
export function written(bytes: unknown): MembershipScript {
  return { length: 0, pack: () => bytes } as unknown as MembershipScript;
}

/** One step's bytes: with any number for its operation, and an address of any kind. */
export function stepBytes(
  operation: number,
  socket: number,
  address: Uint8Array = new Uint8Array(16),
  index = 0,
): Buffer {
  const step = new DataView(new ArrayBuffer(STEP_BYTES));
  const words = new Uint32Array(step.buffer);
  words[0] = operation;
  words[1] = socket;
  words[6] = index;
  new Uint8Array(step.buffer).set(address, 8);
  return Buffer.from(step.buffer);
}

export function joinBytes(socket: number, address: Uint8Array, index: number): ArrayBuffer {
  return Uint8Array.from(stepBytes(STEP.join, socket, address, index)).buffer;
}
