/** Random operations on a sled: how to run each, and what it makes of the reference. */
import fc from "fast-check";
import { SledcastError } from "../../src/error.ts";
import { parseRegistration } from "../../src/http/parse/registration.ts";
import type { EnsureBody } from "../../src/http/schemas/vmm.ts";
import type { MulticastAddr, UnderlayGroup } from "../../src/net/group.ts";
import type { Ip, Ipv6 } from "../../src/net/ip.ts";
import { MULTICAST_VNI } from "../../src/net/vni.ts";
import { ANY_SOURCE } from "../../src/opte/filter.ts";
import type { Uuid } from "../../src/uuid.ts";
import type { Reference } from "./reference.ts";
import { ensureBody, nic, propolis } from "./registration.ts";
import type { Sled } from "./sled.ts";

export interface Operation {
  readonly text: string;
  run(sled: Sled): Promise<unknown>;
  /** The reference after success. */
  apply(reference: Reference): Reference;
}

/** Ports that the model starts with. */
export const FOREIGN_PORTS = ["guest0", "guest1"] as const;
const GROUPS = ["239.1.1.1", "239.1.1.2", "ff0e::1"] as const;
const UNDERLAYS = ["ff04::1", "ff04::2"] as const;
const HOPS = ["fd00::a", "fd00::b"] as const;
/** Sources fit the family of the group they are used with. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  v4: ["10.0.0.1", "10.0.0.2"],
  v6: ["fd00::1", "fd00::2"],
};
/** Adopting VMMs have ids 10 and 11; registered ones 1 and 2. */
const REGISTERED = [1, 2].map(propolis);
const ADOPTED = [10, 11].map(propolis);

function without<K, V>(map: ReadonlyMap<K, V>, key: K): Map<K, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

const group = fc.constantFrom(...GROUPS);
const underlay = fc.constantFrom(...UNDERLAYS);
const vmm = fc.constantFrom(...REGISTERED, ...ADOPTED);

function setOf(g: string, u: string): Operation {
  return {
    text: `set ${g} ${u}`,
    run: ({ agent }) => agent.setMapping({ group: g as Ip, underlay: u as UnderlayGroup }),
    apply: (reference) => ({ ...reference, mappings: new Map(reference.mappings).set(g, u) }),
  };
}

const clear = fc.tuple(group, underlay).map(
  ([g, u]): Operation => ({
    text: `clear ${g} ${u}`,
    run: ({ agent }) => agent.clearMapping({ group: g as Ip, underlay: u as UnderlayGroup }),
    apply: (reference) =>
      reference.mappings.get(g) === u ? { ...reference, mappings: without(reference.mappings, g) } : reference,
  }),
);

/** `pick`: a bit for each source. */
function joinOf(id: string, g: string, pick: number): Operation {
  const sources = (SOURCES[g.includes(":") ? "v6" : "v4"] as readonly string[]).filter((_, i) => (pick >> i) & 1);
  return {
    text: `join ${id.slice(-2)} ${g} [${sources}]`,
    run: ({ agent }) => agent.join(id as Uuid, { group: g as MulticastAddr, sources: sources as Ip[] }),
    apply: (reference) => {
      const memberships = reference.vmms.get(id);
      if (memberships === undefined) return reference;
      return { ...reference, vmms: new Map(reference.vmms).set(id, new Map(memberships).set(g, sources)) };
    },
  };
}

const leave = fc.tuple(vmm, group).map(
  ([id, g]): Operation => ({
    text: `leave ${id.slice(-2)} ${g}`,
    run: ({ agent }) => agent.leave(id as Uuid, g as MulticastAddr),
    apply: (reference) => {
      const memberships = reference.vmms.get(id);
      return memberships === undefined
        ? reference
        : { ...reference, vmms: new Map(reference.vmms).set(id, without(memberships, g)) };
    },
  }),
);

const register = fc.tuple(fc.constantFrom(...REGISTERED), fc.subarray([...GROUPS])).map(([id, groups]): Operation => {
  const n = Number(id.slice(-2));
  const multicast_groups = groups.map((group_ip) => ({ group_ip, sources: [] }));
  const body = ensureBody({ nics: [nic(n, { primary: true })], multicast_groups });
  return {
    text: `register ${n} [${groups}]`,
    run: ({ agent }) =>
      agent.register(id as Uuid, parseRegistration(body as unknown as EnsureBody, JSON.stringify(body))),
    apply: (reference) =>
      reference.vmms.has(id)
        ? reference
        : { ...reference, vmms: new Map(reference.vmms).set(id, new Map(groups.map((g) => [g, []]))) },
  };
});

/** A VMM takes a port, or changes to it; one that the other has is refused to it. */
function adoptOf(i: number, j: number): Operation {
  const id = ADOPTED[i] as string;
  const port = FOREIGN_PORTS[j] as string;
  const others = ({ adopted }: Reference) => [...adopted].some(([other, its]) => other !== id && its === port);
  return {
    text: `adopt ${id.slice(-2)} ${port}`,
    run: async ({ agent }) => {
      try {
        await agent.adopt(id as Uuid, [port], port);
      } catch (error) {
        if (!(error instanceof SledcastError && error.kind === "conflict")) throw error;
      }
    },
    apply: (reference) => {
      if (others(reference)) return reference;
      const vmms = new Map(reference.vmms).set(id, reference.vmms.get(id) ?? new Map());
      return { ...reference, vmms, adopted: new Map(reference.adopted).set(id, port) };
    },
  };
}

const unregister = vmm.map(
  (id): Operation => ({
    text: `unregister ${id.slice(-2)}`,
    run: ({ agent }) => agent.unregister(id as Uuid),
    apply: (reference) => ({
      ...reference,
      vmms: without(reference.vmms, id),
      adopted: without(reference.adopted, id),
    }),
  }),
);

const setForwarding = fc.tuple(underlay, fc.subarray([...HOPS])).map(
  ([u, hops]): Operation => ({
    text: `fwd set ${u} [${hops}]`,
    run: ({ agent }) =>
      agent.setForwarding({
        underlay: u as UnderlayGroup,
        nextHops: hops.map((addr) => ({
          addr: addr as Ipv6,
          vni: MULTICAST_VNI,
          replication: "underlay",
          filter: ANY_SOURCE,
        })),
      }),
    apply: (reference) => {
      const all = new Set([...(reference.forwarding.get(u) ?? []), ...hops]);
      return { ...reference, forwarding: new Map(reference.forwarding).set(u, all) };
    },
  }),
);

const clearForwarding = underlay.map(
  (u): Operation => ({
    text: `fwd clear ${u}`,
    run: ({ agent }) => agent.clearForwarding(u as UnderlayGroup),
    apply: (reference) => ({ ...reference, forwarding: without(reference.forwarding, u) }),
  }),
);

const read = fc.constantFrom("listMappings", "listForwarding", "listPorts", "audit").map(
  (name): Operation => ({
    text: name,
    run: ({ agent }) => agent[name as "audit"](),
    apply: (reference) => reference,
  }),
);

export const operation = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(group, underlay).map(([g, u]) => setOf(g, u)) },
  { weight: 3, arbitrary: clear },
  { weight: 4, arbitrary: fc.tuple(vmm, group, fc.nat(3)).map(([id, g, pick]) => joinOf(id, g, pick)) },
  { weight: 3, arbitrary: leave },
  { weight: 2, arbitrary: register },
  { weight: 2, arbitrary: fc.tuple(fc.nat(1), fc.nat(1)).map(([i, j]) => adoptOf(i, j)) },
  { weight: 2, arbitrary: unregister },
  { weight: 1, arbitrary: setForwarding },
  { weight: 1, arbitrary: clearForwarding },
  { weight: 1, arbitrary: read },
);

/** A sled that is in use: VMMs with memberships, two groups on one underlay. What follows is then about something. */
export const PROLOGUE: readonly Operation[] = [
  adoptOf(0, 0),
  adoptOf(1, 1),
  setOf(GROUPS[0], UNDERLAYS[0]),
  setOf(GROUPS[1], UNDERLAYS[0]),
  joinOf(ADOPTED[0] as string, GROUPS[0], 0),
  joinOf(ADOPTED[0] as string, GROUPS[1], 1),
  joinOf(ADOPTED[1] as string, GROUPS[0], 2),
  joinOf(ADOPTED[1] as string, GROUPS[2], 0),
];
