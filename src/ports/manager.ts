/**
 * PortManager: makes OPTE ports and takes them away, leaving nothing behind.
 *
 * Every step of a creation has its undo. A port that could not be deleted (somebody has its link
 * open) is a leftover: it is tried again until it is gone, and nobody waits for it. A port is in the
 * ledger from before it is made until after it is gone; one that no VMM has at the next start is a
 * leftover of a crash.
 */
import { messageOf, SledcastError } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { Datalinks } from "../host/datalinks.ts";
import { type Ledger, SALVAGED } from "../intent/ledger.ts";
import { type Undo, withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Ipv6 } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte, mayHaveTakenEffect } from "../opte/error.ts";
import type { CreateXde } from "../opte/types.ts";
import { firewallRules } from "./firewall.ts";
import { Routes } from "./routes.ts";
import type { Nic, PortSpec } from "./spec.ts";
import { vpcCfg } from "./vpc-cfg.ts";

/** The right to a port that was made here; giving it back (`PortManager.release`) deletes the port. */
export interface PortTicket {
  readonly name: string;
  readonly nic: Nic;
}

export interface Leftover {
  readonly ticket: PortTicket;
  readonly reason: string;
}

type PortRecord = Omit<PortTicket, "name">;

const PREFIX = "port ";
const LEFT_BY_A_CRASH = "it was being made or deleted when the agent ended";

const macKey = ({ vni, mac }: Pick<Nic, "vni" | "mac">) => `${vni} ${mac}`;

export class PortManager {
  readonly #driver: Driver;
  readonly #datalinks: Datalinks;
  readonly #physIp: Ipv6;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #routes: Routes;
  readonly #tell: Tell;
  /** Ports that were handed out, until they are deleted: whose creation failed, of those there is nothing to tell. */
  readonly #handedOut = new Set<string>();
  /** Live ports of ours by name, and which of them has a (VNI, MAC). */
  readonly #ports = new Map<string, PortTicket>();
  readonly #macs = new Map<string, string>();
  readonly #leftovers = new Map<string, Leftover>();
  /** Never goes back: a name is used once, also when its creation failed. */
  #next = 0;

  constructor(driver: Driver, datalinks: Datalinks, physIp: Ipv6, ledger: Ledger, log: Log, tell: Tell = TELL_NOBODY) {
    this.#driver = driver;
    this.#datalinks = datalinks;
    this.#physIp = physIp;
    this.#ledger = ledger;
    this.#log = log;
    this.#routes = new Routes(driver);
    this.#tell = tell;
    for (const [key, kept] of ledger.entries(PREFIX)) this.#recall(key.slice(PREFIX.length), kept as PortRecord);
  }

  /** Until a VMM claims it, a port of an earlier run is a leftover of it. */
  #recall(name: string, record: PortRecord): void {
    this.#next = Math.max(this.#next, Number(/\d+$/.exec(name)?.[0] ?? -1) + 1);
    this.#leftovers.set(name, { ticket: { name, ...record }, reason: LEFT_BY_A_CRASH });
  }

  /** A port of an earlier run that a VMM has. Undefined: none of that name was made here. */
  claim(name: string): PortTicket | undefined {
    const ticket = this.#leftovers.get(name)?.ticket;
    if (ticket === undefined) return undefined;
    this.#leftovers.delete(name);
    this.#routes.hold(name, ticket.nic);
    this.#add(ticket);
    this.#handedOut.add(name);
    return ticket;
  }

  /**
   * After a repair of the ledger: ports that no VMM has may be those of one that was lost with it, and
   * in use. They are left in the driver, as somebody else's.
   */
  disownUnclaimed(): void {
    if (this.#ledger.get(SALVAGED) === undefined) return;
    for (const name of this.#leftovers.keys()) {
      this.#ledger.note([{ key: PREFIX + name, value: undefined }]);
      this.#log.warn(
        { port: name },
        "the ledger was repaired and says of no VMM that it has this port: it is left as somebody else's; adopt it, or delete it",
      );
    }
    this.#leftovers.clear();
    this.#ledger.note([{ key: SALVAGED, value: undefined }]);
  }

  #add(ticket: PortTicket): void {
    this.#ports.set(ticket.name, ticket);
    this.#macs.set(macKey(ticket.nic), ticket.name);
  }

  /** How many things are broken: cheap to ask. */
  get brokenCount(): number {
    return this.#leftovers.size;
  }

  get leftovers(): readonly Leftover[] {
    return [...this.#leftovers.values()];
  }

  isOurs(name: string): boolean {
    return this.#ports.has(name) || this.#leftovers.has(name);
  }

  vniOf(name: string): number | undefined {
    return (this.#ports.get(name) ?? this.#leftovers.get(name)?.ticket)?.nic.vni;
  }

  async create(spec: PortSpec): Promise<PortTicket> {
    await this.#refuseTaken(spec.nic);
    const ticket = await withUndo(async (undo) => {
      const made = await this.#createDevice(spec, undo);
      const port = made.name;
      if (spec.nic.kind === "instance") {
        await this.#driver.setExternalIps({ port, ...spec.externalIps, internetGateways: undefined });
      }
      await this.#driver.setFwRules({ port, rules: firewallRules(spec.firewall, spec.nic) });
      undo(async () => this.#routes.release(port, spec.nic));
      await this.#routes.acquire(port, spec.nic);
      return made;
    });
    this.#add(ticket);
    this.#log.info({ port: ticket.name, mac: spec.nic.mac, vni: spec.nic.vni }, "port created");
    this.#handedOut.add(ticket.name);
    return ticket;
  }

  /**
   * Deletes the port. Never fails: what the driver does not let go is a leftover. Answers whether it
   * is gone. `lost`: it is gone from the driver, where its name may be another's by now.
   */
  async release(ticket: PortTicket, lost = false): Promise<boolean> {
    this.#routes.release(ticket.name, ticket.nic);
    this.#ports.delete(ticket.name);
    if (this.#macs.get(macKey(ticket.nic)) === ticket.name) this.#macs.delete(macKey(ticket.nic));
    return this.#deleteOrKeep(ticket, lost);
  }

  /** Tries to delete what is left over. */
  async repair(): Promise<void> {
    for (const { ticket } of this.leftovers) await this.#deleteOrKeep(ticket, true);
  }

  async #refuseTaken(nic: Nic): Promise<void> {
    const holder = this.#macs.get(macKey(nic));
    if (holder !== undefined) throw nicExists(nic, `it is port ${holder} on this sled already`);
    for (const { ticket } of this.leftovers) {
      if (macKey(ticket.nic) !== macKey(nic) || (await this.#deleteOrKeep(ticket, true))) continue;
      throw nicExists(nic, `port ${ticket.name} of an earlier VMM has it and cannot be deleted yet; it is retried`);
    }
  }

  /** The first two steps: a datalink id, and the device of that name. Names that others took are passed over. */
  async #createDevice(spec: PortSpec, undo: Undo): Promise<PortTicket> {
    const cfg = vpcCfg(spec, this.#physIp);
    for (;;) {
      const name = `opte${this.#next++}`;
      const linkId = await this.#datalinks.create(name);
      if (linkId === undefined) continue;
      const ticket: PortTicket = { name, nic: spec.nic };
      await this.#recordBegin(ticket, undo);
      if (await this.#tryName(ticket, { linkId, name, cfg, mtu: spec.mtu }, undo)) return ticket;
    }
  }

  /** Before the port is made: a crash in between leaves something to look for. */
  async #recordBegin({ name, nic }: PortTicket, undo: Undo): Promise<void> {
    try {
      await this.#ledger.record([{ key: PREFIX + name, value: { nic } satisfies PortRecord }]);
    } catch (error) {
      undo(() => this.#datalinks.destroy(name));
      throw error;
    }
  }

  /** The port is not, or no more. */
  async #forget({ name }: PortTicket): Promise<void> {
    this.#ledger.note([{ key: PREFIX + name, value: undefined }]);
    await this.#datalinks.destroy(name);
  }

  async #tryName(ticket: PortTicket, request: CreateXde, undo: Undo): Promise<boolean> {
    try {
      await this.#driver.createXde(request);
    } catch (error) {
      if (isOpte(error, "PortExists")) {
        await this.#forget(ticket);
        return false;
      }
      undo(() => (mayHaveTakenEffect(error) ? this.#undoCreate(ticket, true) : this.#forget(ticket)));
      if (isOpte(error, "MacExists"))
        throw nicExists(
          ticket.nic,
          "the driver has a port with it that this agent did not make; adopt that port, or delete it",
        );
      throw error;
    }
    undo(() => this.#undoCreate(ticket));
    return true;
  }

  async #undoCreate(ticket: PortTicket, uncertain = false): Promise<void> {
    if (await this.#deleteOrKeep(ticket, uncertain)) return;
    throw new SledcastError(
      "driver-busy",
      `port ${ticket.name} is left over: ${this.#leftovers.get(ticket.name)?.reason}`,
    );
  }

  /**
   * `uncertain`: the port's creation failed and may have happened, or time has passed since it was
   * known to be there. Its name alone proves nothing then, it can be somebody else's port, so only
   * one with our MAC is deleted.
   */
  async #deleteOrKeep(ticket: PortTicket, uncertain: boolean): Promise<boolean> {
    let existed = true;
    try {
      existed = !uncertain || (await this.#driverHas(ticket));
      if (existed) await this.#driver.deleteXde(ticket.name);
    } catch (error) {
      if (!isOpte(error, "PortNotFound")) {
        this.#keep({ ticket, reason: messageOf(error) });
        return false;
      }
    }
    await this.#forget(ticket);
    this.#leftovers.delete(ticket.name);
    if (this.#handedOut.delete(ticket.name)) this.#tell("port", { name: ticket.name, change: "deleted" });
    if (existed) this.#log.info({ port: ticket.name }, "port deleted");
    return true;
  }

  async #driverHas({ name, nic }: PortTicket): Promise<boolean> {
    return (await this.#driver.listPorts()).some((port) => port.name === name && port.mac === nic.mac);
  }

  #keep(leftover: Leftover): void {
    const { name } = leftover.ticket;
    if (!this.#leftovers.has(name)) {
      this.#log.warn({ port: name, error: leftover.reason }, "port could not be deleted; it will be retried");
      if (this.#handedOut.has(name)) this.#tell("port", { name, change: "busy" });
    }
    this.#leftovers.set(name, leftover);
  }
}

function nicExists(nic: Nic, why: string): SledcastError {
  return new SledcastError("conflict", `NIC ${nic.id} (VNI ${nic.vni}, MAC ${nic.mac}) exists: ${why}`);
}
