/** The parts of an agent and how they are put together: the one place that knows all of them. */
import { EventLog, type Tell } from "../events.ts";
import type { Datalinks } from "../host/datalinks.ts";
import type { UnderlayJoins } from "../host/joins.ts";
import { Lane } from "../intent/lane.ts";
import { type Ledger, MemoryLedger } from "../intent/ledger.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { ConfigInForce } from "../multicast/config-in-force.ts";
import { FilterHolding, type JoinPolicy } from "../multicast/filter-holding.ts";
import { MulticastFilterMap } from "../multicast/filter-map.ts";
import { Flows } from "../multicast/flows.ts";
import { Forwarding } from "../multicast/forwarding.ts";
import { Mappings } from "../multicast/mappings.ts";
import { Members } from "../multicast/members.ts";
import { SelfMaps } from "../multicast/self-maps.ts";
import { Subscriptions } from "../multicast/subscriptions.ts";
import { MappingView } from "../multicast/view.ts";
import type { Ipv6 } from "../net/ip.ts";
import { Driver, type Transport } from "../opte/driver.ts";
import { type OpenKstats, XdeKstats } from "../opte/kstats.ts";
import { PortManager } from "../ports/manager.ts";
import { Vmms } from "../vmm/vmms.ts";
import { SlowCommands } from "./slow-commands.ts";
import { SlowDatalinks } from "./slow-datalinks.ts";
import { Underlay, type UnderlayDevices } from "./underlay.ts";

export interface Surroundings {
  readonly transport: Transport;
  readonly joins: UnderlayJoins;
  /** What holds a NIC filter; left out: a mapping does. */
  readonly joinPolicy?: JoinPolicy;
  readonly datalinks: Datalinks;
  /** The driver's counters, opened when they are first asked for; left out: there are none. */
  readonly openKstats?: OpenKstats;
  /** Where it is kept what is answered; left out: in memory, as long as the agent lives. */
  readonly ledger?: Ledger;
  /** This sled's underlay address. */
  readonly underlayIp: Ipv6;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly laneCapacity?: number;
  /** Seconds after which a driver command is slow, or an answer about a datalink id; left out: 5. */
  readonly slowAfter?: number;
  /** Devices the driver is given as its underlay; left out: it is left alone. */
  readonly underlayDevices?: UnderlayDevices | undefined;
}

export interface Parts {
  readonly log: Log;
  readonly events: EventLog;
  readonly driver: Driver;
  readonly slowCommands: SlowCommands;
  readonly datalinks: SlowDatalinks;
  readonly underlay: Underlay;
  readonly joins: UnderlayJoins;
  readonly lane: Lane;
  readonly view: MappingView;
  readonly filters: MulticastFilterMap;
  readonly holding: FilterHolding;
  readonly flows: Flows;
  readonly selfMaps: SelfMaps;
  readonly subscriptions: Subscriptions;
  readonly mappings: Mappings;
  readonly forwarding: Forwarding;
  readonly ledger: Ledger;
  readonly config: ConfigInForce;
  readonly ports: PortManager;
  readonly vmms: Vmms;
  readonly kstats: XdeKstats;
}

export function assemble(surroundings: Surroundings): Parts {
  const { transport, joins, joinPolicy, underlayIp, log, metrics, laneCapacity, underlayDevices } = surroundings;
  const ledger = surroundings.ledger ?? new MemoryLedger();
  const driver = new Driver(transport, (command, seconds, ok) => {
    metrics.command(command, seconds, ok);
    slowCommands.ended(command, seconds);
  });
  const slowCommands = new SlowCommands(driver, metrics, log, surroundings.slowAfter);
  const datalinks = new SlowDatalinks(surroundings.datalinks, log, surroundings.slowAfter);
  const events = new EventLog();
  const { tell } = events;
  const ownerOf = (port: string | null) => (port === null ? undefined : vmms.ownerIdOf(port));
  /** Whose a port is, only the VMMs know. */
  const tellWithOwner: Tell = (kind, data) => {
    const port = "port" in data ? data.port : "name" in data ? data.name : null;
    tell(kind, { ...data, propolis_id: ownerOf(port) });
  };
  const view = new MappingView();
  const filters = new MulticastFilterMap(joins, log, tell);
  const flows = new Flows(driver, log);
  const selfMaps = new SelfMaps(driver, ledger, log);
  const members = new Members();
  const ports = new PortManager(driver, datalinks, underlayIp, ledger, log, tellWithOwner);
  const isOurs = (port: string) => vmms.ownerOf(port) !== undefined || ports.isOurs(port);
  const holding = new FilterHolding(joinPolicy ?? "mapped", filters, members, view, isOurs);
  const subscriptions = new Subscriptions(driver, view, members, holding, selfMaps, log, tellWithOwner);
  const vmms = new Vmms({ driver, ports, subscriptions, flows, ledger, log, tell });
  const mappings = new Mappings(driver, view, filters, holding, subscriptions, flows, selfMaps, log, tell);
  const forwarding = new Forwarding(driver, log, tell);
  return {
    log,
    events,
    driver,
    slowCommands,
    datalinks,
    underlay: new Underlay(driver, underlayDevices, log),
    joins,
    lane: new Lane({
      ...(laneCapacity === undefined ? {} : { capacity: laneCapacity }),
      onRefused: () => metrics.refused(),
    }),
    view,
    filters,
    holding,
    flows,
    selfMaps,
    subscriptions,
    mappings,
    forwarding,
    ledger,
    config: new ConfigInForce(ledger, view, mappings, forwarding, flows, log),
    ports,
    vmms,
    kstats: new XdeKstats(surroundings.openKstats ?? (async () => undefined), log),
  };
}

/** Tries again everything that failed. In the lane; never throws, what stays broken stays listed. */
export async function repairAll(parts: Parts): Promise<void> {
  const { underlay, ledger, mappings, config, subscriptions, vmms, flows, ports } = parts;
  await ledger.repair();
  await underlay.repair();
  // The mappings first: the subscriptions are told by them where they belong.
  await mappings.repair();
  await config.repair();
  await subscriptions.repair();
  vmms.moves.forgetSettled();
  await flows.repair();
  await ports.repair();
}
