/**
 * The VMMs of this sled: which ports and memberships a propolis id has. Called in the lane only.
 * Memberships are for the primary port; one that has no port yet is recorded and waits. What is
 * answered is in the ledger: a change that cannot be recorded is taken back.
 */
import { messageOf, SledcastError } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import { withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Flows } from "../multicast/flows.ts";
import type { MemberState } from "../multicast/member-state.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { MulticastAddr } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import { compareIp } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import { membershipFilter } from "../opte/filter.ts";
import type { PortInfo } from "../opte/types.ts";
import type { PortManager, PortTicket } from "../ports/manager.ts";
import type { Uuid } from "../uuid.ts";
import { Moves } from "./moves.ts";
import { changesOf, membershipChange, readVmms, removalOf, vmmChange } from "./records.ts";
import {
  type AdoptedVmm,
  type Membership,
  primaryPort,
  type RegisteredVmm,
  type Registration,
  type Vmm,
  type VmmState,
} from "./vmm.ts";

export interface MembershipStatus extends Membership {
  readonly status: MemberState;
}

const MAX_GENERATION = 0xffff_ffff_ffff_ffffn;
const NO_PRIMARY = { state: "pending", reason: "the VMM has no primary port" } as const;

interface Parts {
  readonly driver: Driver;
  readonly ports: PortManager;
  readonly subscriptions: Subscriptions;
  readonly flows: Flows;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly tell?: Tell;
}

export class Vmms {
  readonly #driver: Driver;
  readonly #ports: PortManager;
  readonly #subscriptions: Subscriptions;
  readonly #flows: Flows;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #tell: Tell;
  /** Of memberships, from one port to another or to none. */
  readonly moves: Moves;
  readonly #vmms = new Map<Uuid, Vmm>();
  readonly #owners = new Map<string, Uuid>();

  constructor({ driver, ports, subscriptions, flows, ledger, log, tell = TELL_NOBODY }: Parts) {
    this.#driver = driver;
    this.#ports = ports;
    this.#subscriptions = subscriptions;
    this.#flows = flows;
    this.#ledger = ledger;
    this.#log = log;
    this.#tell = tell;
    this.moves = new Moves(subscriptions, ledger, log);
    const { vmms, tidying } = readVmms(ledger, (port) => ports.claim(port));
    ledger.note(tidying);
    for (const vmm of vmms) this.#recall(vmm);
  }

  /** A VMM of an earlier run. Its memberships wait until the start comes to them. */
  #recall(vmm: Vmm): void {
    this.#put(vmm);
    for (const { name } of vmm.ports) this.#flows.addPort(name);
    const primary = primaryPort(vmm);
    if (primary === undefined) return;
    for (const [group, sources] of vmm.memberships) {
      this.#subscriptions.recall(primary, group, membershipFilter(sources));
    }
  }

  get size(): number {
    return this.#vmms.size;
  }

  get(id: Uuid): Vmm | undefined {
    return this.#vmms.get(id);
  }

  list(): Vmm[] {
    return [...this.#vmms.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Also of a VMM whose registration or adoption is under way. */
  ownerIdOf(port: string): Uuid | undefined {
    return this.#owners.get(port);
  }

  ownerOf(port: string): Vmm | undefined {
    const id = this.#owners.get(port);
    return id === undefined ? undefined : this.#vmms.get(id);
  }

  require(id: Uuid): Vmm {
    const vmm = this.#vmms.get(id);
    if (vmm === undefined) throw new SledcastError("no-such-instance", `no VMM ${id} on this sled`);
    return vmm;
  }

  /** Makes the VMM's ports and memberships. Again with the same instance: what is there, and the new body is ignored. */
  async register(id: Uuid, registration: Registration): Promise<Vmm> {
    const existing = this.#vmms.get(id);
    if (existing !== undefined) return sameInstance(existing, registration);
    const vmm = await withUndo(async (undo) => {
      const made: PortTicket[] = [];
      for (const spec of registration.ports) {
        const ticket = await this.#ports.create(spec);
        made.push(ticket);
        this.#owners.set(ticket.name, id);
        this.#tell("port", { name: ticket.name, change: "created", propolis_id: id });
        undo(() => this.#dropPort(ticket));
        this.#flows.addPort(ticket.name);
      }
      const primary = made.find(({ nic }) => nic.primary)?.name;
      for (const { group, sources } of registration.memberships) {
        if (primary !== undefined) await this.#subscriptions.join(primary, group, membershipFilter(sources));
      }
      const complete = registeredVmm(id, registration, made);
      await this.#ledger.record(changesOf(complete));
      return complete;
    });
    this.#put(vmm);
    if (primaryPort(vmm) === undefined)
      for (const one of registration.memberships) this.#tellWaiting(id, one, "pending");
    const ports = vmm.ports.map(({ name }) => name);
    this.#log.info({ propolis_id: id, instance_id: registration.instanceId, ports }, "VMM registered");
    return vmm;
  }

  /** Forgets the VMM; its ports are deleted if they were made here, and only unsubscribed if they were adopted. */
  async unregister(id: Uuid): Promise<Vmm | undefined> {
    const vmm = this.#vmms.get(id);
    if (vmm === undefined) {
      this.#log.debug({ propolis_id: id }, "unregistered an unknown VMM");
      return undefined;
    }
    if (vmm.origin === "adopted") await this.#releaseAdopted(vmm);
    else await this.#forget(vmm);
    this.#log.info({ propolis_id: id, ports: vmm.ports.map(({ name }) => name) }, "VMM unregistered");
    return { ...vmm, runtime: next(vmm, "failed") };
  }

  /** An unknown VMM is no error: its membership ends with it, and an early one comes with its registration. */
  async join(id: Uuid, { group, sources }: Membership): Promise<void> {
    const vmm = this.#vmms.get(id);
    if (vmm === undefined) {
      this.#log.debug({ propolis_id: id, group }, "join for an unknown VMM");
      return;
    }
    const primary = primaryPort(vmm);
    const before = vmm.memberships.get(group);
    await withUndo(async (undo) => {
      if (primary !== undefined) {
        await this.#subscriptions.join(primary, group, membershipFilter(sources));
        undo(() => this.#takeBack(primary, group, before));
      }
      if (before?.join() !== sources.join()) await this.#ledger.record([membershipChange(id, group, sources)]);
    });
    if (primary === undefined && before?.join() !== sources.join()) {
      this.#tellWaiting(id, { group, sources }, "pending");
    }
    vmm.memberships.set(group, sources);
  }

  async leave(id: Uuid, group: MulticastAddr): Promise<void> {
    const vmm = this.#vmms.get(id);
    if (vmm === undefined) {
      this.#log.debug({ propolis_id: id, group }, "leave for an unknown VMM");
      return;
    }
    const primary = primaryPort(vmm);
    const before = vmm.memberships.get(group);
    await withUndo(async (undo) => {
      if (primary !== undefined) {
        await this.#subscriptions.leave(primary, group);
        undo(() => this.#takeBack(primary, group, before));
      }
      if (before !== undefined) await this.#ledger.record([membershipChange(id, group, undefined)]);
    });
    if (primary === undefined && before !== undefined) this.#tellWaiting(id, { group, sources: before }, "ended");
    vmm.memberships.delete(group);
  }

  async putState(id: Uuid, state: VmmState): Promise<Vmm> {
    const before = this.require(id);
    const vmm: Vmm = { ...before, runtime: next(before, state) };
    await this.#ledger.record([vmmChange(vmm)]);
    this.#put(vmm);
    this.#log.info({ propolis_id: id, state, gen: String(vmm.runtime.gen) }, "VMM state changed");
    return vmm;
  }

  /** Takes ports that exist in the driver as a VMM's own; again replaces them, memberships following the primary. */
  async adopt(id: Uuid, names: readonly string[], primary: string): Promise<void> {
    const existing = this.#vmms.get(id);
    if (existing?.origin === "registered") {
      throw new SledcastError("conflict", `VMM ${id} was registered and has its own ports; unregister it first`);
    }
    await this.#requireAdoptable(id, names);
    const ports = names.map((name) => ({ name, primary: name === primary }));
    const base: AdoptedVmm = existing ?? {
      id,
      origin: "adopted",
      runtime: { state: "running", gen: 1n, timeUpdated: new Date().toISOString() },
      ports: [],
      memberships: new Map(),
    };
    const vmm: AdoptedVmm = { ...base, ports };
    await this.#moveMemberships(base, primaryPort(base), primary, [vmmChange(vmm)]);
    for (const { name } of base.ports) {
      this.#owners.delete(name);
      this.#flows.removePort(name);
      if (!names.includes(name)) this.#tell("port", { name, change: "released", propolis_id: id });
    }
    for (const name of names) {
      this.#flows.addPort(name);
      const had = base.ports.some((port) => port.name === name);
      if (!had) this.#tell("port", { name, change: "adopted", propolis_id: id });
    }
    this.#put(vmm);
    this.#log.info({ propolis_id: id, ports: names, primary }, "ports adopted");
  }

  /** Memberships that wait because their VMM has no primary port; those with one are the subscriptions' to tell. */
  *withoutPort(): Iterable<{ readonly id: Uuid; readonly group: MulticastAddr; readonly reason: string }> {
    for (const vmm of this.#vmms.values()) {
      if (primaryPort(vmm) !== undefined) continue;
      for (const group of vmm.memberships.keys()) yield { id: vmm.id, group, reason: NO_PRIMARY.reason };
    }
  }

  /** By group. */
  memberships(vmm: Vmm): MembershipStatus[] {
    const primary = primaryPort(vmm);
    return [...vmm.memberships]
      .map(([group, sources]) => {
        const member = primary === undefined ? undefined : this.#subscriptions.members.get(primary, group);
        return { group, sources, status: member?.status ?? NO_PRIMARY };
      })
      .sort((a, b) => compareIp(a.group, b.group));
  }

  #put(vmm: Vmm): void {
    this.#vmms.set(vmm.id, vmm);
    for (const { name } of vmm.ports) this.#owners.set(name, vmm.id);
  }

  async #requireAdoptable(id: Uuid, names: readonly string[]): Promise<void> {
    const inDriver = new Set((await this.#driver.listPorts()).map(({ name }) => name));
    for (const name of names) {
      if (!inDriver.has(name)) throw new SledcastError("not-found", `ports: the driver has no port ${name}`);
      const owner = this.#owners.get(name);
      if (owner !== undefined && owner !== id) {
        throw new SledcastError("conflict", `ports: port ${name} belongs to VMM ${owner}`);
      }
      if (owner === undefined && this.#ports.isOurs(name)) {
        throw new SledcastError("conflict", `ports: port ${name} of an unregistered VMM is being deleted`);
      }
    }
  }

  /** `record`: what is recorded when they are moved. */
  async #moveMemberships(
    vmm: Vmm,
    from: string | undefined,
    to: string,
    record: readonly LedgerChange[],
  ): Promise<void> {
    if (from === to || vmm.memberships.size === 0) {
      await this.#ledger.record(record);
      return;
    }
    await this.moves.run(vmm, from === undefined ? [to] : [from, to], async (undo) => {
      if (!this.#owners.has(to)) undo(async () => this.#owners.delete(to));
      this.#owners.set(to, vmm.id);
      for (const [group, sources] of vmm.memberships) {
        const filter = membershipFilter(sources);
        if (from !== undefined) {
          await this.#subscriptions.leave(from, group);
          undo(() => this.#subscriptions.reinstate(from, group, filter));
        }
        await this.#subscriptions.join(to, group, filter);
        undo(() => this.#subscriptions.withdraw(to, group));
      }
      await this.#ledger.record([...record, this.moves.done(vmm.id)]);
    });
  }

  async #releaseAdopted(vmm: AdoptedVmm): Promise<void> {
    const primary = primaryPort(vmm);
    await this.moves.run(vmm, primary === undefined ? [] : [primary], async (undo) => {
      for (const [group, sources] of vmm.memberships) {
        if (primary === undefined) continue;
        await this.#subscriptions.leave(primary, group);
        undo(() => this.#subscriptions.reinstate(primary, group, membershipFilter(sources)));
      }
      await this.#ledger.record([...removalOf(vmm), this.moves.done(vmm.id)]);
    });
    for (const { name } of vmm.ports) {
      this.#flows.removePort(name);
      this.#owners.delete(name);
      this.#tell("port", { name, change: "released", propolis_id: vmm.id });
    }
    this.#vmms.delete(vmm.id);
  }

  /**
   * Registered VMMs of which the driver has no port any more, or has another's port of that name:
   * whatever was done to a port by its name would be done to that one.
   */
  lost(ports: readonly PortInfo[]): RegisteredVmm[] {
    const macs = new Map(ports.map(({ name, mac }) => [name, mac]));
    const isThere = ({ name }: PortTicket) => macs.has(name);
    const isAnothers = ({ name, nic }: PortTicket) => (macs.get(name) ?? nic.mac) !== nic.mac;
    return this.list().filter(
      (vmm): vmm is RegisteredVmm =>
        vmm.origin === "registered" &&
        vmm.tickets.length > 0 &&
        (!vmm.tickets.some(isThere) || vmm.tickets.some(isAnothers)),
    );
  }

  /** Forgets a VMM that the driver has lost: a reboot emptied it, or somebody deleted its ports. */
  async dropLost(vmm: RegisteredVmm): Promise<void> {
    await this.#forget(vmm, true);
    const fields = { propolis_id: vmm.id, ports: vmm.ports.map(({ name }) => name) };
    this.#log.warn(fields, "VMM dropped: its ports are gone from the driver; register it again");
  }

  /** From the record on it is decided: a crash before its ports are deleted leaves them to the next start. */
  async #forget(vmm: RegisteredVmm, lost = false): Promise<void> {
    // One that is lost would be found lost again, so a ledger that cannot be written does not keep it:
    // in the books still, it would have others' ports of its ports' names subscribed.
    if (lost) this.#ledger.note(removalOf(vmm));
    else await this.#ledger.record(removalOf(vmm));
    this.#vmms.delete(vmm.id);
    if (primaryPort(vmm) === undefined)
      for (const [group, sources] of vmm.memberships) this.#tellWaiting(vmm.id, { group, sources }, "ended");
    for (const ticket of vmm.tickets) await this.#release(ticket, lost);
  }

  /** The undo of a join or a leave. */
  #takeBack(port: string, group: MulticastAddr, before: readonly Ip[] | undefined): Promise<void> {
    return before === undefined
      ? this.#subscriptions.withdraw(port, group)
      : this.#subscriptions.reinstate(port, group, membershipFilter(before));
  }

  async #release(ticket: PortTicket, lost = false): Promise<boolean> {
    this.#flows.removePort(ticket.name);
    try {
      await this.#subscriptions.forgetPort(ticket.name);
      return await this.#ports.release(ticket, lost);
    } finally {
      this.#owners.delete(ticket.name);
    }
  }

  /** Of a VMM without a primary port: nothing more can become of its memberships. */
  #tellWaiting(id: Uuid, { group, sources }: Membership, state: "pending" | "ended"): void {
    const reason = state === "pending" ? NO_PRIMARY.reason : undefined;
    this.#tell("membership", { port: null, group, propolis_id: id, state, sources, reason });
  }

  async #dropPort(ticket: PortTicket): Promise<void> {
    if (await this.#release(ticket)) return;
    const reason = this.#ports.leftovers.find((leftover) => leftover.ticket === ticket)?.reason;
    throw new SledcastError("driver-busy", `port ${ticket.name} is left over: ${messageOf(reason)}`);
  }
}

function registeredVmm(id: Uuid, registration: Registration, tickets: readonly PortTicket[]): RegisteredVmm {
  const { instanceId, migrationId, body, runtime, memberships } = registration;
  // Of several NICs that call themselves primary the first one is, as in the original.
  const primary = tickets.find(({ nic }) => nic.primary);
  return {
    id,
    origin: "registered",
    registration: { instanceId, migrationId, body },
    registeredAt: new Date().toISOString(),
    runtime,
    tickets,
    ports: tickets.map((ticket) => ({ name: ticket.name, primary: ticket === primary })),
    memberships: new Map(memberships.map(({ group, sources }) => [group, sources])),
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

function next({ runtime }: Vmm, state: VmmState): Vmm["runtime"] {
  // A generation has 64 bits; the last one is not left.
  const gen = runtime.gen < MAX_GENERATION ? runtime.gen + 1n : MAX_GENERATION;
  return { state, gen, timeUpdated: new Date().toISOString() };
}
