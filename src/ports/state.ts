/** A port that was made here, and all of it that changes while it lives. */
import { badRequest, SledcastError } from "../error.ts";
import type { Ledger } from "../intent/ledger.ts";
import type { Log } from "../log.ts";
import type { Cidr } from "../net/cidr.ts";
import type { MulticastAddr } from "../net/group.ts";
import type { Ip } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import { isOpte } from "../opte/error.ts";
import type { Uuid } from "../uuid.ts";
import type { FirewallSet } from "./firewall-sets.ts";
import type { HalfDone } from "./half-done.ts";
import type { AttachedSubnet, ExternalIps, Nic } from "./spec.ts";

/** For an external address: the internet gateways that may choose it as a source. */
export type Gateways = ReadonlyMap<Ip, readonly Uuid[]>;

export interface PortSettings {
  readonly externalIps: ExternalIps;
  readonly attachedSubnets: ReadonlyMap<Cidr, AttachedSubnet["kind"]>;
  readonly firewall: FirewallSet;
}

/** As the driver has it, but for what `HalfDone` lists. */
export interface PortState {
  /** Undefined: not known, of a port whose record a damaged ledger has lost, or an earlier version never wrote. */
  settings: PortSettings | undefined;
  /** Undefined: none were said. Of instances' ports only. */
  gateways: Gateways | undefined;
  /** Of the VMM whose primary port this is. Changed in place: a join is not to cost what was joined before. */
  readonly memberships: Map<MulticastAddr, readonly Ip[]>;
}

/** The right to a port that was made here; giving it back (`PortManager.release`) deletes the port. */
export interface PortTicket {
  readonly name: string;
  readonly nic: Nic;
  readonly state: PortState;
}

/** Most ports have none: a thousand empty maps are a quarter of a megabyte. */
const NO_SUBNETS: PortSettings["attachedSubnets"] = new Map();

export function subnetsOf(subnets: readonly AttachedSubnet[]): PortSettings["attachedSubnets"] {
  if (subnets.length === 0) return NO_SUBNETS;
  return new Map(subnets.map(({ subnet, kind }) => [subnet, kind]));
}

/** Of the NIC itself: the same wherever its port is, and one of it can be on a sled. */
export const nicKey = ({ vni, mac }: Pick<Nic, "vni" | "mac">) => `${vni} ${mac}`;

/** Throws for a port of which it is not known what it was made with. */
export function settingsOf({ name, state: { settings } }: PortTicket): PortSettings {
  if (settings !== undefined) return settings;
  throw new SledcastError(
    "conflict",
    `what port ${name} was made with is not in the ledger, which was repaired or is an earlier version's; unregister its VMM and register it again`,
  );
}

/** An address or a network needs the NIC to have its family. `what` begins with the field's name. */
export function requireFamily({ nic }: PortTicket, ipv6: boolean, what: string): void {
  const family = ipv6 ? "v6" : "v4";
  if (nic[family] === undefined) throw badRequest(`${what}: NIC ${nic.id} has no private IP${family} address`);
}

/** What the parts that set something on ports work with. */
export interface PortsContext {
  readonly driver: Driver;
  readonly ledger: Ledger;
  readonly halfDone: HalfDone;
  readonly log: Log;
}

/** A port that somebody deleted is not to keep the others of its VPC from what they get. Answers whether it is there. */
export async function isThere({ log }: PortsContext, port: string, command: () => Promise<unknown>): Promise<boolean> {
  try {
    await command();
    return true;
  } catch (error) {
    if (!isOpte(error, "PortNotFound")) throw error;
    log.warn({ port }, "the driver has lost a port of ours; it is passed over");
    return false;
  }
}
