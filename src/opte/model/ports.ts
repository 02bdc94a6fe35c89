/** Ports, their configuration and the underlay devices, as xde and oxide-vpc carry the commands out. */

import { type Cidr, compareCidr, isIpv4Cidr } from "../../net/cidr.ts";
import type { Ip } from "../../net/ip.ts";
import { ILLUMOS_ERRNO } from "../error.ts";
import type { CreateXde, PortInfo, Request, TransitIp } from "../types.ts";
import { dropSubscriber } from "./mcast.ts";
import { type ModelPort, newLayers } from "./model-port.ts";
import { KernelPanic, Refusal, refuse, refuseSystem } from "./refuse.ts";
import { renewing } from "./renewal.ts";
import { portSortKey, type Tables } from "./tables.ts";

/** What a model decides that the driver leaves to the rest of the system. */
export interface Surroundings {
  /** Data links that exist; undefined: any name does. */
  readonly links: ReadonlySet<string> | undefined;
  /** Whether a guest opens the link of a new port at once. */
  readonly portsStart: "ready" | "running";
}

export function portOf(tables: Tables, name: string): ModelPort {
  const port = tables.ports.get(name);
  if (port === undefined) throw refuse("PortNotFound", name);
  return port;
}

export function listPorts(tables: Tables): PortInfo[] {
  return tables.ports.values().map(({ create, state, externalIps }) => {
    const { v4, v6 } = create.cfg.ipCfg;
    return {
      name: create.name,
      mac: create.cfg.guestMac,
      ip4: v4?.privateIp,
      ephemeralIp4: externalIps.v4?.ephemeralIp,
      floatingIp4s: v4 && (externalIps.v4?.floatingIps ?? []),
      ip6: v6?.privateIp,
      ephemeralIp6: externalIps.v6?.ephemeralIp,
      floatingIp6s: v6 && (externalIps.v6?.floatingIps ?? []),
      state,
    };
  });
}

export function createXde(tables: Tables, create: CreateXde, around: Surroundings): undefined {
  const { ipCfg, guestMac, vni, physIp } = create.cfg;
  if (tables.underlay === undefined) throw refuseSystem(ILLUMOS_ERRNO.EINVAL, "underlay not initialized");
  if (tables.ports.has(create.name)) throw refuse("PortExists", create.name);
  const port: ModelPort = {
    create,
    state: around.portsStart,
    busy: false,
    externalIps: { v4: ipCfg.v4?.externalIps, v6: ipCfg.v6?.externalIps, internetGateways: undefined },
    attachedSubnets: [...(ipCfg.v4?.attachedSubnets ?? []), ...(ipCfg.v6?.attachedSubnets ?? [])],
    transitIps: [...(ipCfg.v4?.transitIps ?? []), ...(ipCfg.v6?.transitIps ?? [])],
    firewall: [],
    routes: [],
    layers: newLayers(),
  };
  const key = portSortKey(port);
  if (tables.macs.has(key)) {
    throw new Refusal({ variant: "MacExists", port: create.name, vni, mac: guestMac });
  }
  const network = tables.network(vni);
  for (const ip of ownAddresses(port)) network.set(ip, { ether: guestMac, ip: physIp });
  // The name is looked at only after the addresses were entered, and they stay (new_port in xde.rs).
  if (create.name.includes("\0")) throw new Refusal({ variant: "BadName" });
  tables.addPort(port);
}

function ownAddresses({ create }: ModelPort): Ip[] {
  const { v4, v6 } = create.cfg.ipCfg;
  return [v4?.privateIp, v6?.privateIp].filter((ip) => ip !== undefined);
}

export function deleteXde(tables: Tables, { name }: { name: string }): undefined {
  const port = portOf(tables, name);
  // The port leaves the map before the steps that can fail and is put back after: its
  // subscriptions are lost either way (delete_xde in xde.rs).
  for (const underlay of [...tables.subscriptions.unorderedKeys()]) dropSubscriber(tables, underlay, name);
  if (port.busy) throw refuseSystem(ILLUMOS_ERRNO.EBUSY, `failed to destroy DLS devnet: ${ILLUMOS_ERRNO.EBUSY}`);
  tables.removePort(port);
  const network = tables.v2p.get(port.create.cfg.vni);
  for (const ip of ownAddresses(port)) network?.delete(ip);
}

export function setXdeUnderlay(
  tables: Tables,
  { u1, u2 }: { u1: string; u2: string },
  { links }: Surroundings,
): undefined {
  for (const name of [u1, u2]) {
    if (name.includes("\0"))
      throw new KernelPanic("a NUL in an underlay device's name panics the kernel; nothing may send it");
    if (links !== undefined && !links.has(name)) {
      throw refuseSystem(ILLUMOS_ERRNO.EFAULT, `failed to get linkid for ${name}: link not found`);
    }
  }
  // The links are looked up before the driver asks itself whether it has its underlay already.
  if (tables.underlay !== undefined) throw refuseSystem(ILLUMOS_ERRNO.EEXIST, "underlay already initialized");
  tables.underlay = [u1, u2];
}

export function clearXdeUnderlay(tables: Tables): undefined {
  if (tables.underlay === undefined) throw refuseSystem(ILLUMOS_ERRNO.ENOENT, "underlay not yet initialized");
  if (tables.ports.size > 0) throw refuseSystem(ILLUMOS_ERRNO.EBUSY, "underlay in use by attached ports");
  tables.underlay = undefined;
  tables.forwarding.clear();
}

export function setExternalIps(
  tables: Tables,
  { port: name, v4, v6, internetGateways }: Request<"SetExternalIps">,
): undefined {
  const port = portOf(tables, name);
  const { ipCfg } = port.create.cfg;
  // The gateway map is stored before the families are checked (set_external_ips_hdlr).
  port.externalIps = { ...port.externalIps, internetGateways };
  if ((v4 !== undefined && ipCfg.v4 === undefined) || (v6 !== undefined && ipCfg.v6 === undefined)) {
    throw new Refusal({ variant: "InvalidIpCfg" });
  }
  renewing(port, ["nat"], () => {
    // A family left out loses its addresses (opte #974).
    port.externalIps = { v4, v6, internetGateways };
    port.layers.natGateways = internetGateways;
  });
}

function requireFamily(port: ModelPort, cidr: Cidr): void {
  const { v4, v6 } = port.create.cfg.ipCfg;
  if ((isIpv4Cidr(cidr) ? v4 : v6) === undefined) throw new Refusal({ variant: "InvalidIpCfg" });
}

function find<Value>(list: readonly (readonly [Cidr, Value])[], cidr: Cidr): number {
  return list.findIndex(([key]) => key === cidr);
}

export function allowCidr(tables: Tables, { port: name, cidr, direction }: Request<"AllowCidr">): undefined {
  const port = portOf(tables, name);
  requireFamily(port, cidr);
  const at = find(port.transitIps, cidr);
  const before: TransitIp = port.transitIps[at]?.[1] ?? { allowIn: false, allowOut: false };
  const after = direction === "in" ? { ...before, allowIn: true } : { ...before, allowOut: true };
  renewing(port, ["gateway"], () => {
    if (at >= 0) port.transitIps[at] = [cidr, after];
    else port.transitIps = [...port.transitIps, [cidr, after] as const].sort(([a], [b]) => compareCidr(a, b));
  });
}

export function removeCidr(tables: Tables, { port: name, cidr, direction }: Request<"RemoveCidr">): Cidr | undefined {
  const port = portOf(tables, name);
  requireFamily(port, cidr);
  const at = find(port.transitIps, cidr);
  const before = port.transitIps[at]?.[1];
  // The rules are made anew even where there was nothing to remove (transit.rs).
  renewing(port, ["gateway"], () => {
    if (before === undefined) return;
    const after = direction === "in" ? { ...before, allowIn: false } : { ...before, allowOut: false };
    if (after.allowIn || after.allowOut) port.transitIps[at] = [cidr, after];
    else port.transitIps.splice(at, 1);
  });
  return before && cidr;
}

export function attachSubnet(tables: Tables, { port: name, cidr, isExternal }: Request<"AttachSubnet">): undefined {
  const port = portOf(tables, name);
  requireFamily(port, cidr);
  if (port.attachedSubnets[find(port.attachedSubnets, cidr)]?.[1].isExternal === isExternal) return;
  const others = port.attachedSubnets.filter(([key]) => key !== cidr);
  subnetsBecome(
    port,
    [...others, [cidr, { isExternal }] as const].sort(([a], [b]) => compareCidr(a, b)),
  );
}

export function detachSubnet(tables: Tables, { port: name, cidr }: Request<"DetachSubnet">): Cidr | undefined {
  const port = portOf(tables, name);
  requireFamily(port, cidr);
  if (find(port.attachedSubnets, cidr) < 0) return undefined;
  subnetsBecome(
    port,
    port.attachedSubnets.filter(([key]) => key !== cidr),
  );
  return cidr;
}

function subnetsBecome(port: ModelPort, subnets: ModelPort["attachedSubnets"]): void {
  renewing(port, ["nat", "gateway"], () => {
    port.attachedSubnets = subnets;
    port.layers.natGateways = port.externalIps.internetGateways;
  });
}
