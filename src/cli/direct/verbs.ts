/**
 * `sledcast --direct`: straight at the driver, without an agent, in opteadm's verbs, argument
 * order and tables. A running agent takes up what is changed here, or repairs it, at its next
 * audit.
 */
import type { Command } from "commander";
import type { Log } from "../../log.ts";
import type { UnderlayGroup } from "../../net/group.ts";
import type { Ip, Ipv6 } from "../../net/ip.ts";
import type { Mac } from "../../net/mac.ts";
import { MULTICAST_VNI, type Vni } from "../../net/vni.ts";
import type { Driver } from "../../opte/driver.ts";
import { ANY_SOURCE, membershipFilter } from "../../opte/filter.ts";
import type { Replication } from "../../opte/types.ts";
import * as argument from "./arguments.ts";
import { printForwarding, printM2p, printPorts, printSubscriptions, printV2p } from "./print.ts";

interface DirectOptions {
  readonly xdeDevice: string;
  readonly json?: boolean;
}

/** What the transport has to say comes back as the error of the command. */
const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What reaches the driver is loaded when a verb is carried out: not for help, nor for a verb that is wrong. */
async function openDriver(path: string): Promise<Driver> {
  const [{ loadBinding }, { Driver }, { Xde }] = await Promise.all([
    import("../../host/bindings.ts"),
    import("../../opte/driver.ts"),
    import("../../opte/xde.ts"),
  ]);
  const { binding } = await loadBinding();
  return new Driver(new Xde({ binding, path, log: QUIET }));
}

async function withDriver<T>({ xdeDevice }: DirectOptions, run: (driver: Driver) => Promise<T>): Promise<T> {
  const driver = await openDriver(xdeDevice);
  try {
    return await run(driver);
  } finally {
    await driver.close();
  }
}

/** A command's own arguments come before commander's options and the command itself. */
function optionsOf(args: readonly unknown[]): DirectOptions {
  return (args.at(-1) as Command).optsWithGlobals<DirectOptions>();
}

/** A verb that changes something, and says nothing when it did. */
function order<Args extends readonly unknown[]>(
  command: Command,
  run: (driver: Driver, ...args: Args) => Promise<unknown>,
): void {
  command.action((...args: unknown[]) =>
    withDriver(optionsOf(args), async (driver) => {
      await run(driver, ...(args as unknown as Args));
    }),
  );
}

/** A verb that prints a table. */
function dump<T>(command: Command, read: (driver: Driver) => Promise<T>, print: (table: T) => string): void {
  command.action((...args: unknown[]) => {
    const options = optionsOf(args);
    return withDriver(options, async (driver) => {
      const table = await read(driver);
      process.stdout.write(options.json ? `${JSON.stringify(table, undefined, 2)}\n` : print(table));
    });
  });
}

interface OnPort {
  readonly port: string;
}

const onPort = (command: Command) =>
  command.requiredOption("-p, --port <port>", "the OPTE port", argument.nameArgument);

function multicastVerbs(program: Command): void {
  dump(
    program.command("dump-m2p").description("overlay groups and their underlay groups"),
    (driver) => driver.dumpMcast2Phys(),
    printM2p,
  );
  const verbs = [
    ["set-m2p", "map an overlay group to an underlay group", "setMcast2Phys"],
    ["clear-m2p", "clear a group's mapping; the driver does not compare the underlay group", "clearMcast2Phys"],
  ] as const;
  for (const [verb, description, method] of verbs) {
    order<[Ip, UnderlayGroup]>(
      program
        .command(verb)
        .description(description)
        .argument("<group>", "overlay group", argument.ipArgument)
        .argument("<underlay>", "underlay group, in ff04::/16", argument.underlayArgument),
      (driver, group, underlay) => driver[method]({ group, underlay }),
    );
  }
  dump(
    program.command("dump-mcast-fwd").description("forwarding entries of underlay groups"),
    (driver) => driver.dumpMcastForwarding(),
    printForwarding,
  );
  order<[UnderlayGroup, Ipv6, Replication]>(
    program
      .command("set-mcast-fwd")
      .description("add a next hop to an underlay group, or replace it; the others stay")
      .argument("<underlay>", "underlay group, in ff04::/16", argument.underlayArgument)
      .argument("<next-hop>", "unicast address of the switch", argument.ipv6Argument)
      .argument("<replication>", "external, underlay or both", argument.replicationArgument),
    (driver, underlay, addr, replication) =>
      driver.setMcastForwarding({
        underlay,
        nextHops: [{ addr, vni: MULTICAST_VNI, replication, filter: ANY_SOURCE }],
      }),
  );
  order<[UnderlayGroup]>(
    program
      .command("clear-mcast-fwd")
      .description("remove an underlay group's whole entry")
      .argument("<underlay>", "underlay group, in ff04::/16", argument.underlayArgument),
    (driver, underlay) => driver.clearMcastForwarding({ underlay }),
  );
}

function subscriptionVerbs(program: Command): void {
  dump(
    program.command("dump-mcast-subs").description("subscriptions of this sled's ports, by underlay group"),
    (driver) => driver.dumpMcastSubscriptions(),
    printSubscriptions,
  );
  order<[Ip, OnPort & { readonly source?: readonly Ip[] }]>(
    onPort(program.command("mcast-subscribe"))
      .description("subscribe a port to an overlay group, which must be mapped")
      .argument("<group>", "overlay group", argument.ipArgument)
      .option("--source <ip>", "take packets of this source only; repeatable (not in opteadm)", argument.sourcesOption),
    (driver, group, { port, source = [] }) => driver.mcastSubscribe({ port, group, filter: membershipFilter(source) }),
  );
  order<[Ip, OnPort]>(
    onPort(program.command("mcast-unsubscribe"))
      .description("unsubscribe a port; without a mapping of the group the driver does nothing")
      .argument("<group>", "overlay group", argument.ipArgument),
    (driver, group, { port }) => driver.mcastUnsubscribe({ port, group }),
  );
  order<[Ip]>(
    program
      .command("mcast-unsubscribe-all")
      .description("unsubscribe every port from the group's underlay group")
      .argument("<group>", "overlay group", argument.ipArgument),
    (driver, group) => driver.mcastUnsubscribeAll({ group }),
  );
}

function portVerbs(program: Command): void {
  dump(program.command("list-ports").description("the driver's ports"), (driver) => driver.listPorts(), printPorts);
  order<[OnPort]>(
    onPort(program.command("clear-uft")).description("forget a port's established flows"),
    (driver, { port }) => driver.clearUft(port),
  );
  order<[string, string]>(
    program
      .command("set-xde-underlay")
      .description("give the driver its two underlay devices")
      .argument("<u1>", "device", argument.nameArgument)
      .argument("<u2>", "device", argument.nameArgument),
    (driver, u1, u2) => driver.setXdeUnderlay(u1, u2),
  );
  order<[]>(
    program.command("clear-xde-underlay").description("take them back; the forwarding table goes with them"),
    (driver) => driver.clearXdeUnderlay(),
  );
}

function v2pVerbs(program: Command): void {
  dump(
    program.command("dump-v2p").description("where the addresses of each VPC live"),
    (driver) => driver.dumpVirt2Phys(),
    printV2p,
  );
  const verbs = [
    ["set-v2p", "set where an address lives", "setVirt2Phys"],
    ["clear-v2p", "forget where an address lives", "clearVirt2Phys"],
  ] as const;
  for (const [verb, description, method] of verbs) {
    order<[Ip, Mac, Ipv6, Vni]>(
      program
        .command(verb)
        .description(description)
        .argument("<vpc-ip>", "address in the VPC", argument.ipArgument)
        .argument("<vpc-mac>", "its MAC", argument.macArgument)
        .argument("<underlay-ip>", "its sled", argument.ipv6Argument)
        .argument("<vni>", "the VPC", argument.vniArgument),
      (driver, vip, ether, ip, vni) => driver[method]({ vip, phys: { ether, ip, vni } }),
    );
  }
}

export function directVerbs(program: Command): void {
  multicastVerbs(program);
  subscriptionVerbs(program);
  portVerbs(program);
  v2pVerbs(program);
}
