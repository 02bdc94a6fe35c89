/** What the agent says of itself: sizes, what waits, what failed. */
import type { RunningOperation } from "../intent/lane.ts";
import type { Sizes } from "../metrics.ts";
import type { ConfigInForce } from "../multicast/config-in-force.ts";
import { subjectOf } from "../multicast/convergence.ts";
import type { MulticastFilterMap } from "../multicast/filter-map.ts";
import type { Driver, DriverInfo } from "../opte/driver.ts";
import { settingText } from "../ports/half-done.ts";
import type { AuditReport } from "./finding.ts";
import type { Parts } from "./parts.ts";

export interface Degraded {
  readonly thing:
    | "driver"
    | "underlay"
    | "nic"
    | "filter"
    | "membership"
    | "subscription"
    | "mapping"
    | "flow-cache"
    | "port"
    | "forwarding"
    | "ledger";
  readonly subject: string;
  readonly reason: string;
}

/** A membership that waits; without a port while its VMM has none. */
export interface Pending {
  readonly group: string;
  readonly port?: string;
  readonly propolisId?: string;
  readonly reason: string;
}

export interface AgentStatus {
  readonly counts: Sizes;
  readonly pending: readonly Pending[];
  readonly degraded: readonly Degraded[];
  readonly audits: readonly AuditReport[];
  /** Of the configuration in force. */
  readonly generation: number | undefined;
  readonly driver: DriverInfo & { readonly busyWith: Driver["busyWith"] };
  readonly joinBinding: string;
  readonly nics: readonly string[];
  readonly lane: {
    readonly running: RunningOperation | undefined;
    readonly waiting: number;
    /** How many may wait. */
    readonly capacity: number;
  };
}

/** Of things that fail by the thousand. */
const LISTED = 100;

export const SIZE_HELP = {
  mappings: "M2P mappings in the driver, as last seen",
  forwarding_entries: "Forwarding entries in the driver, as last seen",
  filters: "Underlay groups held on the NICs",
  vmms: "VMMs on this sled",
  memberships: "Memberships of ports",
  memberships_pending: "Memberships that wait for a mapping or a port",
  filters_degraded: "Underlay groups held that are not joined on every NIC",
  nics_missing: "Configured underlay NICs that are not there",
  degraded: "Things that failed and are being retried, and a driver command that is slow to answer",
  port_leftovers: "Ports that could not be deleted yet",
  port_settings_half_done: "Settings of ports that failed and could not be taken back yet",
  lane_waiting: "Operations waiting in the lane",
  event_streams: "Clients that follow the events",
} as const;

/** What is asked at a scrape and is no count of things. */
export const LOAD_HELP = {
  lane_capacity: "Operations that may wait in the lane",
  lane_waiting_bytes: "What the operations that wait in the lane hold, of large requests, about",
  driver_command_running_seconds: "For how long the driver has been at the command under way; 0: there is none",
} as const;

export function load({ lane, driver }: Parts): Sizes {
  return {
    lane_capacity: lane.capacity,
    lane_waiting_bytes: lane.waitingBytes,
    driver_command_running_seconds: driver.busyWith?.seconds ?? 0,
  } satisfies Record<keyof typeof LOAD_HELP, number>;
}

export function degradedThings(parts: Parts): Degraded[] {
  const { driver, underlay, ledger, mappings, config, selfMaps, filters, subscriptions, flows, ports } = parts;
  const { through, unavailable } = driver.info;
  const uncertain = mappings.uncertain;
  const slow = parts.slowCommands.now;
  const link = parts.datalinks.now;
  return [
    ...(unavailable === undefined ? [] : [{ thing: "driver" as const, subject: through, reason: unavailable }]),
    ...(slow === undefined
      ? []
      : [
          {
            thing: "driver" as const,
            subject: slow.command,
            reason: `the driver has not answered for ${slow.seconds.toFixed(0)} s; operations wait behind it`,
          },
        ]),
    ...(link === undefined
      ? []
      : [
          {
            thing: "port" as const,
            subject: link.name,
            reason: `${parts.datalinks.source} has not answered for ${link.seconds.toFixed(0)} s about its datalink id; operations wait behind it`,
          },
        ]),
    ...(underlay.broken === undefined
      ? []
      : [{ thing: "underlay" as const, subject: underlay.devices?.join(", ") ?? "", reason: underlay.broken }]),
    ...(ledger.broken === undefined ? [] : [{ thing: "ledger" as const, subject: "file", reason: ledger.broken }]),
    ...degradedConfig(config),
    ...(uncertain === undefined ? [] : [{ thing: "mapping" as const, subject: "table", reason: uncertain }]),
    ...[...selfMaps.left].map((underlay) => ({
      thing: "mapping" as const,
      subject: underlay,
      reason: "this agent mapped the underlay group to itself and has not cleared that yet",
    })),
    ...filters.missingNics.map((nic) => ({
      thing: "nic" as const,
      subject: nic,
      reason: "there is no such NIC: plumb it, or correct underlay.nics",
    })),
    ...(filters.unseen === undefined
      ? []
      : [{ thing: "nic" as const, subject: "all", reason: `not looked at since a change: ${filters.unseen}` }]),
    ...degradedFilters(filters),
    ...firstOf(subscriptions.degraded, "memberships", ({ port, group, status }) => ({
      thing: "membership",
      subject: `${group} on ${port}`,
      reason: status.state === "applied" ? "" : status.reason,
    })),
    ...firstOf(subscriptions.settling.list(), "subscriptions", ({ port, underlay }) => ({
      thing: "subscription",
      subject: `${underlay} on ${port}`,
      reason: "the driver may hold another subscription than it should",
    })),
    ...firstOf(flows.stale, "flow caches", ({ port, reason }) => ({ thing: "flow-cache", subject: port, reason })),
    ...firstOf(ports.halfDone, "settings of ports", ({ setting, reason }) => ({
      thing: "port",
      subject: `${settingText(setting)} of ${setting.port}`,
      reason,
    })),
    ...firstOf(ports.leftovers, "ports", ({ ticket, reason }) => ({ thing: "port", subject: ticket.name, reason })),
  ];
}

/** The first hundred, and how many more there are. */
function firstOf<T>(all: readonly T[], what: string, describe: (one: T) => Degraded): Degraded[] {
  const listed = all.slice(0, LISTED).map(describe);
  const [last] = listed.slice(-1);
  const more = all.length - listed.length;
  return last === undefined || more === 0
    ? listed
    : [...listed, { thing: last.thing, subject: "…", reason: `and ${more} more ${what}` }];
}

/** A driver that went away fails every entry. */
function degradedConfig({ failed }: ConfigInForce): Degraded[] {
  return firstOf(failed, "entries of the configuration", (failure) => ({
    thing: failure.thing,
    subject: subjectOf(failure),
    reason: `of the configuration, not ${failure.action}: ${failure.error}`,
  }));
}

/** A missing NIC degrades every group: a hundred of them are listed, and how many more there are. */
function degradedFilters(filters: MulticastFilterMap): Degraded[] {
  const listed = filters.degraded(LISTED);
  const more = filters.brokenCount - listed.length;
  const entries = listed.map(({ underlay, reason }) => ({
    thing: "filter" as const,
    subject: underlay as string,
    reason,
  }));
  if (more === 0) return entries;
  return [...entries, { thing: "filter", subject: "…", reason: `and ${more} more underlay groups` }];
}

function pendingMembers({ subscriptions, vmms }: Parts): Pending[] {
  const pending: Pending[] = [...vmms.withoutPort()].map(({ id, group, reason }) => ({
    group,
    propolisId: id,
    reason,
  }));
  for (const { port, group, status } of subscriptions.members.all()) {
    if (status.state === "pending") pending.push({ port, group, reason: status.reason });
  }
  return pending;
}

/**
 * How much there is to repair: what `degradedThings` lists, without making it list it. A slow
 * command is not among that, since a repair would only wait behind it.
 */
export function brokenCount({
  driver,
  underlay,
  ledger,
  config,
  mappings,
  selfMaps,
  filters,
  subscriptions,
  flows,
  ports,
}: Parts): number {
  const counted = [config, filters, subscriptions, flows, ports].reduce((sum, part) => sum + part.brokenCount, 0);
  const missing = filters.missingNics.length;
  const single = [driver.info.unavailable, underlay.broken, ledger.broken, mappings.uncertain, filters.unseen];
  return counted + missing + selfMaps.left.size + single.filter((reason) => reason !== undefined).length;
}

export function sizes(parts: Parts): Sizes {
  const vmms = parts.vmms.list();
  return {
    mappings: parts.view.size,
    forwarding_entries: parts.forwarding.view.size,
    filters: parts.filters.size,
    filters_degraded: parts.filters.brokenCount,
    nics_missing: parts.filters.missingNics.length,
    vmms: vmms.length,
    memberships: vmms.reduce((sum, vmm) => sum + vmm.memberships.size, 0),
    memberships_pending: pendingMembers(parts).length,
    degraded:
      brokenCount(parts) + [parts.slowCommands.now, parts.datalinks.now].filter((slow) => slow !== undefined).length,
    port_leftovers: parts.ports.leftovers.length,
    port_settings_half_done: parts.ports.halfDone.length,
    lane_waiting: parts.lane.depth,
    event_streams: parts.events.listeners,
  } satisfies Record<keyof typeof SIZE_HELP, number>;
}

export function statusOf(parts: Parts, audits: readonly AuditReport[]): AgentStatus {
  const { driver, joins, lane } = parts;
  return {
    counts: sizes(parts),
    pending: pendingMembers(parts),
    degraded: degradedThings(parts),
    audits,
    generation: parts.config.current?.generation,
    driver: { ...driver.info, busyWith: driver.busyWith },
    joinBinding: joins.binding,
    nics: joins.nics,
    lane: { running: lane.running, waiting: lane.depth, capacity: lane.capacity },
  };
}
