/** The sled that registrations come to: two VMMs with routes, gateways and mappings; and what it has of a VMM. */
import type { RouterTarget } from "../../src/opte/types.ts";
import { ensureBody, nic, propolis } from "../harness/registration.ts";
import type { Sled } from "../harness/sled.ts";
import { cidr, ip, uuid, vniOf } from "../net/make.ts";
import { ipKey } from "./address.ts";
import { NIC_IDS, TAKEN_MAC } from "./pools.ts";
import { seenPort, targetText } from "./seen.ts";
import { type ExpectedMembership, type Made, routerKey, type Surroundings } from "./translation.ts";

const IGW = "22222222-0000-4000-8000-000000000001";

interface RouterRoutes {
  readonly vni: number;
  readonly subnet: string | undefined;
  readonly routes: readonly (readonly [dest: string, target: RouterTarget])[];
}

/** What the control plane has said of the routers of VPC 100. */
const ROUTERS: readonly RouterRoutes[] = [
  {
    vni: 100,
    subnet: undefined,
    routes: [
      ["0.0.0.0/0", { type: "internet-gateway", id: uuid(IGW) }],
      ["10.0.0.0/24", { type: "vpc-subnet", cidr: cidr("10.0.0.0/24") }],
    ],
  },
  {
    vni: 100,
    subnet: "10.0.0.0/24",
    routes: [
      ["10.8.0.0/16", { type: "drop" }],
      ["10.9.0.0/16", { type: "ip", ip: ip("10.0.0.9") }],
    ],
  },
  { vni: 100, subnet: "fd00:1::/64", routes: [["::/0", { type: "internet-gateway", id: undefined }]] },
];

/** The service that is there made these when it came first to its VPC. */
const SERVICE_ROUTES = ["0.0.0.0/0", "::/0"].map((dest) => ({ dest, target: "internet-gateway" }));

const MAPPINGS = {
  "239.1.1.1": "ff04::1",
  "239.1.1.2": "ff04::1",
  "232.4.4.4": "ff04::4",
  "ff3e::8": "ff04::8",
  "ff02::fb": "ff04::1",
};

const GATEWAYS: readonly (readonly [ip: string, ids: readonly string[]])[] = [
  ["192.0.2.1", [IGW]],
  ["2001:db8::1", ["33333333-0000-4000-8000-000000000001", IGW]],
];

export const SURROUNDINGS: Surroundings = {
  physIp: "fd00::1",
  routes: new Map([
    ...ROUTERS.map(
      ({ vni, subnet, routes }) =>
        [routerKey(vni, subnet), routes.map(([dest, target]) => ({ dest, target: targetText(target) }))] as const,
    ),
    [routerKey(101), SERVICE_ROUTES],
    [routerKey(101, "10.0.0.0/24"), SERVICE_ROUTES],
  ]),
  gateways: new Map(NIC_IDS.slice(0, 1).map((id) => [id, GATEWAYS])),
  mappings: new Map(Object.entries(MAPPINGS).map(([group, underlay]) => [ipKey(group), underlay])),
};

export async function populate(sled: Sled): Promise<void> {
  for (const [group, underlay] of Object.entries(MAPPINGS)) await sled.setMapping(group, underlay);
  const dual = {
    type: "dual_stack",
    value: {
      v4: { ip: "10.0.0.9", subnet: "10.0.0.0/24", transit_ips: [] },
      v6: { ip: "fd00:1::9", subnet: "fd00:1::/64", transit_ips: [] },
    },
  };
  const service = { type: "service", id: "ffffffff-0000-4000-8000-000000000001" };
  const instance = nic(8, { mac: TAKEN_MAC, ip_config: dual, primary: true });
  await sled.put(`/vmms/${propolis(901)}`, ensureBody({ nics: [instance] }));
  await sled.put(
    `/vmms/${propolis(902)}`,
    ensureBody({ nics: [nic(9, { vni: 101, kind: service, mac: "a8:40:25:ff:00:02" })] }),
  );
  await sled.agent.network.setRoutes(
    ROUTERS.map(({ vni, subnet, routes }) => ({
      id: { vni: vniOf(vni), subnet: subnet === undefined ? undefined : cidr(subnet) },
      version: undefined,
      routes: routes.map(([dest, target]) => ({ dest: cidr(dest), target })),
    })),
  );
  const gateways = new Map(GATEWAYS.map(([address, ids]) => [ip(address), ids.map(uuid)]));
  await sled.agent.network.setGateways(new Map(NIC_IDS.slice(0, 1).map((id) => [uuid(id), gateways])));
}

interface ListedVmm {
  readonly propolis_id: string;
  readonly ports: readonly { readonly name: string; readonly primary: boolean }[];
}

/** What there is of a VMM, in the words of the translation. */
export async function observed(sled: Sled, id: string): Promise<Made> {
  const listed = (await sled.get("/vmms")).body as readonly ListedVmm[];
  const ports = listed.find((vmm) => vmm.propolis_id === id)?.ports ?? [];
  const tables = new Map(sled.model.tables.ports.map((port) => [port.create.name, port]));
  const primary = ports.find((port) => port.primary)?.name;
  const members = (await sled.get(`/vmms/${id}/multicast-group`)).body as readonly {
    readonly group_ip: string;
    readonly sources: readonly string[];
    readonly state: ExpectedMembership["state"];
  }[];
  const subscriptions = sled.model.tables.subscriptions.flatMap(([underlay, subscribers]) =>
    subscribers
      // Whoever of them has a subscription that is not the primary would show as one too many.
      .filter(([name]) => ports.some((port) => port.name === name))
      .map(([name, { mode, sources }]) => {
        const text = `${underlay} ${mode}(${sources.map(ipKey).sort()})`;
        return name === primary ? text : `${text} of ${name}`;
      }),
  );
  return {
    ports: ports.map(({ name }) => {
      const port = tables.get(name);
      if (port === undefined) throw new Error(`${name} is not in the driver`);
      return seenPort(port);
    }),
    primary: ports.map((port) => port.primary),
    memberships: members
      .map(({ group_ip, sources, state }) => ({ group: ipKey(group_ip), sources: sources.map(ipKey).sort(), state }))
      .sort((a, b) => (a.group < b.group ? -1 : 1)),
    subscriptions: subscriptions.sort(),
  };
}
