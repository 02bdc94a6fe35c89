/** What the agent has on this sled that a drain takes away, and what it leaves. */
import type { AgentClient } from "../client.ts";
import type { Entry, Mapping } from "../networking.ts";
import type { Status } from "../status.ts";
import { formatTable } from "../table.ts";
import { patiently } from "./patience.ts";

export interface Vmm {
  readonly propolis_id: string;
  readonly instance_id?: string;
  readonly origin: "registered" | "adopted";
  readonly ports: readonly { readonly name: string }[];
}

interface Port {
  readonly name: string;
  readonly owner: "registered" | "adopted" | "foreign";
  readonly propolis_id?: string;
}

export interface Holdings {
  readonly vmms: readonly Vmm[];
  /** Of the configuration in force; null: there is none. */
  readonly generation: number | null;
  readonly entries: readonly Entry[];
  readonly mappings: readonly Mapping[];
  /** Ports that were made here and have no VMM any more: the agent has not been able to delete them yet. */
  readonly leftOver: readonly string[];
  /** Ports of others, which are left alone. */
  readonly foreign: readonly string[];
}

export async function listHoldings(client: AgentClient): Promise<Holdings> {
  const get = async <T>(path: string) => (await patiently(() => client.call("GET", path))) as T;
  const { generation } = await get<Status>("/multicast/status");
  const ports = await get<readonly Port[]>("/networking/ports");
  const names = (which: (port: Port) => boolean) => ports.filter(which).map(({ name }) => name);
  return {
    vmms: await get<readonly Vmm[]>("/vmms"),
    generation,
    entries: await get<readonly Entry[]>("/networking/mcast-fwd"),
    mappings: await get<readonly Mapping[]>("/networking/mcast-m2p"),
    leftOver: names(({ owner, propolis_id: id }) => owner === "registered" && id === undefined),
    foreign: names(({ owner }) => owner === "foreign"),
  };
}

export function isEmpty({ vmms, generation, entries, mappings, leftOver }: Holdings): boolean {
  return generation === null && [vmms, entries, mappings, leftOver].every(({ length }) => length === 0);
}

const nameList = (names: readonly string[]) => (names.length === 0 ? "none" : names.join(", "));

/** For people. */
export function describeHoldings({ vmms, generation, entries, mappings, leftOver, foreign }: Holdings): string {
  const facts = formatTable(
    ["WHAT", "HOW MANY"],
    [
      ["VMMs, with their memberships", vmms.length],
      ["configuration in force", generation === null ? "none" : `generation ${generation}`],
      ["forwarding entries", entries.length],
      ["mappings", mappings.length],
      ["ports that wait to be deleted", nameList(leftOver)],
      ["ports of others, left alone", nameList(foreign)],
    ],
  );
  if (vmms.length === 0) return facts;
  const rows = vmms.map(({ propolis_id: id, instance_id: instance, origin, ports }) => [
    id,
    instance,
    origin,
    nameList(ports.map(({ name }) => name)),
    origin === "registered" ? "deleted" : "stay, unsubscribed",
  ]);
  return `${facts}\n${formatTable(["PROPOLIS ID", "INSTANCE ID", "ORIGIN", "PORTS", "WHICH ARE"], rows)}`;
}

/** For programs. */
export function toJson({ vmms, generation, entries, mappings, leftOver, foreign }: Holdings): object {
  return { vmms, generation, forwarding: entries, mappings, left_over_ports: leftOver, foreign_ports: foreign };
}
