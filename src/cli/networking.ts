/** `m2p`, `fwd`, `subs`, `filters`: this sled's tables. */
import { type Command, InvalidArgumentError } from "commander";
import { SledcastError } from "../error.ts";
import { action } from "./context.ts";
import { formatFilter, type Row } from "./table.ts";

interface Filter {
  readonly mode: string;
  readonly sources: readonly string[];
}

interface Hop {
  readonly next_hop: string;
  readonly replication: string;
  readonly filter: Filter;
}

export interface Mapping {
  readonly group: string;
  readonly underlay: string;
}

export interface Entry {
  readonly underlay: string;
  readonly next_hops: readonly Hop[];
}

export const MAPPING_HEAD = ["GROUP", "UNDERLAY"];
export const FORWARDING_HEAD = ["UNDERLAY", "NEXT HOP", "REPLICATION", "SOURCES"];

export function mappingRows(mappings: readonly Mapping[]): Row[] {
  return mappings.map(({ group, underlay }) => [group, underlay]);
}

/** A row for each hop; an entry without any has one all the same. */
export function forwardingRows(entries: readonly Entry[]): Row[] {
  return entries.flatMap(({ underlay, next_hops: hops }): Row[] =>
    hops.length === 0
      ? [[underlay, "", "", ""]]
      : hops.map((hop) => [underlay, hop.next_hop, hop.replication, formatFilter(hop.filter)]),
  );
}

export function m2pCommands(program: Command): void {
  const m2p = program.command("m2p").description("overlay group to underlay group mappings");
  action<[]>(m2p.command("list").description("list the mappings"), (context) =>
    context.list<Mapping>("/networking/mcast-m2p", MAPPING_HEAD, mappingRows),
  );
  const set = m2p.command("set <group> <underlay>").description("map a group; moves it if it is mapped elsewhere");
  action<[string, string]>(set, async (context, group, underlay) => {
    await context.client.call("PUT", "/networking/mcast-m2p", { group, underlay });
  });
  const clear = m2p.command("clear <group> <underlay>").description("clear a mapping, if the group has this one");
  action<[string, string]>(clear, async (context, group, underlay) => {
    await context.client.call("DELETE", "/networking/mcast-m2p", { group, underlay });
  });
}

/** `ADDRESS[,REPLICATION[,include|exclude[,SOURCE…]]]` */
function parseHop(text: string, earlier: readonly Hop[] = []): Hop[] {
  const [address = "", replication = "underlay", mode = "exclude", ...sources] = text.split(",");
  if (address === "")
    throw new InvalidArgumentError("a next hop is ADDRESS[,REPLICATION[,include|exclude[,SOURCE...]]].");
  return [...earlier, { next_hop: address, replication, filter: { mode, sources } }];
}

export function fwdCommands(program: Command): void {
  const fwd = program.command("fwd").description("forwarding entries of underlay groups");
  action<[]>(fwd.command("list").description("list the entries"), (context) =>
    context.list<Entry>("/networking/mcast-fwd", FORWARDING_HEAD, forwardingRows),
  );
  const set = fwd
    .command("set <underlay>")
    .description("add next hops, replacing those of the same address; none are removed")
    .option("--hop <hop>", "ADDRESS[,REPLICATION[,include|exclude[,SOURCE...]]]; repeatable", parseHop)
    .option("--empty", "make an entry without next hops, which drops what is sent to it");
  action<[string, { hop?: Hop[]; empty?: boolean }]>(set, async (context, underlay, { hop, empty }) => {
    if (hop === undefined && !empty) throw new SledcastError("bad-request", "fwd set needs a --hop, or --empty");
    await context.client.call("PUT", "/networking/mcast-fwd", { underlay, next_hops: hop ?? [] });
  });
  const clear = fwd.command("clear <underlay>").description("remove the whole entry");
  action<[string]>(clear, async (context, underlay) => {
    await context.client.call("DELETE", "/networking/mcast-fwd", { underlay });
  });
}

export function tableCommands(program: Command): void {
  const subs = program.command("subs").description("the driver's subscriptions");
  action<[]>(subs.command("list").description("list them by underlay group"), (context) =>
    context.list<{ underlay: string; subscribers: { port: string; filter: Filter }[] }>(
      "/networking/mcast-subs",
      ["UNDERLAY", "PORT", "SOURCES"],
      (items) =>
        items.flatMap(({ underlay, subscribers }) =>
          subscribers.map(({ port, filter }) => [underlay, port, formatFilter(filter)]),
        ),
    ),
  );
  const filters = program.command("filters").description("underlay groups joined on the NICs");
  action<[]>(filters.command("list").description("list them with their holders"), (context) =>
    context.list<{
      underlay: string;
      holders: string[];
      nics: { name: string; index: number | null; joined: boolean; error?: string }[];
    }>("/networking/mcast-filters", ["UNDERLAY", "HOLDERS", "NIC", "INDEX", "JOINED"], (items) =>
      items.flatMap(({ underlay, holders, nics }) =>
        nics.length === 0
          ? [[underlay, holders.join(", "), "", "", ""]]
          : nics.map((nic) => [
              underlay,
              holders.join(", "),
              nic.name,
              nic.index ?? "",
              nic.error ?? (nic.joined ? "yes" : "no"),
            ]),
      ),
    ),
  );
}
