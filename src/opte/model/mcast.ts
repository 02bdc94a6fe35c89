/**
 * The multicast commands as xde carries them out (xde.rs, dev_map.rs). What looks wrong here is
 * the driver's: clear goes by group alone, forwarding only adds, subscriptions hang on the
 * underlay and outlive the mapping, and unsubscribing without a mapping does nothing.
 */
import { isMulticast, kindOf } from "../../net/classify.ts";
import { type UnderlayGroup, underlayGroup } from "../../net/group.ts";
import { type Ip, isIpv4 } from "../../net/ip.ts";
import { MULTICAST_VNI } from "../../net/vni.ts";
import { driverText } from "../driver-text.ts";
import { ILLUMOS_ERRNO } from "../error.ts";
import type { SourceFilter } from "../filter.ts";
import type { ForwardingEntry, M2pMapping, Request, SubscriptionEntry } from "../types.ts";
import { KernelPanic, refuse, refuseSystem } from "./refuse.ts";
import { hopKey, type Tables } from "./tables.ts";

export function setMcast2Phys(tables: Tables, mapping: M2pMapping): undefined {
  tables.m2p.set(mapping.group, mapping);
}

export function clearMcast2Phys(tables: Tables, { group }: M2pMapping): undefined {
  tables.m2p.delete(group);
}

export function dumpMcast2Phys(tables: Tables): M2pMapping[] {
  return tables.m2p.values();
}

export function setMcastForwarding(tables: Tables, { underlay, nextHops }: ForwardingEntry): undefined {
  for (const { vni, addr } of nextHops) {
    if (vni !== MULTICAST_VNI) {
      const want = `DEFAULT_MULTICAST_VNI (${MULTICAST_VNI})`;
      throw refuseSystem(ILLUMOS_ERRNO.EINVAL, `multicast next hop VNI must be ${want}, got: ${vni}`);
    }
    if (isMulticast(addr)) {
      const got = driverText(addr);
      throw refuseSystem(
        ILLUMOS_ERRNO.EINVAL,
        `NextHopV6.addr must be unicast (switch address), got multicast: ${got}`,
      );
    }
  }
  const hops = tables.nextHops(underlay);
  for (const hop of nextHops) hops.set(hopKey(hop), hop);
}

export function clearMcastForwarding(tables: Tables, { underlay }: { underlay: UnderlayGroup }): undefined {
  tables.forwarding.delete(underlay);
}

export function dumpMcastForwarding(tables: Tables): ForwardingEntry[] {
  return tables.forwarding.entries().map(([underlay, hops]) => ({ underlay, nextHops: hops.values() }));
}

function requireMulticast(group: Ip): void {
  if (!isMulticast(group)) throw refuse("BadState", `IP address ${driverText(group)} is not a multicast address`);
}

function requireUnicastSources(filter: SourceFilter): void {
  for (const source of filter.sources) {
    const kind = kindOf(source);
    if (kind === "unicast") continue;
    const what = kind === "multicast" ? "is multicast" : "is a special-use address";
    throw refuse("BadState", `source filter address ${driverText(source)} ${what}`);
  }
}

export function mcastSubscribe(tables: Tables, { port, group, filter }: Request<"McastSubscribe">): undefined {
  requireMulticast(group);
  requireUnicastSources(filter);
  const underlay = tables.m2p.get(group)?.underlay ?? underlayGroup(group);
  if (underlay === undefined) {
    throw refuse("BadState", `no underlay mapping for ${isIpv4(group) ? "IPv4" : "IPv6"} multicast group`);
  }
  if (!tables.ports.has(port)) throw refuse("PortNotFound", port);
  tables.subscribers(underlay).set(port, filter);
}

export function mcastUnsubscribe(tables: Tables, { port, group }: Request<"McastUnsubscribe">): undefined {
  if (!tables.ports.has(port)) throw refuse("PortNotFound", port);
  requireMulticast(group);
  const underlay = tables.m2p.get(group)?.underlay;
  if (underlay !== undefined) dropSubscriber(tables, underlay, port);
}

export function mcastUnsubscribeAll(tables: Tables, { group }: { group: Ip }): undefined {
  requireMulticast(group);
  if (tables.underlay === undefined) {
    throw new KernelPanic("McastUnsubscribeAll without an underlay panics the kernel; nothing may send it");
  }
  const underlay = tables.m2p.get(group)?.underlay;
  if (underlay !== undefined) tables.subscriptions.delete(underlay);
}

export function dumpMcastSubscriptions(tables: Tables): SubscriptionEntry[] {
  return tables.subscriptions.entries().map(([underlay, subscribers]) => ({
    underlay,
    subscribers: subscribers.entries().map(([port, filter]) => ({ port, filter })),
  }));
}

/** The last subscriber takes the group's entry with it. */
export function dropSubscriber(tables: Tables, underlay: UnderlayGroup, port: string): void {
  const subscribers = tables.subscriptions.get(underlay);
  if (subscribers?.delete(port) && subscribers.size === 0) tables.subscriptions.delete(underlay);
}
