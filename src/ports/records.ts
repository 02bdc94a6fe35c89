/**
 * Ports as the ledger keeps them. An entry `port` is there from before a port is made until it is
 * gone, and does not change; what changes is in `port-state`, from when the port is handed out.
 */
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import type { Cidr } from "../net/cidr.ts";
import type { Ip } from "../net/ip.ts";
import type { Uuid } from "../uuid.ts";
import type { FirewallSets } from "./firewall-sets.ts";
import type { AttachedSubnet, ExternalIps, Nic } from "./spec.ts";
import type { Gateways, PortSettings, PortTicket } from "./state.ts";

interface PortRecord {
  readonly nic: Nic;
}

interface StateRecord {
  readonly externalIps: ExternalIps;
  readonly attachedSubnets: readonly (readonly [Cidr, AttachedSubnet["kind"]])[];
  /** Digest of the set. */
  readonly firewall: string;
}

const PORT = "port ";
const STATE = "port-state ";
const GATEWAYS = "gateways ";

export function beginChange({ name, nic }: Pick<PortTicket, "name" | "nic">): LedgerChange {
  return { key: PORT + name, value: { nic } satisfies PortRecord };
}

export function stateChange(name: string, { externalIps, attachedSubnets, firewall }: PortSettings): LedgerChange {
  const value: StateRecord = { externalIps, attachedSubnets: [...attachedSubnets], firewall: firewall.digest };
  return { key: STATE + name, value };
}

export function endChanges(name: string): LedgerChange[] {
  return [PORT, STATE].map((prefix) => ({ key: prefix + name, value: undefined }));
}

/** The ports of earlier runs. Their memberships are their VMMs' to say. */
export function readPorts(ledger: Ledger, firewalls: FirewallSets): PortTicket[] {
  const states = new Map([...ledger.entries(STATE)].map(([key, value]) => [key.slice(STATE.length), value]));
  return [...ledger.entries(PORT)].map(([key, value]) => {
    const name = key.slice(PORT.length);
    const kept = states.get(name) as StateRecord | undefined;
    const firewall = kept && firewalls.kept(kept.firewall);
    const settings = kept && firewall && { ...kept, attachedSubnets: new Map(kept.attachedSubnets), firewall };
    return { name, nic: (value as PortRecord).nic, state: { settings, gateways: undefined, memberships: new Map() } };
  });
}

/** States of ports that the ledger does not know: it was damaged and repaired. */
export function strayStates(ledger: Ledger): LedgerChange[] {
  const known = new Set([...ledger.entries(PORT)].map(([key]) => key.slice(PORT.length)));
  return [...ledger.entries(STATE)]
    .filter(([key]) => !known.has(key.slice(STATE.length)))
    .map(([key]) => ({ key, value: undefined }));
}

/** `gateways` undefined: the NIC has none. */
export function gatewaysChange(nic: Uuid, gateways: Gateways | undefined): LedgerChange {
  return { key: GATEWAYS + nic, value: gateways && [...gateways] };
}

export function readGateways(ledger: Ledger): Map<Uuid, Gateways> {
  return new Map(
    [...ledger.entries(GATEWAYS)].map(([key, value]) => [
      key.slice(GATEWAYS.length) as Uuid,
      new Map(value as (readonly [Ip, readonly Uuid[]])[]),
    ]),
  );
}
