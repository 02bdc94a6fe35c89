/** One of each operation on the network of ports, for tests that let it go wrong at every step. */
import { isKind } from "../../src/error.ts";
import { parseRegistration } from "../../src/http/parse/registration.ts";
import type { EnsureBody } from "../../src/http/schemas/vmm.ts";
import type { Ip } from "../../src/net/ip.ts";
import type { ExternalIp, GatewayMap, Route, RouteSetUpdate, VpcFirewallRule } from "../../src/ports/spec.ts";
import type { Uuid } from "../../src/uuid.ts";
import { cidr, ip, ipv6, mac, uuid, vniOf } from "../net/make.ts";
import type { Act, Change } from "./changes.ts";
import { ensureBody, nic, propolis } from "./registration.ts";

const ID1 = propolis(1) as Uuid;
const ID2 = propolis(2) as Uuid;
const VPC = vniOf(100);

const DUAL = {
  type: "dual_stack",
  value: {
    v4: { ip: "10.0.0.5", subnet: "10.0.0.0/24", transit_ips: [] },
    v6: { ip: "fd77::5", subnet: "fd77::/64", transit_ips: [] },
  },
};
const EXTERNAL = {
  v4: {
    source_nat: { ip: "192.0.2.1", first_port: 16384, last_port: 32767 },
    ephemeral_ip: "192.0.2.2",
    floating_ips: ["192.0.2.3"],
  },
};
const RULE = {
  status: "enabled",
  direction: "inbound",
  targets: [],
  filter_ports: ["22"],
  filter_protocols: [{ type: "tcp" }],
  action: "allow",
  priority: 100,
};

function register(id: Uuid, local: object): Act {
  const body = ensureBody(local);
  return ({ agent }) => agent.register(id, parseRegistration(body as unknown as EnsureBody, JSON.stringify(body)));
}

/** Two VMMs of one VPC; the first has everything, in both families. */
const TWO: readonly Act[] = [
  register(ID1, {
    nics: [nic(1, { ip_config: DUAL })],
    external_ips: EXTERNAL,
    attached_subnets: [{ subnet: "172.16.0.0/24", kind: "vpc" }],
    firewall_rules: [RULE],
  }),
  register(ID2, { nics: [nic(2, { primary: true })], firewall_rules: [RULE] }),
];

const external = (kind: ExternalIp["kind"], text: string): ExternalIp => ({ kind, ip: ip(text) });

const rules = (port: number): readonly VpcFirewallRule[] => [
  {
    enabled: true,
    direction: "in",
    targets: [],
    hosts: [],
    ports: [{ first: port, last: port }],
    protocols: [],
    action: "allow",
    priority: 200,
  },
];

const route = (dest: string, target: Route["target"]): Route => ({ dest: cidr(dest), target });
const gateway = (id?: string): Route["target"] => ({
  type: "internet-gateway",
  id: id === undefined ? undefined : uuid(id),
});
const ROUTER = uuid("11111111-0000-4000-8000-000000000001");
const IGW = "22222222-0000-4000-8000-000000000001";

/** The VPC's own routes and those of the subnet: one destination is in both. */
const routesOf = (version: bigint, own: readonly Route[], custom: readonly Route[]): readonly RouteSetUpdate[] => [
  { id: { vni: VPC, subnet: undefined }, version: { routerId: ROUTER, version }, routes: own },
  { id: { vni: VPC, subnet: cidr("10.0.0.0/24") }, version: { routerId: ROUTER, version }, routes: custom },
  { id: { vni: vniOf(999), subnet: undefined }, version: undefined, routes: own },
];
const FIRST_ROUTES = routesOf(
  1n,
  [route("0.0.0.0/0", gateway(IGW)), route("10.0.0.0/24", { type: "vpc-subnet", cidr: cidr("10.0.0.0/24") })],
  [route("0.0.0.0/0", { type: "ip", ip: ip("10.0.0.9") }), route("10.9.0.0/16", { type: "drop" })],
);
const SECOND_ROUTES = routesOf(
  2n,
  [route("0.0.0.0/0", gateway()), route("::/0", gateway(IGW))],
  [route("0.0.0.0/0", { type: "ip", ip: ip("10.0.0.9") }), route("10.8.0.0/16", { type: "drop" })],
);

const gateways = (...entries: readonly (readonly [nic: number, address: string])[]): GatewayMap =>
  new Map(
    entries.map(([n, address]) => [nic(n).id as Uuid, new Map<Ip, readonly Uuid[]>([[ip(address), [uuid(IGW)]]])]),
  );

const MAPPING = {
  vip: ip("10.0.0.77"),
  phys: { ether: mac("a8:40:25:00:00:77"), ip: ipv6("fd00:1122::1"), vni: VPC },
};

/** A subnet that is there is a conflict, which says that there was nothing to do. */
const attach =
  (subnet: string): Act =>
  async ({ agent }) => {
    try {
      await agent.network.attachSubnet(ID1, { subnet: cidr(subnet), kind: "external" });
    } catch (error) {
      if (!isKind(error, "subnet-attached")) throw error;
    }
  };

export const NETWORK_CHANGES: readonly Change[] = [
  {
    text: "attach a floating address",
    before: TWO,
    run: ({ agent }) => agent.network.attachExternalIp(ID1, external("floating", "192.0.2.9")),
  },
  {
    text: "attach an ephemeral address of a family that had none",
    before: TWO,
    run: ({ agent }) => agent.network.attachExternalIp(ID1, external("ephemeral", "2001:db8::2")),
  },
  {
    text: "detach an ephemeral address",
    before: TWO,
    run: ({ agent }) => agent.network.detachExternalIp(ID1, external("ephemeral", "192.0.2.2")),
  },
  {
    text: "replace the attached subnets",
    before: TWO,
    run: ({ agent }) =>
      agent.network.replaceAttachedSubnets(ID1, [
        { subnet: cidr("172.17.0.0/24"), kind: "external" },
        { subnet: cidr("fd88::/64"), kind: "vpc" },
      ]),
  },
  { text: "attach a subnet", before: TWO, run: attach("172.18.0.0/24") },
  {
    text: "detach a subnet",
    before: TWO,
    run: ({ agent }) => agent.network.detachSubnet(ID1, cidr("172.16.0.0/24")),
  },
  {
    text: "set a VPC's firewall rules",
    before: TWO,
    run: ({ agent }) => agent.network.setFirewallRules(VPC, rules(443)),
  },
  { text: "set the first routes", before: TWO, run: ({ agent }) => agent.network.setRoutes(FIRST_ROUTES) },
  {
    text: "set newer routes",
    before: [...TWO, ({ agent }) => agent.network.setRoutes(FIRST_ROUTES)],
    run: ({ agent }) => agent.network.setRoutes(SECOND_ROUTES),
  },
  {
    text: "set the gateways of external addresses",
    before: [...TWO, ({ agent }) => agent.network.setGateways(gateways([1, "192.0.2.2"], [8, "192.0.2.8"]))],
    run: ({ agent }) => agent.network.setGateways(gateways([1, "192.0.2.3"], [2, "192.0.2.4"], [9, "192.0.2.9"])),
  },
  { text: "set where an address lives", before: TWO, run: ({ agent }) => agent.network.setVirt2Phys(MAPPING) },
  {
    text: "clear where an address lives",
    before: [...TWO, ({ agent }) => agent.network.setVirt2Phys(MAPPING)],
    run: ({ agent }) => agent.network.clearVirt2Phys(MAPPING),
  },
  {
    text: "unregister one of two VMMs with routes, rules and subnets",
    before: [...TWO, ({ agent }) => agent.network.setRoutes(FIRST_ROUTES)],
    run: ({ agent }) => agent.unregister(ID1),
  },
];
