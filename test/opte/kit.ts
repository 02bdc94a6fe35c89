/** What the suites about the driver share: a model, requests with short spellings, and the refusal a call ends in. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { Cidr } from "../../src/net/cidr.ts";
import type { UnderlayGroup } from "../../src/net/group.ts";
import type { Ip } from "../../src/net/ip.ts";
import { Driver } from "../../src/opte/driver.ts";
import { DriverError, type OpteError } from "../../src/opte/error.ts";
import { ANY_SOURCE, type SourceFilter, sourceFilter } from "../../src/opte/filter.ts";
import { DriverModel, type ModelOptions } from "../../src/opte/model/model.ts";
import type { CreateXde, ExternalIpCfg, IpCfg, IpFamilyCfg, NextHop, Replication } from "../../src/opte/types.ts";
import { cidr4, cidr6, ip, ips, ipv4, ipv6, mac, underlay, vniOf } from "../net/make.ts";

/** A model and the driver over it, with the ports `opte0`, `opte1`, … that are asked for. */
export async function driverWith(
  ports = 0,
  options: ModelOptions = {},
): Promise<{ model: DriverModel; driver: Driver }> {
  const model = new DriverModel(options);
  const driver = new Driver(model);
  for (let n = 0; n < ports; n++) await driver.createXde(port(n));
  return { model, driver };
}

/** The driver's error of a call that must fail. */
export async function refusal(call: Promise<unknown>): Promise<OpteError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DriverError);
  return (error as DriverError).opte;
}

export const NO_EXTERNAL: ExternalIpCfg<never> = { snat: undefined, ephemeralIp: undefined, floatingIps: [] };

function family<Address extends Ip, Network extends Cidr>(
  vpcSubnet: Network,
  privateIp: Address,
  gatewayIp: Address,
): IpFamilyCfg<Address, Network> {
  return { vpcSubnet, privateIp, gatewayIp, externalIps: NO_EXTERNAL, attachedSubnets: [], transitIps: [] };
}

const v4Cfg = (n: number) => family(cidr4("10.0.0.0/24"), ipv4(`10.0.0.${n + 10}`), ipv4("10.0.0.1"));
const v6Cfg = (n: number) => family(cidr6("fd77::/64"), ipv6(`fd77::${n + 10}`), ipv6("fd77::1"));

export const V4_ONLY = (n: number): IpCfg => ({ v4: v4Cfg(n) });
export const V6_ONLY = (n: number): IpCfg => ({ v6: v6Cfg(n) });
export const DUAL = (n: number): IpCfg => ({ v4: v4Cfg(n), v6: v6Cfg(n) });

interface PortChange {
  readonly name?: string;
  readonly vni?: number;
  readonly mac?: string;
  readonly ipCfg?: IpCfg;
}

/** The nth port: `opteN`, VNI 100, a MAC that ends in n, dual stack. */
export function port(n: number, change: PortChange = {}): CreateXde {
  return {
    linkId: n + 1,
    name: change.name ?? `opte${n}`,
    mtu: undefined,
    cfg: {
      ipCfg: change.ipCfg ?? DUAL(n),
      guestMac: mac(change.mac ?? `a8:40:25:00:00:${n.toString(16)}`),
      gatewayMac: mac("a8:40:25:ff:77:77"),
      vni: vniOf(change.vni ?? 100),
      physIp: ipv6("fd00::1"),
      dhcp: { hostname: "vm", hostDomain: undefined, domainSearchList: [], dns4Servers: [], dns6Servers: [] },
    },
  };
}

export const mapping = (group: string, under: string) => ({ group: ip(group), underlay: underlay(under) });
export const include = (...sources: string[]): SourceFilter => sourceFilter("include", ips(...sources));
export const exclude = (...sources: string[]): SourceFilter => sourceFilter("exclude", ips(...sources));

export function hop(
  addr: string,
  change: { vni?: number; replication?: Replication; filter?: SourceFilter } = {},
): NextHop {
  return {
    addr: ipv6(addr),
    vni: vniOf(change.vni ?? 77),
    replication: change.replication ?? "both",
    filter: change.filter ?? ANY_SOURCE,
  };
}

export const forwarding = (under: string, ...nextHops: NextHop[]) => ({ underlay: underlay(under), nextHops });

export const subscription = (portName: string, group: string, filter: SourceFilter = ANY_SOURCE) => ({
  port: portName,
  group: ip(group),
  filter,
});

/** Who is subscribed under which underlay, from the driver's dump. */
export async function subscribers(driver: Driver): Promise<Record<UnderlayGroup, string[]>> {
  const dump = await driver.dumpMcastSubscriptions();
  return Object.fromEntries(dump.map((entry) => [entry.underlay, entry.subscribers.map((s) => s.port)]));
}

/** A folder of the test's own, gone when the test is. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sledcast-model-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
