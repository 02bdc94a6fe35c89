/**
 * Route sets: the routes of a VPC's routers, shared by the ports that use them. A set lives as long
 * as a port counts on it. Ports are held by name, so that giving back what was never taken is nothing.
 */
import { SledcastError } from "../error.ts";
import { Share } from "../host/turns.ts";
import type { LedgerChange } from "../intent/ledger.ts";
import { type Cidr, cidrOf, compareCidr } from "../net/cidr.ts";
import { parseIp } from "../net/ip.ts";
import type { RouterEntry } from "../opte/types.ts";
import type { Setting } from "./half-done.ts";
import { isKept, type KeptRoutes, readRoutes, routerKey, routesChange } from "./route-records.ts";
import type { Nic, Route, RouterId, RouterVersion, RouteSetState, RouteSetUpdate } from "./spec.ts";
import { isThere, type PortsContext } from "./state.ts";

interface RouteSet extends RouteSetUpdate {
  readonly ports: Set<string>;
  /** The routes again: a change looks for those to one destination as often as there are ports. */
  readonly byDest: ReadonlyMap<Cidr, readonly Route[]>;
}

function routeSet({ id, version, routes }: RouteSetUpdate, ports: Set<string>): RouteSet {
  const byDest = new Map<Cidr, Route[]>();
  for (const route of routes) {
    const others = byDest.get(route.dest);
    if (others === undefined) byDest.set(route.dest, [route]);
    else others.push(route);
  }
  return { id, version, routes, ports, byDest };
}

/** Of one request, over all ports: the lane is held for as long as they take. */
const MAX_CHANGES = 1 << 18;
/** More entries of one destination than any port has: the driver is not asked for ever to delete another one. */
const MANY = 1000;

/** A NIC's routers: the VPC's own, and a custom one for each of its subnets. */
function routersOf({ vni, v4, v6 }: Nic): RouterId[] {
  return [undefined, v4?.subnet, v6?.subnet]
    .filter((subnet, i) => i === 0 || subnet !== undefined)
    .map((subnet) => ({ vni, subnet }));
}

const EVERYWHERE = ["0.0.0.0", "::"].map((text) => cidrOf(parseIp(text) as NonNullable<ReturnType<typeof parseIp>>, 0));

/**
 * Services reach the world from the start, by each of their routers (`default_route_set` in omicron's
 * port_manager.rs); an instance's routes are the control plane's to give.
 */
function initialRoutes(kind: Nic["kind"]): Route[] {
  if (kind !== "service") return [];
  return EVERYWHERE.map((dest) => ({ dest, target: { type: "internet-gateway", id: undefined } }));
}

/** As in the original: another router's routes are taken as they are, the same router's if they are newer. */
function isReplaced(before: RouterVersion | undefined, after: RouterVersion | undefined): boolean {
  if (before === undefined || after === undefined) return true;
  return before.routerId !== after.routerId || before.version < after.version;
}

function compareRouters(a: RouterId, b: RouterId): number {
  if (a.vni !== b.vni) return a.vni - b.vni;
  if (a.subnet === undefined || b.subnet === undefined)
    return Number(b.subnet === undefined) - Number(a.subnet === undefined);
  return compareCidr(a.subnet, b.subnet);
}

const routeText = ({ dest, target }: Route) => JSON.stringify([dest, target]);

/** Destinations to which the routes are not the same in both. */
function changedDestinations(before: readonly Route[], after: readonly Route[]): Set<Cidr> {
  const [old, fresh] = [before, after].map((routes) => new Set(routes.map(routeText))) as [Set<string>, Set<string>];
  const gone = before.filter((route) => !fresh.has(routeText(route)));
  const come = after.filter((route) => !old.has(routeText(route)));
  return new Set([...gone, ...come].map(({ dest }) => dest));
}

/** Carries out one command of several. */
type Run = <T>(command: () => Promise<T>) => Promise<T>;

interface RoutesChange {
  readonly port: string;
  readonly dest: Cidr;
}

const settingOn = ({ port, dest }: RoutesChange): Setting => ({ port, of: "routes to", cidr: dest });

export class Routes {
  readonly #context: PortsContext;
  readonly #sets = new Map<string, RouteSet>();
  readonly #nics = new Map<string, Nic>();
  /** Of an earlier run, until its ports were claimed. */
  #kept: ReadonlyMap<string, KeptRoutes>;

  constructor(context: PortsContext) {
    this.#context = context;
    this.#kept = readRoutes(context.ledger);
  }

  get size(): number {
    return this.#sets.size;
  }

  /** By VNI, the VPC's own before those of its subnets. */
  list(): RouteSetState[] {
    return [...this.#sets.values()]
      .map(({ id, version }) => ({ id, version }))
      .sort((a, b) => compareRouters(a.id, b.id));
  }

  /** Counts the port in and gives it the routes that are known. The count is taken first, so that `release` is right after a failure, too. */
  async acquire(port: string, nic: Nic): Promise<void> {
    this.hold(port, nic);
    for (const entry of this.#entries(port)) await this.#context.driver.addRouterEntry(entry);
  }

  /**
   * What is to be recorded with a new port: routes that a service brought and nobody said. Others use
   * them too, and could not tell after a restart which ones they have when the service is gone.
   */
  recordsOf(nic: Nic): LedgerChange[] {
    return routersOf(nic).flatMap((id) => {
      const set = this.#sets.get(routerKey(id));
      if (set === undefined || set.version !== undefined || set.routes.length === 0) return [];
      return isKept(this.#context.ledger, id) ? [] : [routesChange(id, set)];
    });
  }

  /** Counts in a port that has its routes. */
  hold(port: string, nic: Nic): void {
    this.#nics.set(port, nic);
    for (const id of routersOf(nic)) {
      const key = routerKey(id);
      const kept = this.#kept.get(key) ?? { id, version: undefined, routes: initialRoutes(nic.kind) };
      const set = this.#sets.get(key) ?? routeSet(kept, new Set());
      set.ports.add(port);
      this.#sets.set(key, set);
    }
  }

  /** The port's routes in the driver go with the port. */
  release(port: string): void {
    const nic = this.#nics.get(port);
    if (nic === undefined) return;
    this.#nics.delete(port);
    for (const id of routersOf(nic)) {
      const key = routerKey(id);
      const set = this.#sets.get(key);
      set?.ports.delete(port);
      if (set === undefined || set.ports.size > 0) continue;
      this.#sets.delete(key);
      this.#context.ledger.note([routesChange(id, undefined)]);
    }
  }

  /** All ports of an earlier run were claimed: sets in the ledger that none of them uses are forgotten. */
  forgetUnclaimed(): void {
    const unused = [...this.#kept].filter(([key]) => !this.#sets.has(key));
    this.#context.ledger.note(unused.map(([, { id }]) => routesChange(id, undefined)));
    this.#kept = new Map();
  }

  /** Routers that no port here uses are passed over, and so are versions that are not newer. */
  async ensure(updates: readonly RouteSetUpdate[]): Promise<void> {
    const { log, halfDone } = this.#context;
    const after = new Map<string, RouteSet>();
    for (const update of updates) {
      const key = routerKey(update.id);
      const set = after.get(key) ?? this.#sets.get(key);
      if (set === undefined) log.debug({ router: key }, "routes of a router that no port here uses; passed over");
      else if (isReplaced(set.version, update.version)) after.set(key, routeSet(update, set.ports));
    }
    if (after.size === 0) return;
    const changes = await this.#changes(after);
    if (changes.length > MAX_CHANGES) {
      throw new SledcastError(
        "resource-limit",
        `${changes.length} routes of ports would change at once, more than ${MAX_CHANGES}: put fewer sets in a request`,
      );
    }
    await halfDone.change(changes.map(settingOn), async (step) => {
      for (const change of changes) {
        const { port, dest } = change;
        const run: Run = (command) => step(settingOn(change), command);
        await isThere(this.#context, port, () => this.#send(port, dest, this.#entriesTo(port, dest, after), run));
      }
      return [...after.values()].map(({ id, version, routes }) => routesChange(id, { id, version, routes }));
    });
    for (const [key, set] of after) this.#sets.set(key, set);
    log.info({ routers: [...after.keys()], changes: changes.length }, "routes set");
  }

  /** What changes on which port. */
  async #changes(after: ReadonlyMap<string, RouteSet>): Promise<RoutesChange[]> {
    const byPort = new Map<string, Set<Cidr>>();
    const share = new Share();
    for (const [key, { ports, routes }] of after) {
      const destinations = changedDestinations(this.#sets.get(key)?.routes ?? [], routes);
      for (const port of ports) {
        byPort.set(port, new Set([...(byPort.get(port) ?? []), ...destinations]));
        await share.spent();
      }
    }
    return [...byPort].flatMap(([port, destinations]) => [...destinations].map((dest) => ({ port, dest })));
  }

  /** To which the port should have routes. */
  destinationsOf(port: string): Cidr[] {
    return [...new Set(this.#entries(port).map(({ dest }) => dest))];
  }

  /** What the books say. */
  mend(port: string, dest: Cidr): Promise<void> {
    return this.#send(port, dest, this.#entriesTo(port, dest));
  }

  /** The port's own, its routers in their order. */
  #entries(port: string): RouterEntry[] {
    return this.#entriesOf(port, this.#sets, ({ routes }) => routes);
  }

  /** `after`: the sets that are to be, of those that change. */
  #entriesTo(port: string, dest: Cidr, after: ReadonlyMap<string, RouteSet> = new Map()): RouterEntry[] {
    const sets = { get: (key: string) => after.get(key) ?? this.#sets.get(key) };
    return this.#entriesOf(port, sets, ({ byDest }) => byDest.get(dest) ?? []);
  }

  #entriesOf(
    port: string,
    sets: { get(key: string): RouteSet | undefined },
    of: (set: RouteSet) => readonly Route[],
  ): RouterEntry[] {
    const nic = this.#nics.get(port);
    if (nic === undefined) return [];
    return routersOf(nic).flatMap((id) => {
      const set = sets.get(routerKey(id));
      const kind = id.subnet === undefined ? "system" : "custom";
      return (set === undefined ? [] : of(set)).map((route): RouterEntry => ({ port, ...route, class: kind }));
    });
  }

  /**
   * Brings the port's routes to one destination to what they should be. The driver deletes by
   * destination alone, whatever the target and the class (oxide-vpc router.rs): all go, and come again.
   */
  async #send(
    port: string,
    dest: Cidr,
    entries: readonly RouterEntry[],
    run: Run = (command) => command(),
  ): Promise<void> {
    const { driver } = this.#context;
    const any: RouterEntry = { port, dest, target: { type: "drop" }, class: "system" };
    for (let i = 0; i < MANY && (await run(() => driver.delRouterEntry(any))) === "ok"; i++);
    for (const entry of entries) await run(() => driver.addRouterEntry(entry));
  }
}
