/** A port's specification in short. */

import { MemoryLedger } from "../../src/intent/ledger.ts";
import { NO_LOG } from "../../src/log.ts";
import type { Ipv4Cidr, Ipv6Cidr } from "../../src/net/cidr.ts";
import type { Ipv4, Ipv6 } from "../../src/net/ip.ts";
import type { Driver } from "../../src/opte/driver.ts";
import { HalfDone } from "../../src/ports/half-done.ts";
import type { Nic, PortSpec, PrivateIp } from "../../src/ports/spec.ts";
import type { PortsContext } from "../../src/ports/state.ts";
import { cidr4, cidr6, ipv4, ipv6, mac, uuid, vniOf } from "../net/make.ts";

export const v4 = (ip: string, subnet: string, ...transit: string[]): PrivateIp<Ipv4, Ipv4Cidr> => ({
  ip: ipv4(ip),
  subnet: cidr4(subnet),
  transitIps: transit.map(cidr4),
});

export const v6 = (ip: string, subnet: string, ...transit: string[]): PrivateIp<Ipv6, Ipv6Cidr> => ({
  ip: ipv6(ip),
  subnet: cidr6(subnet),
  transitIps: transit.map(cidr6),
});

export function nic(change: Partial<Nic> = {}): Nic {
  return {
    id: uuid("cccccccc-0000-4000-8000-000000000001"),
    kind: "instance",
    mac: mac("a8:40:25:00:00:01"),
    vni: vniOf(100),
    primary: true,
    v4: v4("10.0.0.5", "10.0.0.0/24"),
    v6: undefined,
    ...change,
  };
}

export function portSpec(change: Partial<PortSpec> = {}): PortSpec {
  return {
    nic: nic(),
    externalIps: { v4: undefined, v6: undefined },
    attachedSubnets: [],
    firewall: [],
    dhcp: { hostname: "vm", hostDomain: undefined, domainSearchList: [], dns4Servers: [], dns6Servers: [] },
    mtu: undefined,
    ...change,
  };
}

/** What the parts of a PortManager work with, over a ledger in memory. */
export function contextOf(driver: Driver): PortsContext {
  const ledger = new MemoryLedger();
  return { driver, ledger, halfDone: new HalfDone(ledger, async () => {}), log: NO_LOG };
}
