/** One of each operation that changes a sled, with what has to be there before it: for tests that let it go wrong at every step. */
import { SledcastError } from "../../src/error.ts";
import { parseConfig, parseForwardingEntry, parseMapping, parseMembership } from "../../src/http/parse/multicast.ts";
import { parseRegistration } from "../../src/http/parse/registration.ts";
import type { EnsureBody } from "../../src/http/schemas/vmm.ts";
import type { JoinPolicy } from "../../src/multicast/filter-holding.ts";
import type { MulticastAddr, UnderlayGroup } from "../../src/net/group.ts";
import type { CommandName, Request } from "../../src/opte/types.ts";
import type { Uuid } from "../../src/uuid.ts";
import { Course } from "./course.ts";
import { NETWORK_CHANGES } from "./network-changes.ts";
import { ensureBody, nic, propolis } from "./registration.ts";
import { Sled } from "./sled.ts";
import { worldOf } from "./world.ts";

export interface Change {
  readonly text: string;
  /** Makes the old state. */
  readonly before: readonly Act[];
  readonly run: Act;
  /** Nothing that was acknowledged: a start may do it by itself. */
  readonly isRepair?: boolean;
  /** What fails of it is told in its answer, and tried again. */
  readonly isPartial?: boolean;
}

export type Act = (sled: Sled) => Promise<unknown>;

/** Ports that the model starts with. */
const GUESTS = ["guest0", "guest1", "guest2"] as const;
const ID1 = propolis(1) as Uuid;
const ID2 = propolis(2) as Uuid;

const set =
  (group: string, underlay: string): Act =>
  ({ agent }) =>
    agent.setMapping(parseMapping({ group, underlay }));
const clear =
  (group: string, underlay: string): Act =>
  ({ agent }) =>
    agent.clearMapping(parseMapping({ group, underlay }));
const forward =
  (underlay: string, ...hops: readonly string[]): Act =>
  ({ agent }) =>
    agent.setForwarding(parseForwardingEntry(forwardingBody(underlay, hops)));
const unforward =
  (underlay: string): Act =>
  ({ agent }) =>
    agent.clearForwarding(underlay as UnderlayGroup);
const join =
  (id: Uuid, group_ip: string, ...sources: readonly string[]): Act =>
  ({ agent }) =>
    agent.join(id, parseMembership({ group_ip, sources: [...sources] }));
const leave =
  (id: Uuid, group: string): Act =>
  ({ agent }) =>
    agent.leave(id, group as MulticastAddr);
const adopt =
  (id: Uuid, ...ports: readonly string[]): Act =>
  ({ agent }) =>
    agent.adopt(id, ports, ports[0] as string);
const unregister =
  (id: Uuid): Act =>
  ({ agent }) =>
    agent.unregister(id);
const opteadm =
  <C extends CommandName>(command: C, request: object): Act =>
  ({ model }) =>
    model.call(command, request as unknown as Request<C>);

function forwardingBody(underlay: string, hops: readonly string[]) {
  const filter = { mode: "exclude" as const, sources: [] };
  return {
    underlay,
    next_hops: hops.map((next_hop) => ({ next_hop, replication: "underlay" as const, filter })),
  };
}

const SERVICE = { kind: { type: "service", id: "ffffffff-0000-4000-8000-000000000001" } };

function register(id: Uuid, nics: readonly object[], groups: Readonly<Record<string, readonly string[]>> = {}): Act {
  const multicast_groups = Object.entries(groups).map(([group_ip, sources]) => ({ group_ip, sources }));
  const body = ensureBody({ nics, multicast_groups });
  return ({ agent }) => agent.register(id, parseRegistration(body as unknown as EnsureBody, JSON.stringify(body)));
}

function configure(
  generation: number,
  m2p: Readonly<Record<string, string>>,
  forwarding: Readonly<Record<string, readonly string[]>>,
): Act {
  const config = parseConfig({
    generation,
    m2p: Object.entries(m2p).map(([group, underlay]) => ({ group, underlay })),
    forwarding: Object.entries(forwarding).map(([underlay, hops]) => forwardingBody(underlay, hops)),
  });
  return async ({ agent }) => {
    const { failed } = await agent.putConfig(config);
    // It is in force and told entry by entry; to those who only ask whether all is done, it is not.
    if (failed.length > 0) throw new SledcastError("driver-busy", failed.map(({ error }) => error).join("; "));
  };
}

/** Two groups share an underlay, one has another, and one has none yet. */
const MAPPED: readonly Act[] = [
  set("239.1.1.1", "ff04::1"),
  set("239.1.1.2", "ff04::1"),
  set("239.1.1.3", "ff04::3"),
  forward("ff04::1", "fd00::a"),
];
const GROUPS = { "239.1.1.1": ["10.0.0.1"], "239.1.1.2": ["10.0.0.2"], "239.1.1.3": [], "239.1.1.4": [] };
const joinAll = (id: Uuid): Act[] => Object.entries(GROUPS).map(([group, sources]) => join(id, group, ...sources));
const ADOPTED: readonly Act[] = [...MAPPED, adopt(ID1, "guest0"), ...joinAll(ID1)];
const REGISTERED: readonly Act[] = [...MAPPED, register(ID1, [nic(1), nic(2)], GROUPS)];
const IN_FORCE = configure(
  1,
  { "239.1.1.1": "ff04::1", "239.1.1.2": "ff04::2" },
  { "ff04::1": ["fd00::a", "fd00::b"], "ff04::2": ["fd00::a"] },
);

const MULTICAST_CHANGES: readonly Change[] = [
  { text: "register with one NIC", before: MAPPED, run: register(ID1, [nic(1)], GROUPS) },
  {
    text: "register with two NICs, one of a service",
    before: ADOPTED,
    run: register(ID2, [nic(1), nic(2, SERVICE)], GROUPS),
  },
  { text: "unregister a registered VMM", before: REGISTERED, run: unregister(ID1) },
  { text: "unregister an adopted VMM", before: ADOPTED, run: unregister(ID1) },
  { text: "adopt for the first time", before: MAPPED, run: adopt(ID1, "guest0", "guest1") },
  { text: "adopt another port", before: [...ADOPTED, adopt(ID2, "guest2")], run: adopt(ID1, "guest1") },
  { text: "adopt the same and more", before: ADOPTED, run: adopt(ID1, "guest0", "guest1") },
  { text: "join", before: [...MAPPED, adopt(ID1, "guest0")], run: join(ID1, "239.1.1.1", "10.0.0.1") },
  { text: "join on a shared underlay", before: REGISTERED, run: join(ID1, "239.1.1.2") },
  { text: "join before there is a mapping", before: ADOPTED, run: join(ID1, "239.1.1.9") },
  { text: "leave", before: ADOPTED, run: leave(ID1, "239.1.1.3") },
  { text: "leave on a shared underlay", before: REGISTERED, run: leave(ID1, "239.1.1.1") },
  {
    text: "set a mapping that two wait for",
    before: [...ADOPTED, register(ID2, [nic(2, { primary: true })], GROUPS)],
    run: set("239.1.1.4", "ff04::4"),
  },
  {
    text: "move a mapping off a shared underlay",
    before: [...ADOPTED, register(ID2, [nic(2, { primary: true })], GROUPS)],
    run: set("239.1.1.1", "ff04::9"),
  },
  { text: "clear a mapping", before: REGISTERED, run: clear("239.1.1.3", "ff04::3") },
  { text: "clear a mapping on a shared underlay", before: ADOPTED, run: clear("239.1.1.2", "ff04::1") },
  { text: "set forwarding", before: MAPPED, run: forward("ff04::1", "fd00::b") },
  { text: "clear forwarding", before: MAPPED, run: unforward("ff04::1") },
  { text: "put the first configuration", before: ADOPTED, run: IN_FORCE, isPartial: true },
  {
    text: "put a newer configuration",
    before: [...ADOPTED, IN_FORCE],
    isPartial: true,
    run: configure(
      2,
      { "239.1.1.1": "ff04::2", "239.1.1.3": "ff04::3" },
      { "ff04::1": ["fd00::b", "fd00::c"], "ff04::3": ["fd00::a"] },
    ),
  },
  {
    text: "release the configuration",
    before: [...ADOPTED, IN_FORCE],
    run: ({ agent }) => agent.releaseConfig(),
  },
  { text: "put a state", before: REGISTERED, run: ({ agent }) => agent.putVmmState(ID1, "stopped") },
  {
    text: "remove a subscription that nothing explains or leads to",
    before: [
      ...ADOPTED,
      opteadm("SetMcast2Phys", { group: "239.9.9.9", underlay: "ff04::9" }),
      opteadm("McastSubscribe", { port: "guest0", group: "239.9.9.9", filter: { mode: "exclude", sources: [] } }),
      opteadm("ClearMcast2Phys", { group: "239.9.9.9", underlay: "ff04::9" }),
    ],
    run: async ({ agent }) => {
      const { findings } = await agent.audit();
      const error = findings.find(({ repaired }) => !repaired)?.error;
      if (error !== undefined) throw new SledcastError("driver-busy", error);
    },
    isRepair: true,
    isPartial: true,
  },
];

export const CHANGES: readonly Change[] = [...MULTICAST_CHANGES, ...NETWORK_CHANGES];

/** A sled at the point where the change is to be made; its steps are counted from there. */
export async function begin(
  { before }: Change,
  joinPolicy: JoinPolicy,
): Promise<{ readonly sled: Sled; readonly course: Course }> {
  const course = new Course();
  const model = { ports: GUESTS.map((name) => ({ name })), portsStart: "running" as const };
  const sled = await Sled.start({ model, joinPolicy, course, http: false });
  for (const act of before) await act(sled);
  course.begin();
  return { sled, course };
}

/** The states between which there is none, the steps from the one to the other, and the state after a repetition. */
export async function wholeStates(change: Change, joinPolicy: JoinPolicy) {
  const { sled, course } = await begin(change, joinPolicy);
  const before = worldOf(sled);
  await change.run(sled);
  const steps = [...course.steps];
  const after = worldOf(sled);
  await change.run(sled);
  const again = worldOf(sled);
  await sled.close();
  return { before, after, again, steps };
}
