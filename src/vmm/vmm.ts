/** A VMM as this sled knows it. */
import type { MulticastAddr } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { PortSpec } from "../ports/spec.ts";
import type { PortTicket } from "../ports/state.ts";
import type { Uuid } from "../uuid.ts";

export type VmmState =
  | "starting"
  | "running"
  | "stopping"
  | "stopped"
  | "rebooting"
  | "migrating"
  | "failed"
  | "destroyed";

export interface VmmRuntime {
  readonly state: VmmState;
  /** Unsigned, 64 bits. */
  readonly gen: bigint;
  /** RFC 3339, as it came or UTC. */
  readonly timeUpdated: string;
}

export interface Membership {
  readonly group: MulticastAddr;
  /** Ascending, no duplicates; empty: any source. */
  readonly sources: readonly Ip[];
}

/** What the control plane says of a VMM when it registers it. */
export interface Registration {
  readonly instanceId: Uuid;
  readonly migrationId: Uuid | undefined;
  readonly runtime: VmmRuntime;
  /** One port for each NIC, in their order. */
  readonly ports: readonly PortSpec[];
  readonly memberships: readonly Membership[];
  /** The request's body as it was sent, for what this agent keeps and does not act on. */
  readonly body: string;
}

export interface VmmPort {
  readonly name: string;
  readonly primary: boolean;
}

interface Common {
  readonly id: Uuid;
  readonly runtime: VmmRuntime;
  readonly ports: readonly VmmPort[];
  /** Changed in place: copying it would cost a join what the VMM has joined before. */
  readonly memberships: Map<MulticastAddr, readonly Ip[]>;
}

/** Its ports were made here and are deleted with it. */
export interface RegisteredVmm extends Common {
  readonly origin: "registered";
  readonly registration: Pick<Registration, "instanceId" | "migrationId">;
  readonly registeredAt: string;
  readonly tickets: readonly PortTicket[];
}

/** Its ports were there before and stay. */
export interface AdoptedVmm extends Common {
  readonly origin: "adopted";
}

export type Vmm = RegisteredVmm | AdoptedVmm;

/** Undefined: its ports were adopted, or it has none that is primary. */
export function primaryTicket(vmm: Vmm): PortTicket | undefined {
  const name = primaryPort(vmm);
  return vmm.origin === "adopted" ? undefined : vmm.tickets.find((ticket) => ticket.name === name);
}

export function primaryPort(vmm: Vmm): string | undefined {
  return vmm.ports.find(({ primary }) => primary)?.name;
}

/** They are the state of the port they are for; without one they wait with the VMM. */
export function withMemberships(
  primary: PortTicket | undefined,
  memberships: readonly Membership[],
): Vmm["memberships"] {
  const all: Vmm["memberships"] = primary?.state.memberships ?? new Map();
  for (const { group, sources } of memberships) all.set(group, sources);
  return all;
}
