/** What is so, in the words of the books: as the agent lists it, as its driver holds it, and as the kernel has joined. */
import type { Snapshot } from "../../src/opte/model/tables.ts";
import { subscriptionsThatFollow } from "../crash/world.ts";
import { joinsOf, type NicHost } from "../nics/host.ts";
import type { SoakAgent } from "./agent.ts";
import { differences, type World } from "./books.ts";
import { V2P_VNI, vmmNumbers, vniOf } from "./vmms.ts";

interface ListedVmm {
  readonly propolis_id: string;
  readonly ports: readonly { readonly name: string; readonly primary: boolean }[];
}

interface Membership {
  readonly group_ip: string;
  readonly sources: readonly string[];
}

interface Member {
  readonly id: string;
  readonly vni: number | undefined;
  readonly port: string;
  readonly memberships: ReadonlyMap<string, string>;
}

/** What is found, and what in it does not fit together. */
export interface Sight {
  readonly world: World;
  readonly contradictions: readonly string[];
}

export async function look(agent: SoakAgent, driver: Snapshot, host: NicHost, nics: readonly string[]): Promise<Sight> {
  const members = await listMembers(agent);
  const listed = await listTables(agent, members);
  const held = heldByDriver(driver, members);
  const m2p = new Map(driver.m2p.map(({ group, underlay }) => [String(group), String(underlay)]));
  const names = (all: readonly string[]) => new Map(all.map((name) => [name, "there"]));
  const contradictions = [
    // Tables that the agent lists are the driver's own.
    ...differences(ofTables(held), ofTables(listed)).map((text) => `driver and list: ${text}`),
    ...differences(
      names(subscriptionsThatFollow(members, m2p)),
      names(
        driver.subscriptions.flatMap(([underlay, ports]) =>
          ports.map(([port, { mode, sources }]) => `${underlay} ${port} ${mode}(${sources.join(",")})`),
        ),
      ),
    ).map((text) => `subscription ${text}`),
    ...differences(names(joinsOf(nics, [...new Set(m2p.values())])), names(host.joins())).map(
      (text) => `kernel's membership ${text}`,
    ),
    ...differences(names(members.map(({ port }) => port)), names(driver.ports.map(({ create }) => create.name))).map(
      (text) => `port ${text}`,
    ),
  ];
  return { world: new Map([...held, ...listed]), contradictions };
}

const ofTables = (world: World): World => new Map([...world].filter(([line]) => /^(m2p|fwd|v2p) /.test(line)));

async function listMembers(agent: SoakAgent): Promise<Member[]> {
  const vnis = new Map(vmmNumbers.map((n) => [n, vniOf(n)]));
  const members: Member[] = [];
  for (const { propolis_id: id, ports } of await agent.get<readonly ListedVmm[]>("/vmms")) {
    const listed = await agent.get<readonly Membership[]>(`/vmms/${id}/multicast-group`);
    const memberships = new Map(listed.map(({ group_ip: group, sources }) => [group, sources.join()]));
    const port = ports.find(({ primary }) => primary)?.name ?? "none";
    members.push({ id, vni: vnis.get(Number(id.slice(-12))), port, memberships });
  }
  return members;
}

async function listTables(agent: SoakAgent, members: readonly Member[]): Promise<World> {
  const { status, text } = await agent.call("GET", "/multicast/config");
  const m2p = await agent.get<readonly { group: string; underlay: string }[]>("/networking/mcast-m2p");
  const fwd =
    await agent.get<readonly { underlay: string; next_hops: { next_hop: string }[] }[]>("/networking/mcast-fwd");
  const v2p = await agent.get<readonly { vni: number; virtual_ip: string; physical_host_ip: string }[]>("/v2p");
  return new Map([
    ...(status === 200 ? [["config", String((JSON.parse(text) as { generation: number }).generation)] as const] : []),
    ...m2p.map(({ group, underlay }) => [`m2p ${group}`, underlay] as const),
    ...fwd.map(({ underlay, next_hops: hops }) => [`fwd ${underlay}`, hops.map((hop) => hop.next_hop).join()] as const),
    ...v2p
      .filter(({ vni }) => vni === V2P_VNI)
      .map(({ virtual_ip: ip, physical_host_ip: sled }) => [`v2p ${ip}`, sled] as const),
    ...members.flatMap(({ id, memberships }) => [
      [`vmm ${id}`, ""] as const,
      ...[...memberships].map(([group, sources]) => [`${id} member ${group}`, sources] as const),
    ]),
    ...(await routeVersions(agent, members)),
  ]);
}

async function routeVersions(agent: SoakAgent, members: readonly Member[]): Promise<(readonly [string, string])[]> {
  const routers =
    await agent.get<readonly { id: { vni: number; kind: { type: string } }; version: { version: number } | null }[]>(
      "/vpc-routes",
    );
  return members.flatMap(({ id, vni }) => {
    const router = routers.find((one) => one.id.vni === vni && one.id.kind.type === "system");
    return router?.version ? [[`${id} routes version`, String(router.version.version)] as const] : [];
  });
}

/** What only the driver can say of a VMM's port, and its tables. */
function heldByDriver(driver: Snapshot, members: readonly Member[]): World {
  const world = new Map<string, string>([
    ...driver.m2p.map(({ group, underlay }) => [`m2p ${group}`, underlay] as const),
    ...driver.forwarding.map(([underlay, hops]) => [`fwd ${underlay}`, hops.map(({ addr }) => addr).join()] as const),
    ...driver.v2p
      .filter(([vni]) => vni === V2P_VNI)
      .flatMap(([, entries]) => entries.map(([virtual, { ip }]) => [`v2p ${virtual}`, ip] as const)),
  ]);
  for (const { id, port: name } of members) {
    const port = driver.ports.find(({ create }) => create.name === name);
    for (const ip of port?.externalIps.v4?.floatingIps ?? []) world.set(`${id} floating ${ip}`, "");
    for (const [subnet, { isExternal }] of port?.attachedSubnets ?? []) {
      world.set(`${id} subnet ${subnet}`, isExternal ? "external" : "vpc");
    }
    const allowed = port?.firewall.flatMap(({ ports }) => (ports === "any" ? ["any"] : ports.map(String)));
    if (allowed !== undefined) world.set(`${id} firewall`, allowed.join());
    const dests = port?.routes.map(({ dest }) => dest) ?? [];
    if (dests.length > 0) world.set(`${id} routes`, dests.join());
  }
  return world;
}
