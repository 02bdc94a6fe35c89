/** VMMs whose ports are made here, and deleted with them. */
import { messageOf, SledcastError } from "../error.ts";
import type { Tell } from "../events.ts";
import type { Ledger } from "../intent/ledger.ts";
import { withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Flows } from "../multicast/flows.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import { membershipFilter } from "../opte/filter.ts";
import type { PortInfo } from "../opte/types.ts";
import type { PortManager } from "../ports/manager.ts";
import type { PortTicket } from "../ports/state.ts";
import type { Uuid } from "../uuid.ts";
import type { VmmBook } from "./book.ts";
import type { VmmParts } from "./parts.ts";
import { tellWaiting } from "./portless.ts";
import { changesOf, removalOf } from "./records.ts";
import { primaryPort, type RegisteredVmm, type Registration, type Vmm, withMemberships } from "./vmm.ts";

export class Registrations {
  readonly #ports: PortManager;
  readonly #subscriptions: Subscriptions;
  readonly #flows: Flows;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #tell: Tell;
  readonly #book: VmmBook;

  constructor({ ports, subscriptions, flows, ledger, log, tell }: VmmParts, book: VmmBook) {
    this.#ports = ports;
    this.#subscriptions = subscriptions;
    this.#flows = flows;
    this.#ledger = ledger;
    this.#log = log;
    this.#tell = tell;
    this.#book = book;
  }

  /** Makes the VMM's ports and memberships. Again with the same instance: what is there, and the new body is ignored. */
  async register(id: Uuid, registration: Registration): Promise<Vmm> {
    const existing = this.#book.get(id);
    if (existing !== undefined) return sameInstance(existing, registration);
    const vmm = await withUndo(async (undo) => {
      const made: PortTicket[] = [];
      for (const spec of registration.ports) {
        const ticket = await this.#ports.create(spec);
        made.push(ticket);
        this.#book.own(ticket.name, id);
        this.#tell("port", { name: ticket.name, change: "created", propolis_id: id });
        undo(() => this.#dropPort(ticket));
        this.#flows.addPort(ticket.name);
      }
      const primary = made.find(({ nic }) => nic.primary)?.name;
      for (const { group, sources } of registration.memberships) {
        if (primary !== undefined) await this.#subscriptions.join(primary, group, membershipFilter(sources));
      }
      const complete = registeredVmm(id, registration, made);
      await this.#ledger.record([...this.#ports.recordsOf(made), ...changesOf(complete, registration.body)]);
      return complete;
    });
    this.#book.put(vmm);
    if (primaryPort(vmm) === undefined)
      for (const one of registration.memberships) tellWaiting(this.#tell, id, one, "pending");
    const ports = vmm.ports.map(({ name }) => name);
    this.#log.info({ propolis_id: id, instance_id: registration.instanceId, ports }, "VMM registered");
    return vmm;
  }

  /**
   * Registered VMMs of which the driver has no port any more, or has another's port of that name:
   * whatever was done to a port by its name would be done to that one.
   */
  lost(ports: readonly PortInfo[]): RegisteredVmm[] {
    const macs = new Map(ports.map(({ name, mac }) => [name, mac]));
    const isThere = ({ name }: PortTicket) => macs.has(name);
    const isAnothers = ({ name, nic }: PortTicket) => (macs.get(name) ?? nic.mac) !== nic.mac;
    return this.#book
      .list()
      .filter(
        (vmm): vmm is RegisteredVmm =>
          vmm.origin === "registered" &&
          vmm.tickets.length > 0 &&
          (!vmm.tickets.some(isThere) || vmm.tickets.some(isAnothers)),
      );
  }

  /** Forgets a VMM that the driver has lost: a reboot emptied it, or somebody deleted its ports. */
  async dropLost(vmm: RegisteredVmm): Promise<void> {
    await this.forget(vmm, true);
    const fields = { propolis_id: vmm.id, ports: vmm.ports.map(({ name }) => name) };
    this.#log.warn(fields, "VMM dropped: its ports are gone from the driver; register it again");
  }

  /** From the record on it is decided: a crash before its ports are deleted leaves them to the next start. */
  async forget(vmm: RegisteredVmm, lost = false): Promise<void> {
    // One that is lost would be found lost again, so a ledger that cannot be written does not keep it:
    // in the books still, it would have others' ports of its ports' names subscribed.
    if (lost) this.#ledger.note(removalOf(vmm));
    else await this.#ledger.record(removalOf(vmm));
    this.#book.remove(vmm.id);
    if (primaryPort(vmm) === undefined)
      for (const [group, sources] of vmm.memberships) tellWaiting(this.#tell, vmm.id, { group, sources }, "ended");
    for (const ticket of vmm.tickets) await this.#release(ticket, lost);
  }

  async #release(ticket: PortTicket, lost = false): Promise<boolean> {
    this.#flows.removePort(ticket.name);
    try {
      await this.#subscriptions.forgetPort(ticket.name);
      return await this.#ports.release(ticket, lost);
    } finally {
      this.#book.disown(ticket.name);
    }
  }

  async #dropPort(ticket: PortTicket): Promise<void> {
    if (await this.#release(ticket)) return;
    const reason = this.#ports.leftovers.find((leftover) => leftover.ticket.name === ticket.name)?.reason;
    throw new SledcastError("driver-busy", `port ${ticket.name} is left over: ${messageOf(reason)}`);
  }
}

function registeredVmm(id: Uuid, registration: Registration, tickets: readonly PortTicket[]): RegisteredVmm {
  const { instanceId, migrationId, runtime, memberships } = registration;
  // Of several NICs that call themselves primary the first one is, as in the original.
  const primary = tickets.find(({ nic }) => nic.primary);
  return {
    id,
    origin: "registered",
    registration: { instanceId, migrationId },
    registeredAt: new Date().toISOString(),
    runtime,
    tickets,
    ports: tickets.map((ticket) => ({ name: ticket.name, primary: ticket === primary })),
    memberships: withMemberships(primary, memberships),
  };
}

function sameInstance(existing: Vmm, { instanceId }: Registration): Vmm {
  if (existing.origin === "adopted") {
    throw new SledcastError("conflict", `VMM ${existing.id} has adopted ports; unregister it first`);
  }
  if (existing.registration.instanceId !== instanceId) {
    throw new SledcastError(
      "conflict",
      `VMM ${existing.id} is registered for instance ${existing.registration.instanceId}, not ${instanceId}`,
    );
  }
  return existing;
}
