/** Where virtual addresses live (V2P), and where networks outside the rack are reached (V2B). */
import type { Cidr } from "../../net/cidr.ts";
import type { Ip, Ipv6 } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import { BOUNDARY_SERVICES_VNI, type Vni } from "../../net/vni.ts";
import * as argument from "./arguments.ts";
import { printV2b, printV2p } from "./print.ts";
import type { VerbSet } from "./verb-set.ts";

export function v2pVerbs(verbs: VerbSet): void {
  verbs.dump(
    verbs.command("dump-v2p", "where the addresses of each VPC live"),
    (driver) => driver.dumpVirt2Phys(),
    printV2p,
  );
  const changes = [
    ["set-v2p", "set where an address lives", "setVirt2Phys"],
    ["clear-v2p", "forget where an address lives", "clearVirt2Phys"],
  ] as const;
  for (const [verb, description, method] of changes) {
    verbs.order<[Ip, Mac, Ipv6, Vni]>(
      verbs
        .command(verb, description)
        .argument("<vpc-ip>", "address in the VPC", argument.ipArgument)
        .argument("<vpc-mac>", "its MAC", argument.macArgument)
        .argument("<underlay-ip>", "its sled", argument.ipv6Argument)
        .argument("<vni>", "the VPC", argument.vniArgument),
      (driver, vip, ether, ip, vni) => driver[method]({ vip, phys: { ether, ip, vni } }),
    );
  }
}

export function boundaryVerbs(verbs: VerbSet): void {
  verbs.dump(
    verbs.command("dump-v2b", "tunnel endpoints of networks outside the rack"),
    (driver) => driver.dumpVirt2Boundary(),
    printV2b,
  );
  const changes = [
    ["set-v2b", "add tunnel endpoints to a network", "setVirt2Boundary"],
    ["clear-v2b", "take tunnel endpoints from a network", "clearVirt2Boundary"],
  ] as const;
  for (const [verb, description, method] of changes) {
    verbs.order<[Cidr, readonly Ipv6[] | undefined]>(
      verbs
        .command(verb, description)
        .argument("<prefix>", "the network", argument.cidrArgument)
        .argument("[tunnel-endpoint...]", "boundary addresses", argument.repeated(argument.ipv6Argument)),
      (driver, prefix, ips = []) =>
        driver[method]({ prefix, endpoints: ips.map((ip) => ({ ip, vni: BOUNDARY_SERVICES_VNI })) }),
    );
  }
}
