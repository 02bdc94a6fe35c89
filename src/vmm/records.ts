/**
 * VMMs as the ledger keeps them: an entry for each VMM, one for the body that registered it and one
 * for each membership, so that a join or a new state costs what it changes.
 */
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import type { MulticastAddr, UnderlayGroup } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { PortTicket } from "../ports/state.ts";
import type { Uuid } from "../uuid.ts";
import {
  type Membership,
  type RegisteredVmm,
  type Vmm,
  type VmmPort,
  type VmmRuntime,
  withMemberships,
} from "./vmm.ts";

interface VmmRecord {
  /** A generation has 64 bits, which a JSON number has not. */
  readonly runtime: Omit<VmmRuntime, "gen"> & { readonly gen: string };
  readonly ports: readonly VmmPort[];
  /** Left out: its ports were adopted. */
  readonly registered?: {
    /** Earlier ledgers have the body here. */
    readonly registration: RegisteredVmm["registration"] & { readonly body?: string };
    readonly registeredAt: string;
  };
}

/** Ports of a VMM whose memberships are being moved or ended, and under which underlay groups. */
export interface Move {
  readonly ports: readonly string[];
  readonly underlays: readonly UnderlayGroup[];
}

const VMM = "vmm ";
/** A megabyte, it may be, that never changes. */
const BODY = "registration ";
const MEMBER = "member ";
const MOVE = "move ";

/** The VMM without what is kept beside it. */
export function vmmChange(vmm: Vmm): LedgerChange {
  const { runtime, ports } = vmm;
  const value: VmmRecord = { runtime: { ...runtime, gen: String(runtime.gen) }, ports };
  if (vmm.origin === "adopted") return { key: VMM + vmm.id, value };
  const { registration, registeredAt } = vmm;
  return { key: VMM + vmm.id, value: { ...value, registered: { registration, registeredAt } } };
}

/** `sources` undefined: it ended. */
export function membershipChange(id: Uuid, group: MulticastAddr, sources: readonly Ip[] | undefined): LedgerChange {
  return { key: `${MEMBER}${id} ${group}`, value: sources };
}

/** Undefined: it is done. */
export function moveChange(id: Uuid, move: Move | undefined): LedgerChange {
  return { key: MOVE + id, value: move };
}

/** A registered VMM and all that is kept with it. */
export function changesOf(vmm: RegisteredVmm, body: string): LedgerChange[] {
  return [vmmChange(vmm), { key: BODY + vmm.id, value: body }, ...membershipsOf(vmm)];
}

function membershipsOf(vmm: Vmm): LedgerChange[] {
  return [...vmm.memberships].map(([group, sources]) => membershipChange(vmm.id, group, sources));
}

export function removalOf(vmm: Vmm): LedgerChange[] {
  const body = vmm.origin === "adopted" ? [] : [BODY + vmm.id];
  const keys = [VMM + vmm.id, ...body, ...membershipsOf(vmm).map(({ key }) => key)];
  return keys.map((key) => ({ key, value: undefined }));
}

/** The body that registered a VMM, which is not held beside the ledger. "null": a damaged ledger has lost it. */
export function bodyOf(ledger: Ledger, id: Uuid): string {
  return (ledger.get(BODY + id) as string | undefined) ?? "null";
}

/** The moves that a crash interrupted. */
export function readMoves(ledger: Ledger): readonly { readonly id: Uuid; readonly move: Move }[] {
  return [...ledger.entries(MOVE)].map(([key, move]) => ({ id: key.slice(MOVE.length) as Uuid, move: move as Move }));
}

export interface KeptVmms {
  /** In their order. */
  readonly vmms: readonly Vmm[];
  /**
   * Gives bodies the entry that earlier ledgers have not, and removes what is kept of VMMs that are
   * not: a ledger that was damaged and repaired can have lost the one and have the other, which a
   * later VMM of that id would find as its own.
   */
  readonly tidying: readonly LedgerChange[];
}

/** The VMMs of an earlier run. `claim` gives the ticket of a port that was made for one. */
export function readVmms(ledger: Ledger, claim: (port: string) => PortTicket | undefined): KeptVmms {
  const memberships = readMemberships(ledger);
  const bodies = new Set([...ledger.entries(BODY)].map(([key]) => key.slice(BODY.length)));
  const unkept: LedgerChange[] = [];
  const vmms = [...ledger.entries(VMM)].map(([key, record]): Vmm => {
    const id = key.slice(VMM.length) as Uuid;
    const { runtime, ports, registered } = record as VmmRecord;
    const common = { id, runtime: { ...runtime, gen: BigInt(runtime.gen) }, ports };
    const kept = memberships.get(id) ?? [];
    if (registered === undefined)
      return { ...common, origin: "adopted", memberships: withMemberships(undefined, kept) };
    const tickets = ports.map(({ name }) => claim(name)).filter((ticket) => ticket !== undefined);
    const primary = tickets.find(({ name }) => ports.some((port) => port.primary && port.name === name));
    const { body, ...registration } = registered.registration;
    if (!bodies.has(id)) unkept.push({ key: BODY + id, value: body ?? "null" });
    return {
      ...common,
      origin: "registered",
      memberships: withMemberships(primary, kept),
      registration,
      registeredAt: registered.registeredAt,
      tickets,
    };
  });
  for (const { id } of vmms) {
    memberships.delete(id);
    bodies.delete(id);
  }
  const orphans = [...memberships].flatMap(([id, all]) =>
    all.map(({ group }) => membershipChange(id, group, undefined)),
  );
  const ownerless = [...bodies].map((id) => ({ key: BODY + id, value: undefined }));
  return { vmms, tidying: [...unkept, ...orphans, ...ownerless] };
}

function readMemberships(ledger: Ledger): Map<Uuid, Membership[]> {
  const all = new Map<Uuid, Membership[]>();
  for (const [key, sources] of ledger.entries(MEMBER)) {
    const [id, group] = key.slice(MEMBER.length).split(" ") as [Uuid, MulticastAddr];
    const membership = { group, sources: sources as readonly Ip[] };
    const others = all.get(id);
    if (others === undefined) all.set(id, [membership]);
    else others.push(membership);
  }
  return all;
}
