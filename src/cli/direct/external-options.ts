/** External addresses of a port, as create-xde and set-external-ips are told them: of one family. */
import type { Command } from "commander";
import { badRequest } from "../../error.ts";
import { type Ip, type Ipv4, type Ipv6, isIpv4, isIpv6 } from "../../net/ip.ts";
import type { ExternalIpCfg } from "../../opte/types.ts";
import * as argument from "./arguments.ts";

export interface ExternalOptions {
  readonly snatIp?: Ip;
  readonly snatStart?: number;
  readonly snatEnd?: number;
  readonly ephemeralIp?: Ip;
  readonly floatingIp?: readonly Ip[];
}

export function externalOptions(command: Command): Command {
  const port = argument.numberOf(16);
  return command
    .option("--snat-ip <ip>", "address for source NAT; with --snat-start and --snat-end", argument.ipArgument)
    .option("--snat-start <port>", "first port for source NAT", port)
    .option("--snat-end <port>", "last port for source NAT", port)
    .option("--ephemeral-ip <ip>", "address that is translated 1:1", argument.ipArgument)
    .option("--floating-ip <ip>", "address that is preferred; repeatable", argument.repeated(argument.ipArgument));
}

function snatOf({ snatIp, snatStart, snatEnd }: ExternalOptions): ExternalIpCfg<Ip>["snat"] {
  if (snatIp === undefined && snatStart === undefined && snatEnd === undefined) return undefined;
  if (snatIp === undefined || snatStart === undefined || snatEnd === undefined) {
    throw badRequest("--snat-ip, --snat-start and --snat-end go together");
  }
  // The driver takes it, and has no port to translate with.
  if (snatStart > snatEnd) throw badRequest(`--snat-start ${snatStart} is behind --snat-end ${snatEnd}`);
  return { externalIp: snatIp, firstPort: snatStart, lastPort: snatEnd };
}

function configOf(options: ExternalOptions): ExternalIpCfg<Ip> {
  return { snat: snatOf(options), ephemeralIp: options.ephemeralIp, floatingIps: options.floatingIp ?? [] };
}

function addressesOf({ snat, ephemeralIp, floatingIps }: ExternalIpCfg<Ip>): Ip[] {
  return [snat?.externalIp, ephemeralIp, ...floatingIps].filter((ip) => ip !== undefined);
}

/** For a port of one family. */
export function externalsOfFamily<Address extends Ip>(
  options: ExternalOptions,
  isOne: (ip: Ip) => ip is Address,
): ExternalIpCfg<Address> {
  const config = configOf(options);
  const wrong = addressesOf(config).find((ip) => !isOne(ip));
  if (wrong !== undefined) throw badRequest(`the external address ${wrong} is not of the port's family`);
  return config as ExternalIpCfg<Address>;
}

/** Without any address it is IPv4 that has none, as opteadm takes it. */
export function externalsOf(
  options: ExternalOptions,
): { readonly v4: ExternalIpCfg<Ipv4> } | { readonly v6: ExternalIpCfg<Ipv6> } {
  const config = configOf(options);
  const addresses = addressesOf(config);
  if (addresses.every(isIpv4)) return { v4: config as ExternalIpCfg<Ipv4> };
  if (addresses.every(isIpv6)) return { v6: config as ExternalIpCfg<Ipv6> };
  throw badRequest("the external addresses are of both families; set one family at a time");
}
