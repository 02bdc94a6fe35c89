/**
 * NICs in memory: a kernel's side of memberships, beneath the joins that the daemon has. It knows
 * membership sockets, a table of what is joined, and failures on request.
 */
import { constants } from "node:os";
import type { MembershipScript, Memberships, NetworkBinding } from "../../src/host/memberships.ts";
import { STEP, STEP_BYTES } from "../../src/host/memberships.ts";
import { NicJoins } from "../../src/host/nic-joins.ts";
import { SystemError } from "../../src/host/system-error.ts";
import type { Log } from "../../src/log.ts";
import { ipv6At } from "../../src/net/ip-bytes.ts";

const { EADDRINUSE, EADDRNOTAVAIL, EBADF, EBUSY, ENODEV } = constants.errno;
const NO_LOG: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface Interface {
  index: number;
  /** Sockets that are members, by group in 32 digits. */
  members: Map<string, Set<number>>;
}

export class FakeNics implements NetworkBinding {
  readonly name = "fake";
  readonly names: readonly string[];
  /** How many of the next joins fail, and with what. */
  failNext = 0;
  failWith: number = EADDRNOTAVAIL;
  /** How many of the next look-ups of NICs fail, for want of a descriptor. */
  failLookUps = 0;
  /** How many of the next looks at the kernel's table fail likewise. */
  failTables = 0;
  /** Groups in the order they were left. */
  readonly left: string[] = [];
  /** Memberships that a socket may have; the next one is ENOMEM. */
  optmem = Number.POSITIVE_INFINITY;
  /** Sockets that may be open; the next one is EMFILE. */
  descriptors = Number.POSITIVE_INFINITY;
  #nextIndex = 2;
  readonly #interfaces = new Map<string, Interface>();
  /** What each open socket believes to be a member of: `index group`. */
  readonly #sockets = new Map<number, Set<string>>();
  readonly #listeners = new Set<() => void>();

  constructor(names: readonly string[] = ["net0", "net1"]) {
    this.names = names;
    for (const name of names) this.plug(name);
  }

  /** The daemon's joins over these NICs. */
  joins(log: Log = NO_LOG): NicJoins {
    return new NicJoins({ binding: this, nics: this.names, log, table: async (indexes) => this.#table(indexes) });
  }

  /** Underlay groups joined now on every configured NIC that is there. */
  get joined(): Set<string> {
    const present = this.names.flatMap((name) => this.#interfaces.get(name) ?? []);
    const [first, ...others] = present.map(({ members }) => new Set(members.keys()));
    if (first === undefined) return new Set();
    const everywhere = [...first].filter((group) => others.every((groups) => groups.has(group)));
    return new Set(everywhere.map(textOf));
  }

  /** Underlay groups joined on one NIC, by the kernel's table. */
  joinedOn(name: string): string[] {
    return [...(this.#interfaces.get(name)?.members.keys() ?? [])].map(textOf).sort();
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** The NIC comes: with its next index, or with one that it is given. */
  plug(name: string, index = this.#nextIndex++): void {
    this.#interfaces.set(name, { index, members: new Map() });
    this.#tell();
  }

  /** The NIC goes. Sockets go on believing. */
  unplug(name: string, watch: "told" | "unseen" = "told"): void {
    this.#interfaces.delete(name);
    if (watch === "told") this.#tell();
  }

  /** The kernel drops the memberships on a NIC and says nothing, as on Linux when the MTU falls below 1280 for a moment. */
  forgetMemberships(name: string): void {
    this.#interfaces.get(name)?.members.clear();
  }

  openMemberships(): Memberships {
    return {
      run: async (script) => this.#run(script),
      close: async () => {
        for (const socket of [...this.#sockets.keys()]) this.#close(socket);
      },
    };
  }

  async interfaceIndexes(names: readonly string[]): Promise<readonly number[]> {
    if (this.failLookUps > 0) {
      this.failLookUps--;
      throw new SystemError("if_nametoindex", names[0] ?? "", constants.errno.EMFILE);
    }
    return names.map((name) => this.#interfaces.get(name)?.index ?? 0);
  }

  watchInterfaces(changed: () => void): { close(): void } {
    this.#listeners.add(changed);
    return { close: () => void this.#listeners.delete(changed) };
  }

  #tell(): void {
    for (const changed of this.#listeners) changed();
  }

  #table(indexes: readonly number[]): Map<number, Set<string>> {
    if (this.failTables > 0) {
      this.failTables--;
      throw new SystemError("open", "/proc/net/igmp6", constants.errno.EMFILE);
    }
    const there = [...this.#interfaces.values()];
    return new Map(
      indexes.map((index) => [index, new Set(there.find((one) => one.index === index)?.members.keys() ?? [])]),
    );
  }

  #run(script: MembershipScript): Int32Array {
    const view = new DataView(script.pack());
    const steps = view.byteLength / STEP_BYTES;
    return Int32Array.from({ length: steps }, (_, step) => {
      const at = step * STEP_BYTES;
      const group = Buffer.from(view.buffer, at + 8, 16).toString("hex");
      return this.#step(view.getUint32(at, true), view.getUint32(at + 4, true), group, view.getUint32(at + 24, true));
    });
  }

  #step(operation: number, socket: number, group: string, index: number): number {
    if (operation === STEP.open) {
      if (this.#sockets.has(socket)) return EBUSY;
      if (this.#sockets.size >= this.descriptors) return constants.errno.EMFILE;
      this.#sockets.set(socket, new Set());
      return 0;
    }
    const beliefs = this.#sockets.get(socket);
    if (beliefs === undefined) return EBADF;
    if (operation === STEP.close) return this.#close(socket);
    const belief = `${index} ${group}`;
    const there = [...this.#interfaces.values()].find((one) => one.index === index);
    if (operation === STEP.leave) {
      if (!beliefs.delete(belief)) return there === undefined ? ENODEV : EADDRNOTAVAIL;
      drop(there, group, socket);
      this.left.push(textOf(group));
      return 0;
    }
    if (beliefs.has(belief)) return EADDRINUSE;
    if (there === undefined) return ENODEV;
    if (this.failNext > 0) {
      this.failNext--;
      return this.failWith;
    }
    if (beliefs.size >= this.optmem) return constants.errno.ENOMEM;
    beliefs.add(belief);
    there.members.set(group, (there.members.get(group) ?? new Set()).add(socket));
    return 0;
  }

  #close(socket: number): number {
    for (const belief of this.#sockets.get(socket) ?? []) {
      const [index, group] = belief.split(" ") as [string, string];
      drop(
        [...this.#interfaces.values()].find((one) => one.index === Number(index)),
        group,
        socket,
      );
    }
    this.#sockets.delete(socket);
    return 0;
  }
}

function drop(from: Interface | undefined, group: string, socket: number): void {
  const members = from?.members.get(group);
  members?.delete(socket);
  if (members?.size === 0) from?.members.delete(group);
}

function textOf(digits: string): string {
  return ipv6At(Buffer.from(digits, "hex"), 0);
}
