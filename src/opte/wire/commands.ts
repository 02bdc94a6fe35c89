/**
 * The commands in this program's terms, as each API version numbers and encodes them. A command
 * that a version lacks has no entry there, so it cannot be sent to it: the driver reads the number
 * straight into a Rust enum, and an unknown one is undefined behaviour in the kernel.
 */
import type { Cidr } from "../../net/cidr.ts";
import { type Codec, mapped, type ValueOf } from "../../postcard/codec.ts";
import type { CommandName, Removed, Request, Response, RouterEntry } from "../types.ts";
import * as basic from "./basic.ts";
import * as layers from "./layer-terms.ts";
import * as mappings from "./mapping-terms.ts";
import { shared } from "./mcast.ts";
import * as multicast from "./mcast-terms.ts";
import { network } from "./network.ts";
import { createXde, fromExternalIps, portList, toExternalIps } from "./port-terms.ts";
import * as ports from "./ports.ts";
import { fromDirection, fromRule, fromTarget, toDirection, toRule, toTarget } from "./rule-terms.ts";
import { fromCidr, fromIp, orNull, toCidr, toIp } from "./terms.ts";

export interface WireCommand<C extends CommandName> {
  /** opte-api `OpteCmd`. */
  readonly number: number;
  /** Left out: the command has no body. */
  readonly request: Codec<Request<C>> | undefined;
  readonly response: Codec<Response<C>>;
}

export type WireCommands = { readonly [C in CommandName]?: WireCommand<C> };

const nothing: Codec<undefined> = mapped(
  basic.NoResp,
  () => undefined,
  () => ({ unused: 0n }),
);

/** Takes a body and has nothing to answer but success. */
const order = <T>(number: number, request: Codec<T>) => ({ number, request, response: nothing });
/** Without a body. */
const question = <T>(number: number, response: Codec<T>) => ({ number, request: undefined, response });

const portName = mapped(
  ports.shared.ClearUftReq,
  ({ port_name }) => ({ port: port_name }),
  ({ port }) => ({ port_name: port }),
);

const routerEntry: Codec<RouterEntry> = mapped(
  network.AddRouterEntryReq,
  (wire): RouterEntry => ({
    port: wire.port_name,
    dest: toCidr(wire.dest),
    target: toTarget(wire.target),
    class: wire.class === "System" ? "system" : "custom",
  }),
  (entry): ValueOf<typeof network.AddRouterEntryReq> => ({
    port_name: entry.port,
    dest: fromCidr(entry.dest),
    target: fromTarget(entry.target),
    class: entry.class === "system" ? "System" : "Custom",
  }),
);

const removed: Codec<Removed> = mapped(
  network.DelRouterEntryResp,
  (wire) => (wire === "Ok" ? "ok" : "not-found"),
  (answer) => (answer === "ok" ? "Ok" : "NotFound"),
);

const removedCidr: Codec<Cidr | undefined> = mapped(
  network.RemoveCidrResp,
  (wire) => (wire === "NotFound" ? undefined : toCidr(wire.Ok)),
  (cidr) => (cidr === undefined ? "NotFound" : { Ok: fromCidr(cidr) }),
);

const firewall: Codec<Request<"SetFwRules">> = mapped(
  network.SetFwRulesReq,
  ({ port_name, rules }) => ({ port: port_name, rules: rules.map(toRule) }),
  ({ port, rules }) => ({ port_name: port, rules: rules.map(fromRule) }),
);

const addedRule: Codec<Request<"AddFwRule">> = mapped(
  network.AddFwRuleReq,
  ({ port_name, rule }) => ({ port: port_name, rule: toRule(rule) }),
  ({ port, rule }) => ({ port_name: port, rule: fromRule(rule) }),
);

const removedRule: Codec<Request<"RemFwRule">> = mapped(
  network.RemFwRuleReq,
  ({ port_name, dir, id }) => ({ port: port_name, direction: toDirection(dir), id }),
  ({ port, direction, id }) => ({ port_name: port, dir: fromDirection(direction), id }),
);

const externalIps: Codec<Request<"SetExternalIps">> = mapped(
  network.SetExternalIpsReq,
  (wire) => ({
    port: wire.port_name,
    v4: wire.external_ips_v4 === null ? undefined : toExternalIps(wire.external_ips_v4),
    v6: wire.external_ips_v6 === null ? undefined : toExternalIps(wire.external_ips_v6),
    internetGateways: wire.inet_gw_map?.map(([ip, ids]) => [toIp(ip), ids] as const),
  }),
  ({ port, v4, v6, internetGateways }) => ({
    port_name: port,
    external_ips_v4: v4 === undefined ? null : fromExternalIps(v4),
    external_ips_v6: v6 === undefined ? null : fromExternalIps(v6),
    inet_gw_map: orNull(internetGateways?.map(([ip, ids]) => [fromIp(ip), ids] as const)),
  }),
);

const cidrAndDirection: Codec<Request<"AllowCidr">> = mapped(
  network.AllowCidrReq,
  ({ port_name, cidr, dir }) => ({ port: port_name, cidr: toCidr(cidr), direction: toDirection(dir) }),
  ({ port, cidr, direction }) => ({ port_name: port, cidr: fromCidr(cidr), dir: fromDirection(direction) }),
);

/** The same in API 38 to 41. */
const EVERYWHERE = {
  ListPorts: question(1, portList),
  AddFwRule: order(20, addedRule),
  RemFwRule: order(21, removedRule),
  SetFwRules: order(22, firewall),
  DumpTcpFlows: { number: 30, request: portName, response: layers.tcpFlows },
  DumpLayer: { number: 31, request: layers.dumpedLayer, response: layers.layer },
  DumpUft: { number: 32, request: portName, response: layers.uft },
  ListLayers: { number: 33, request: portName, response: layers.layerList },
  ClearUft: order(40, portName),
  ClearLft: order(41, layers.clearedLayer),
  SetVirt2Phys: order(50, mappings.virt2Phys),
  DumpVirt2Phys: question(51, mappings.virt2PhysTable),
  SetVirt2Boundary: order(52, mappings.virt2Boundary),
  ClearVirt2Boundary: order(53, mappings.virt2Boundary),
  DumpVirt2Boundary: question(54, mappings.virt2BoundaryTable),
  ClearVirt2Phys: order(55, mappings.virt2Phys),
  AddRouterEntry: order(60, routerEntry),
  DelRouterEntry: { number: 61, request: routerEntry, response: removed },
  DeleteXde: order(
    71,
    mapped(
      ports.shared.DeleteXdeReq,
      ({ xde_devname }) => ({ name: xde_devname }),
      ({ name }) => ({ xde_devname: name }),
    ),
  ),
  SetXdeUnderlay: order(72, ports.shared.SetXdeUnderlayReq),
  ClearXdeUnderlay: question(73, nothing),
  SetExternalIps: order(80, externalIps),
  AllowCidr: order(90, cidrAndDirection),
  RemoveCidr: { number: 91, request: cidrAndDirection, response: removedCidr },
  ClearMcastForwarding: order(101, shared.ClearMcastForwardingReq),
  McastUnsubscribe: order(104, multicast.portAndGroup),
  SetMcast2Phys: order(105, multicast.mapping),
  ClearMcast2Phys: order(106, multicast.mapping),
  McastUnsubscribeAll: order(108, multicast.groupAlone),
} satisfies WireCommands;

const forwardingAndSubscriptions = ({
  forwarding,
  forwardingTable,
  subscription,
  subscriptionTable,
}: typeof multicast.withFilters) =>
  ({
    SetMcastForwarding: order(100, forwarding),
    DumpMcastForwarding: question(102, forwardingTable),
    McastSubscribe: order(103, subscription),
    DumpMcastSubscriptions: question(107, subscriptionTable),
  }) satisfies WireCommands;

/** Since API 39. */
const ATTACHED_SUBNETS = {
  AttachSubnet: order(
    92,
    mapped(
      network.AttachSubnetReq,
      ({ port_name, cidr, cfg }) => ({ port: port_name, cidr: toCidr(cidr), isExternal: cfg.is_external }),
      ({ port, cidr, isExternal }) => ({
        port_name: port,
        cidr: fromCidr(cidr),
        cfg: { is_external: isExternal },
      }),
    ),
  ),
  DetachSubnet: {
    number: 93,
    request: mapped(
      network.DetachSubnetReq,
      ({ port_name, cidr }) => ({ port: port_name, cidr: toCidr(cidr) }),
      ({ port, cidr }) => ({ port_name: port, cidr: fromCidr(cidr) }),
    ),
    response: removedCidr,
  },
} satisfies WireCommands;

/** Since API 40. */
const FILTERED = {
  ...forwardingAndSubscriptions(multicast.withFilters),
  DumpMcast2Phys: question(109, multicast.mappings),
} satisfies WireCommands;

const PLAIN = forwardingAndSubscriptions(multicast.withoutFilters);

export const COMMANDS = {
  38: { ...EVERYWHERE, ...PLAIN, CreateXde: order(70, createXde[38]) },
  39: { ...EVERYWHERE, ...PLAIN, ...ATTACHED_SUBNETS, CreateXde: order(70, createXde[39]) },
  40: { ...EVERYWHERE, ...FILTERED, ...ATTACHED_SUBNETS, CreateXde: order(70, createXde[39]) },
  41: { ...EVERYWHERE, ...FILTERED, ...ATTACHED_SUBNETS, CreateXde: order(70, createXde[41]) },
} satisfies Readonly<Record<number, WireCommands>>;
