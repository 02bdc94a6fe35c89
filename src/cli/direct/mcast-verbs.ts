/** Multicast: mappings, forwarding, subscriptions. */
import type { UnderlayGroup } from "../../net/group.ts";
import type { Ip, Ipv6 } from "../../net/ip.ts";
import { MULTICAST_VNI } from "../../net/vni.ts";
import { ANY_SOURCE, membershipFilter } from "../../opte/filter.ts";
import type { Replication } from "../../opte/types.ts";
import * as argument from "./arguments.ts";
import { printForwarding, printM2p, printSubscriptions } from "./print.ts";
import { type OnPort, onPort, type VerbSet } from "./verb-set.ts";

export function mappingVerbs(verbs: VerbSet): void {
  verbs.dump(
    verbs.command("dump-m2p", "overlay groups and their underlay groups"),
    (driver) => driver.dumpMcast2Phys(),
    printM2p,
  );
  const changes = [
    ["set-m2p", "map an overlay group to an underlay group", "setMcast2Phys"],
    ["clear-m2p", "clear a group's mapping; the driver does not compare the underlay group", "clearMcast2Phys"],
  ] as const;
  for (const [verb, description, method] of changes) {
    verbs.order<[Ip, UnderlayGroup]>(
      verbs
        .command(verb, description)
        .argument("<group>", "overlay group", argument.ipArgument)
        .argument("<underlay>", "underlay group, in ff04::/16", argument.underlayArgument),
      (driver, group, underlay) => driver[method]({ group, underlay }),
    );
  }
}

export function forwardingVerbs(verbs: VerbSet): void {
  verbs.dump(
    verbs.command("dump-mcast-fwd", "forwarding entries of underlay groups"),
    (driver) => driver.dumpMcastForwarding(),
    printForwarding,
  );
  verbs.order<[UnderlayGroup, Ipv6, Replication]>(
    verbs
      .command("set-mcast-fwd", "add a next hop to an underlay group, or replace it; the others stay")
      .argument("<underlay>", "underlay group, in ff04::/16", argument.underlayArgument)
      .argument("<next-hop>", "unicast address of the switch", argument.ipv6Argument)
      .argument("<replication>", "external, underlay or both", argument.replicationArgument),
    (driver, underlay, addr, replication) =>
      driver.setMcastForwarding({
        underlay,
        nextHops: [{ addr, vni: MULTICAST_VNI, replication, filter: ANY_SOURCE }],
      }),
  );
  verbs.order<[UnderlayGroup]>(
    verbs
      .command("clear-mcast-fwd", "remove an underlay group's whole entry")
      .argument("<underlay>", "underlay group, in ff04::/16", argument.underlayArgument),
    (driver, underlay) => driver.clearMcastForwarding({ underlay }),
  );
}

export function subscriptionVerbs(verbs: VerbSet): void {
  verbs.dump(
    verbs.command("dump-mcast-subs", "subscriptions of this sled's ports, by underlay group"),
    (driver) => driver.dumpMcastSubscriptions(),
    printSubscriptions,
  );
  verbs.order<[Ip, OnPort & { readonly source?: readonly Ip[] }]>(
    onPort(verbs.command("mcast-subscribe", "subscribe a port to an overlay group, which must be mapped"))
      .argument("<group>", "overlay group", argument.ipArgument)
      .option(
        "--source <ip>",
        "take packets of this source only; repeatable (not in opteadm)",
        argument.repeated(argument.ipArgument),
      ),
    (driver, group, { port, source = [] }) => driver.mcastSubscribe({ port, group, filter: membershipFilter(source) }),
  );
  verbs.order<[Ip, OnPort]>(
    onPort(
      verbs.command("mcast-unsubscribe", "unsubscribe a port; without a mapping of the group the driver does nothing"),
    ).argument("<group>", "overlay group", argument.ipArgument),
    (driver, group, { port }) => driver.mcastUnsubscribe({ port, group }),
  );
  verbs.order<[Ip]>(
    verbs
      .command("mcast-unsubscribe-all", "unsubscribe every port from the group's underlay group")
      .argument("<group>", "overlay group", argument.ipArgument),
    (driver, group) => driver.mcastUnsubscribeAll({ group }),
  );
}
