/**
 * The VMMs of this sled: which ports and memberships a propolis id has. Called in the lane only.
 * Memberships are for the primary port; one that has no port yet is recorded and waits. What is
 * answered is in the ledger: a change that cannot be recorded is taken back.
 */
import { SledcastError } from "../error.ts";
import { TELL_NOBODY, type Tell } from "../events.ts";
import type { Ledger } from "../intent/ledger.ts";
import { withUndo } from "../intent/undo.ts";
import type { Log } from "../log.ts";
import type { Flows } from "../multicast/flows.ts";
import type { MemberState } from "../multicast/member-state.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { MulticastAddr } from "../net/group.ts";
import { compareIp, type Ip } from "../net/ip.ts";
import { membershipFilter } from "../opte/filter.ts";
import type { PortInfo } from "../opte/types.ts";
import type { PortTicket } from "../ports/state.ts";
import type { Uuid } from "../uuid.ts";
import { Adoptions } from "./adoptions.ts";
import { VmmBook } from "./book.ts";
import { Moves } from "./moves.ts";
import type { VmmParts } from "./parts.ts";
import { NO_PRIMARY, tellWaiting, waitingForPort } from "./portless.ts";
import { bodyOf, membershipChange, readVmms, vmmChange } from "./records.ts";
import { Registrations } from "./registrations.ts";
import {
  type Membership,
  primaryPort,
  primaryTicket,
  type RegisteredVmm,
  type Registration,
  type Vmm,
  type VmmState,
} from "./vmm.ts";

export interface MembershipStatus extends Membership {
  readonly status: MemberState;
}

const MAX_GENERATION = 0xffff_ffff_ffff_ffffn;

export class Vmms {
  readonly #subscriptions: Subscriptions;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #tell: Tell;
  /** Of memberships, from one port to another or to none. */
  readonly moves: Moves;
  readonly #book = new VmmBook();
  readonly #registrations: Registrations;
  readonly #adoptions: Adoptions;

  constructor({ tell = TELL_NOBODY, ...parts }: Omit<VmmParts, "tell"> & { readonly tell?: Tell }) {
    const { ports, subscriptions, flows, ledger, log } = parts;
    this.#subscriptions = subscriptions;
    this.#ledger = ledger;
    this.#log = log;
    this.#tell = tell;
    this.moves = new Moves(subscriptions, ledger, log);
    this.#registrations = new Registrations({ ...parts, tell }, this.#book);
    this.#adoptions = new Adoptions({ ...parts, tell }, this.#book, this.moves);
    const { vmms, tidying } = readVmms(ledger, (port) => ports.claim(port));
    ledger.note(tidying);
    for (const vmm of vmms) this.#recall(vmm, flows);
  }

  /** A VMM of an earlier run. Its memberships wait until the start comes to them. */
  #recall(vmm: Vmm, flows: Flows): void {
    this.#book.put(vmm);
    for (const { name } of vmm.ports) flows.addPort(name);
    const primary = primaryPort(vmm);
    if (primary === undefined) return;
    for (const [group, sources] of vmm.memberships) {
      this.#subscriptions.recall(primary, group, membershipFilter(sources));
    }
  }

  get size(): number {
    return this.#book.size;
  }

  get(id: Uuid): Vmm | undefined {
    return this.#book.get(id);
  }

  list(): Vmm[] {
    return this.#book.list();
  }

  /** Also of a VMM whose registration or adoption is under way. */
  ownerIdOf(port: string): Uuid | undefined {
    return this.#book.ownerIdOf(port);
  }

  ownerOf(port: string): Vmm | undefined {
    return this.#book.ownerOf(port);
  }

  require(id: Uuid): Vmm {
    return this.#book.require(id);
  }

  /** The body that registered the VMM, as it was sent; of one whose ports were adopted, "null". */
  registrationOf(id: Uuid): string {
    return this.#book.require(id).origin === "adopted" ? "null" : bodyOf(this.#ledger, id);
  }

  /** The port that a VMM's external addresses and subnets are on. Throws where there is none that is ours to change. */
  primaryTicket(id: Uuid): PortTicket {
    const vmm = this.#book.require(id);
    const ticket = primaryTicket(vmm);
    if (ticket !== undefined) return ticket;
    const port = primaryPort(vmm);
    const why =
      vmm.origin === "adopted"
        ? "adopted ports, which are theirs to change who made them"
        : port === undefined
          ? "no port of a primary NIC: register it with one"
          : `port ${port}, which a repair of the ledger has lost: unregister the VMM, delete the port, and register it again`;
    throw new SledcastError("conflict", `VMM ${id} has ${why}`);
  }

  /** Makes the VMM's ports and memberships. Again with the same instance: what is there, and the new body is ignored. */
  register(id: Uuid, registration: Registration): Promise<Vmm> {
    return this.#registrations.register(id, registration);
  }

  /** Takes ports that exist in the driver as a VMM's own; again replaces them, memberships following the primary. */
  adopt(id: Uuid, names: readonly string[], primary: string): Promise<void> {
    return this.#adoptions.adopt(id, names, primary);
  }

  /** Registered VMMs whose ports the driver has not any more. */
  lost(ports: readonly PortInfo[]): RegisteredVmm[] {
    return this.#registrations.lost(ports);
  }

  dropLost(vmm: RegisteredVmm): Promise<void> {
    return this.#registrations.dropLost(vmm);
  }

  /** Forgets the VMM; its ports are deleted if they were made here, and only unsubscribed if they were adopted. */
  async unregister(id: Uuid): Promise<Vmm | undefined> {
    const vmm = this.#book.get(id);
    if (vmm === undefined) {
      this.#log.debug({ propolis_id: id }, "unregistered an unknown VMM");
      return undefined;
    }
    if (vmm.origin === "adopted") await this.#adoptions.release(vmm);
    else await this.#registrations.forget(vmm);
    this.#log.info({ propolis_id: id, ports: vmm.ports.map(({ name }) => name) }, "VMM unregistered");
    return { ...vmm, runtime: next(vmm, "failed") };
  }

  /** An unknown VMM is no error: its membership ends with it, and an early one comes with its registration. */
  async join(id: Uuid, { group, sources }: Membership): Promise<void> {
    const vmm = this.#book.get(id);
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
      tellWaiting(this.#tell, id, { group, sources }, "pending");
    }
    vmm.memberships.set(group, sources);
  }

  async leave(id: Uuid, group: MulticastAddr): Promise<void> {
    const vmm = this.#book.get(id);
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
    if (primary === undefined && before !== undefined) tellWaiting(this.#tell, id, { group, sources: before }, "ended");
    vmm.memberships.delete(group);
  }

  async putState(id: Uuid, state: VmmState): Promise<Vmm> {
    const before = this.#book.require(id);
    const vmm: Vmm = { ...before, runtime: next(before, state) };
    await this.#ledger.record([vmmChange(vmm)]);
    this.#book.put(vmm);
    this.#log.info({ propolis_id: id, state, gen: String(vmm.runtime.gen) }, "VMM state changed");
    return vmm;
  }

  /** Memberships that wait because their VMM has no primary port; those with one are the subscriptions' to tell. */
  withoutPort(): ReturnType<typeof waitingForPort> {
    return waitingForPort(this.#book.all());
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

  /** The undo of a join or a leave. */
  #takeBack(port: string, group: MulticastAddr, before: readonly Ip[] | undefined): Promise<void> {
    return before === undefined
      ? this.#subscriptions.withdraw(port, group)
      : this.#subscriptions.reinstate(port, group, membershipFilter(before));
  }
}

function next({ runtime }: Vmm, state: VmmState): Vmm["runtime"] {
  // A generation has 64 bits; the last one is not left.
  const gen = runtime.gen < MAX_GENERATION ? runtime.gen + 1n : MAX_GENERATION;
  return { state, gen, timeUpdated: new Date().toISOString() };
}
