/**
 * Ports as devices of the host: a datalink id and the driver's port of the same name, made and taken
 * away together. What cannot be taken away (somebody has the link open) is left over: it is tried
 * again until it is gone, and nobody waits for it. A port is in the ledger from before its id is made
 * until both are gone, so what a crash leaves is found by name at the next start.
 */
import { messageOf, SledcastError } from "../error.ts";
import type { Tell } from "../events.ts";
import type { Datalinks } from "../host/datalinks.ts";
import type { Ledger } from "../intent/ledger.ts";
import type { Undo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte, mayHaveTakenEffect } from "../opte/error.ts";
import type { CreateXde, PortInfo } from "../opte/types.ts";
import { beginChange, endChanges } from "./records.ts";
import type { Nic } from "./spec.ts";
import type { PortTicket } from "./state.ts";

/** What names a port: its record in the ledger is made of no more. */
export type PortIdentity = Pick<PortTicket, "name" | "nic">;

export interface Leftover {
  readonly ticket: PortIdentity;
  readonly reason: string;
}

/** What the driver has under a port's name. */
type Presence = "the port" | "another" | "nothing";

const LEFT_BY_A_CRASH = "it was being made or deleted when the agent ended";

/** The name proves nothing by itself: it can be somebody else's port by now. */
function presenceOf({ name, nic }: PortIdentity, ports: readonly PortInfo[]): Presence {
  const found = ports.find((port) => port.name === name);
  if (found === undefined) return "nothing";
  return found.mac === nic.mac ? "the port" : "another";
}

export class PortDevices {
  readonly #driver: Driver;
  readonly #datalinks: Datalinks;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #tell: Tell;
  /** Ports that were handed out, until they are deleted: whose creation failed, of those there is nothing to tell. */
  readonly #handedOut = new Set<string>();
  readonly #leftovers = new Map<string, Leftover>();
  /** Never goes back: a name is used once, also when its creation failed. */
  #next = 0;

  constructor(driver: Driver, datalinks: Datalinks, ledger: Ledger, log: Log, tell: Tell) {
    this.#driver = driver;
    this.#datalinks = datalinks;
    this.#ledger = ledger;
    this.#log = log;
    this.#tell = tell;
  }

  get leftoverCount(): number {
    return this.#leftovers.size;
  }

  get leftovers(): readonly Leftover[] {
    return [...this.#leftovers.values()];
  }

  leftover(name: string): Leftover | undefined {
    return this.#leftovers.get(name);
  }

  /** A port of an earlier run. Until it is claimed it is a leftover of it. */
  recall({ name, nic }: PortIdentity): void {
    this.#next = Math.max(this.#next, Number(/\d+$/.exec(name)?.[0] ?? -1) + 1);
    this.#leftovers.set(name, { ticket: { name, nic }, reason: LEFT_BY_A_CRASH });
  }

  /** It is a VMM's: told of from now on. */
  handOut(name: string): void {
    this.#leftovers.delete(name);
    this.#handedOut.add(name);
  }

  /** It stays as it is and is not ours any more. */
  disown(name: string): void {
    this.#leftovers.delete(name);
    this.#ledger.note(endChanges(name));
  }

  /** Names that something bears are passed over. Resolves to the name; `undo` takes the device away again. */
  async create(nic: Nic, request: Omit<CreateXde, "name" | "linkId">, undo: Undo): Promise<string> {
    for (;;) {
      const name = `opte${this.#next++}`;
      if (await this.#datalinks.isTaken(name)) continue;
      const port: PortIdentity = { name, nic };
      // Before the id is made: a crash in between leaves something to look for.
      await this.#ledger.record([beginChange(port)]);
      const linkId = await this.#createLink(port, undo);
      if (linkId !== undefined && (await this.#createXde(port, { ...request, name, linkId }, undo))) return name;
    }
  }

  async #createLink(port: PortIdentity, undo: Undo): Promise<number | undefined> {
    try {
      const linkId = await this.#datalinks.create(port.name);
      // Somebody was faster, and it is theirs.
      if (linkId === undefined) this.#ledger.note(endChanges(port.name));
      return linkId;
    } catch (error) {
      // Somebody can have taken the name meanwhile.
      undo(() => this.#takeBack(port, undefined));
      throw error;
    }
  }

  /** Answers whether it is made: a port can bear the name without a datalink id. */
  async #createXde(port: PortIdentity, request: CreateXde, undo: Undo): Promise<boolean> {
    try {
      await this.#driver.createXde(request);
    } catch (error) {
      if (isOpte(error, "PortExists")) {
        await this.#remove(port, "nothing");
        return false;
      }
      undo(() => this.#takeBack(port, mayHaveTakenEffect(error) ? undefined : "nothing"));
      if (isOpte(error, "MacExists")) {
        throw nicExists(
          port.nic,
          "the driver has a port with it that this agent did not make; adopt that port, or delete it",
        );
      }
      throw error;
    }
    undo(() => this.#takeBack(port, "the port"));
    return true;
  }

  async #takeBack(port: PortIdentity, presence: Presence | undefined): Promise<void> {
    if (await this.#remove(port, presence)) return;
    const reason = this.#leftovers.get(port.name)?.reason;
    throw new SledcastError("driver-busy", `port ${port.name} is left over: ${reason}`);
  }

  /**
   * Never fails: what does not go is left over. Answers whether it is gone. `uncertain`: time has
   * passed since it was known to be the driver's port of that name, which can be another's by now.
   */
  remove(port: PortIdentity, uncertain: boolean): Promise<boolean> {
    return this.#remove(port, uncertain ? undefined : "the port");
  }

  /** Tries all leftovers again. */
  async repair(): Promise<void> {
    if (this.#leftovers.size === 0) return;
    let ports: readonly PortInfo[];
    try {
      ports = await this.#driver.listPorts();
    } catch (error) {
      for (const { ticket } of this.leftovers) this.#keep(ticket, messageOf(error));
      return;
    }
    for (const { ticket } of this.leftovers) await this.#remove(ticket, presenceOf(ticket, ports));
  }

  /** `known` undefined: the driver is asked. */
  async #remove(port: PortIdentity, known: Presence | undefined): Promise<boolean> {
    const { name } = port;
    let presence: Presence;
    let hadLink = false;
    try {
      presence = known ?? presenceOf(port, await this.#driver.listPorts());
      if (presence === "the port" && !(await this.#deleteXde(name))) presence = "nothing";
      if (presence !== "another") hadLink = await this.#datalinks.destroy(name);
    } catch (error) {
      this.#keep(port, messageOf(error));
      return false;
    }
    this.#ledger.note(endChanges(name));
    if (this.#handedOut.delete(name)) this.#tell("port", { name, change: "deleted" });
    this.#sayGone(name, presence, hadLink);
    return true;
  }

  #sayGone(name: string, presence: Presence, hadLink: boolean): void {
    const left = this.#leftovers.get(name);
    this.#leftovers.delete(name);
    if (left === undefined) {
      if (presence === "the port") this.#log.info({ port: name }, "port deleted");
      return;
    }
    const fields = { port: name, left: left.reason };
    if (presence === "the port") this.#log.info(fields, "port that was left over is deleted");
    else if (presence === "another")
      this.#log.info(fields, "port that was left over is gone; its name is another's now");
    else if (hadLink) this.#log.info(fields, "port that was left over is gone; its datalink id is given back");
    else this.#log.info(fields, "port that was left over is gone");
  }

  /** Answers whether there was one. */
  async #deleteXde(name: string): Promise<boolean> {
    try {
      await this.#driver.deleteXde(name);
      return true;
    } catch (error) {
      if (isOpte(error, "PortNotFound")) return false;
      throw error;
    }
  }

  #keep({ name, nic }: PortIdentity, reason: string): void {
    if (!this.#leftovers.has(name)) {
      this.#log.warn({ port: name, error: reason }, "port could not be deleted; it will be retried");
      if (this.#handedOut.has(name)) this.#tell("port", { name, change: "busy" });
    }
    this.#leftovers.set(name, { ticket: { name, nic }, reason });
  }
}

export function nicExists(nic: Nic, why: string): SledcastError {
  return new SledcastError("conflict", `NIC ${nic.id} (VNI ${nic.vni}, MAC ${nic.mac}) exists: ${why}`);
}
