/** Ports are made, listed and removed; the driver gets its underlay. */
import { badRequest, messageOf, SledcastError } from "../../error.ts";
import { type Cidr, isIpv4Cidr, isIpv6Cidr } from "../../net/cidr.ts";
import { type Ip, type Ipv6, isIpv4, isIpv6 } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import type { Vni } from "../../net/vni.ts";
import type { Driver } from "../../opte/driver.ts";
import type { DhcpCfg, IpCfg, VpcCfg } from "../../opte/types.ts";
import * as argument from "./arguments.ts";
import { type ExternalOptions, externalOptions, externalsOfFamily } from "./external-options.ts";
import { printPorts } from "./print.ts";
import type { VerbSet } from "./verb-set.ts";

interface DhcpOptions {
  readonly hostname?: string;
  readonly hostDomain?: string;
  readonly dnsServers?: readonly Ip[];
  readonly domainSearchList?: readonly string[];
}

interface CreateOptions extends ExternalOptions, DhcpOptions {
  readonly guestMac: Mac;
  readonly privateIp: Ip;
  readonly vpcSubnet: Cidr;
  readonly gatewayMac: Mac;
  readonly gatewayIp: Ip;
  readonly vpcVni: Vni;
  readonly srcUnderlayAddr: Ipv6;
  readonly mtu?: number;
}

const NETWORKS = { attachedSubnets: [], transitIps: [] };

/** All addresses are of the private one's family. */
function ipCfgOf(options: CreateOptions): IpCfg {
  const { privateIp, vpcSubnet, gatewayIp } = options;
  const expected = (what: string) => badRequest(`create-xde: expected IPv${isIpv6(privateIp) ? 6 : 4} ${what}`);
  if (isIpv4(privateIp)) {
    if (!isIpv4Cidr(vpcSubnet)) throw expected("VPC subnet");
    if (!isIpv4(gatewayIp)) throw expected("gateway IP");
    const externalIps = externalsOfFamily(options, isIpv4);
    return { v4: { vpcSubnet, privateIp, gatewayIp, externalIps, ...NETWORKS } };
  }
  if (!isIpv6Cidr(vpcSubnet)) throw expected("VPC subnet");
  if (!isIpv6(gatewayIp)) throw expected("gateway IP");
  const externalIps = externalsOfFamily(options, isIpv6);
  return { v6: { vpcSubnet, privateIp, gatewayIp, externalIps, ...NETWORKS } };
}

function dhcpOf({ hostname, hostDomain, dnsServers = [], domainSearchList = [] }: DhcpOptions): DhcpCfg {
  return {
    hostname,
    hostDomain,
    domainSearchList,
    dns4Servers: dnsServers.filter(isIpv4),
    dns6Servers: dnsServers.filter(isIpv6),
  };
}

function vpcCfgOf(options: CreateOptions): VpcCfg {
  return {
    ipCfg: ipCfgOf(options),
    guestMac: options.guestMac,
    gatewayMac: options.gatewayMac,
    vni: options.vpcVni,
    physIp: options.srcUnderlayAddr,
    dhcp: dhcpOf(options),
  };
}

/** A link needs an id before it is made, and gives it back where it is not. */
async function createXde(verbs: VerbSet, driver: Driver, name: string, options: CreateOptions): Promise<void> {
  const cfg = vpcCfgOf(options);
  const { mtu } = options;
  const datalinks = await verbs.around.openDatalinks();
  const linkId = await datalinks.create(name);
  if (linkId === undefined)
    throw new SledcastError("conflict", `something bears the name ${name} already; take another`);
  try {
    await driver.createXde({ linkId, name, cfg, mtu });
  } catch (error) {
    await datalinks.destroy(name).catch((failure: unknown) => verbs.around.warn(messageOf(failure)));
    throw error;
  }
  const { apiVersion } = driver.info;
  if (mtu !== undefined && apiVersion < 41) {
    verbs.around.warn(`OPTE API ${apiVersion} cannot set a port's MTU: ${name} has the driver's own`);
  }
}

/** Where dlmgmtd cannot be asked for the id, the port stays too: an id without a port keeps its name from all others. */
async function deleteXde(verbs: VerbSet, driver: Driver, name: string): Promise<void> {
  const datalinks = await verbs.around.openDatalinks();
  await datalinks.isTaken(name);
  await driver.deleteXde(name);
  await datalinks.destroy(name);
}

export function portVerbs(verbs: VerbSet): void {
  verbs.dump(verbs.command("list-ports", "the driver's ports"), (driver) => driver.listPorts(), printPorts);
  const create = verbs
    .command("create-xde", "make a port")
    .argument("<name>", "the port", argument.newPortArgument)
    .requiredOption("--guest-mac <mac>", "the guest's MAC", argument.macArgument)
    .requiredOption("--private-ip <ip>", "the guest's address", argument.ipArgument)
    .requiredOption("--vpc-subnet <cidr>", "the guest's subnet", argument.cidrArgument)
    .requiredOption("--gateway-mac <mac>", "MAC of the virtual gateway", argument.macArgument)
    .requiredOption("--gateway-ip <ip>", "address of the virtual gateway", argument.ipArgument)
    .requiredOption("--vpc-vni <number>", "the guest's VPC", argument.vniArgument)
    .requiredOption("--src-underlay-addr <ip>", "this sled's address on the underlay", argument.ipv6Argument)
    .option("--mtu <bytes>", "left out: 1500", argument.numberOf(32));
  externalOptions(create)
    .option("--hostname <name>", "told by DHCP", argument.domainArgument)
    .option("--host-domain <name>", "told by DHCP", argument.domainArgument)
    .option("--dns-servers <ips>", "told by DHCP, with commas between them", argument.listed(argument.ipArgument))
    .option(
      "--domain-search-list <names>",
      "told by DHCP, with commas between them",
      argument.listed(argument.domainArgument),
    );
  verbs.order<[string, CreateOptions]>(create, (driver, name, options) => createXde(verbs, driver, name, options));
  verbs.order<[string]>(
    verbs.command("delete-xde", "remove a port").argument("<name>", "the port", argument.nameArgument),
    (driver, name) => deleteXde(verbs, driver, name),
  );
  verbs.order<[string, string]>(
    verbs
      .command("set-xde-underlay", "give the driver its two underlay devices")
      .argument("<u1>", "device", argument.nameArgument)
      .argument("<u2>", "device", argument.nameArgument),
    (driver, u1, u2) => driver.setXdeUnderlay(u1, u2),
  );
  verbs.order<[]>(
    verbs.command("clear-xde-underlay", "take them back; the forwarding table goes with them"),
    (driver) => driver.clearXdeUnderlay(),
  );
}
