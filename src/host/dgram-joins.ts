/**
 * Joins through Node's own UDP sockets, one per underlay group, which needs no native code. The
 * socket is held only for its memberships; nothing is read from it. It costs a descriptor and an
 * ephemeral port per group, which is why a native binding is better for thousands of groups.
 */
import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { messageOf, SledcastError } from "../error.ts";
import type { UnderlayGroup } from "../net/group.ts";
import { JoinError, type NicState, type UnderlayJoins } from "./joins.ts";

/** Whether there is such a NIC. Undefined index: it exists, but its number is not known here. */
function lookUp(nic: string): { readonly index: number | undefined } | undefined {
  if (process.platform !== "linux") {
    const addresses = networkInterfaces()[nic];
    if (addresses === undefined) return undefined;
    return { index: addresses.find((a) => a.family === "IPv6" && a.scopeid !== 0)?.scopeid };
  }
  try {
    return { index: Number(readFileSync(`/sys/class/net/${nic}/ifindex`, "utf8")) };
  } catch {
    return undefined;
  }
}

const LIMITS = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

function bound(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: "::", exclusive: true }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

export class DgramJoins implements UnderlayJoins {
  readonly binding = "node:dgram";
  readonly nics: readonly string[];
  readonly #sockets = new Map<UnderlayGroup, Socket>();

  constructor(nics: readonly string[]) {
    this.nics = nics;
  }

  async join(underlay: UnderlayGroup): Promise<void> {
    if (this.#sockets.has(underlay)) return;
    const socket = createSocket({ type: "udp6", ipv6Only: true });
    try {
      await bound(socket);
      for (const nic of this.nics) this.#joinOn(socket, underlay, nic);
    } catch (error) {
      socket.close();
      throw this.#explain(underlay, error);
    }
    // Nothing is sent or read, so nothing can fail later; without a listener it would end the process if it did.
    socket.on("error", () => {});
    socket.unref();
    this.#sockets.set(underlay, socket);
  }

  #joinOn(socket: Socket, underlay: UnderlayGroup, nic: string): void {
    // An unknown name would silently mean "any interface", so it is looked up first.
    const found = lookUp(nic);
    try {
      if (found === undefined) throw new JoinError(underlay, nic, undefined, "there is no such NIC");
      socket.addMembership(underlay, `::%${nic}`);
    } catch (error) {
      if (error instanceof JoinError || isLimit(error)) throw error;
      throw new JoinError(underlay, nic, found?.index, messageOf(error));
    }
  }

  #explain(underlay: UnderlayGroup, error: unknown): Error {
    if (error instanceof JoinError) return error;
    if (!isLimit(error)) return new JoinError(underlay, this.nics.join(", "), undefined, messageOf(error));
    const text = `a limit of this host stops the join of ${underlay}: ${messageOf(error)}; raise the descriptor or memory limit`;
    return new SledcastError("resource-limit", text, { cause: error });
  }

  async leave(underlay: UnderlayGroup): Promise<void> {
    const socket = this.#sockets.get(underlay);
    this.#sockets.delete(underlay);
    socket?.close();
  }

  states(underlay: UnderlayGroup): readonly NicState[] {
    const joined = this.#sockets.has(underlay);
    return this.nics.map((name) => ({ name, index: lookUp(name)?.index, joined }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

function isLimit(error: unknown): boolean {
  return error instanceof Error && "code" in error && LIMITS.has(String(error.code));
}
