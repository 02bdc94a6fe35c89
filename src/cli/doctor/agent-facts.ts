/** What the agent says of itself, and whether the kernel agrees about what is joined. */
import { messageOf } from "../../error.ts";
import { type MembershipTable, readMemberships } from "../../host/membership-table.ts";
import { parseIpv6 } from "../../net/ip.ts";
import { writeIpBytes } from "../../net/ip-parse-bytes.ts";
import { type AgentClient, AgentRefusal } from "../client.ts";
import type { Status } from "../status.ts";
import type { Seen } from "./host-facts.ts";

export interface Filter {
  readonly underlay: string;
  readonly nics: readonly {
    readonly name: string;
    readonly index: number | null;
    readonly joined: boolean;
    readonly error?: string;
  }[];
}

export interface Port {
  readonly name: string;
  readonly owner: "registered" | "adopted" | "foreign";
  readonly propolis_id?: string;
}

export interface Vmm {
  readonly propolis_id: string;
  readonly ports: readonly { readonly name: string }[];
}

export interface Readiness {
  readonly ready: boolean;
  readonly steps: Readonly<Record<string, { readonly done: boolean; readonly detail: string }>>;
}

/** A group that an agent says is joined, and the kernel that it is not. */
export interface LostJoin {
  readonly underlay: string;
  readonly nic: string;
}

export type AgentFacts =
  | {
      readonly reached: false;
      readonly agent: string;
      readonly reason: string;
      /** Of its answer, where there was one. */
      readonly status?: number;
      /** Nobody listens there. */
      readonly isAbsent: boolean;
    }
  | {
      readonly reached: true;
      readonly agent: string;
      readonly status: Status;
      readonly readiness: Seen<Readiness>;
      readonly filters: Seen<readonly Filter[]>;
      readonly ports: Seen<readonly Port[]>;
      readonly vmms: Seen<readonly Vmm[]>;
      /** Undefined: this kernel does not tell. */
      readonly lost: readonly LostJoin[] | undefined;
    };

/** As the kernel's table writes a group. */
function digitsOf(underlay: string): string {
  const bytes = Buffer.alloc(16);
  const ip = parseIpv6(underlay);
  if (ip !== undefined) writeIpBytes(ip, bytes, 0);
  return bytes.toString("hex");
}

export function lostJoins(filters: readonly Filter[], table: MembershipTable): LostJoin[] {
  return filters.flatMap(({ underlay, nics }) => {
    const digits = digitsOf(underlay);
    return nics.flatMap(({ name, index, joined }) =>
      joined && index !== null && !table.get(index)?.has(digits) ? [{ underlay, nic: name }] : [],
    );
  });
}

/** How often a join must be missing: groups come and go between the agent's list and the kernel's. */
const LOOKS = 3;

async function compareWithKernel(list: () => Promise<readonly Filter[]>): Promise<readonly LostJoin[] | undefined> {
  let lost: readonly LostJoin[] = [];
  for (let look = 0; look < LOOKS; look++) {
    const filters = await list();
    const indexes = new Set(
      filters.flatMap(({ nics }) => nics.flatMap(({ index }) => (index === null ? [] : [index]))),
    );
    const table = await readMemberships([...indexes]);
    if (table === undefined) return undefined;
    const found = lostJoins(filters, table);
    lost =
      look === 0
        ? found
        : lost.filter((one) => found.some(({ underlay, nic }) => underlay === one.underlay && nic === one.nic));
    if (lost.length === 0) break;
  }
  return lost;
}

export async function askAgent(client: AgentClient, agent: string): Promise<AgentFacts> {
  const get = async <T>(path: string) => (await client.call("GET", path)) as T;
  const seen = async <T>(ask: () => Promise<T>): Promise<Seen<T>> => {
    try {
      return { value: await ask() };
    } catch (error) {
      return { reason: messageOf(error) };
    }
  };
  let status: Status;
  try {
    status = await get<Status>("/multicast/status");
  } catch (error) {
    const { status: answered, isAbsent = false }: Partial<AgentRefusal> = error instanceof AgentRefusal ? error : {};
    const reason = messageOf(error);
    return { reached: false, agent, reason, isAbsent, ...(answered === undefined ? {} : { status: answered }) };
  }
  const listFilters = () => get<readonly Filter[]>("/networking/mcast-filters");
  const lost = await seen(() => compareWithKernel(listFilters));
  return {
    reached: true,
    agent,
    status,
    readiness: await seen(async () => JSON.parse((await client.look("/readyz")).text) as Readiness),
    filters: await seen(listFilters),
    ports: await seen(() => get<readonly Port[]>("/networking/ports")),
    vmms: await seen(() => get<readonly Vmm[]>("/vmms")),
    lost: "reason" in lost ? undefined : lost.value,
  };
}
