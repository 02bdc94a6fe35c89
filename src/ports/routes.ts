/**
 * Route sets: the routes of a VPC's routers, shared by the ports that use them. A set lives as
 * long as a port counts on it. Ports are held by name, so that giving back what was never taken
 * is nothing.
 */
import { cidrOf } from "../net/cidr.ts";
import { parseIp } from "../net/ip.ts";
import type { Driver } from "../opte/driver.ts";
import type { RouterEntry } from "../opte/types.ts";
import type { Nic } from "./spec.ts";

export type Route = Omit<RouterEntry, "port">;

interface RouteSet {
  readonly ports: Set<string>;
  readonly routes: readonly Route[];
}

/** A NIC's routers: the VPC's system router, and one custom router for each of its subnets. */
function routerKeys({ vni, v4, v6 }: Nic): string[] {
  const custom = [v4?.subnet, v6?.subnet].filter((subnet) => subnet !== undefined);
  return [`system ${vni}`, ...custom.map((subnet) => `custom ${vni} ${subnet}`)];
}

/** Services reach the world from the start; an instance's routes are the control plane's to give. */
function initialRoutes(key: string, kind: Nic["kind"]): Route[] {
  if (kind !== "service" || !key.startsWith("system ")) return [];
  return ["0.0.0.0", "::"].map((text) => ({
    dest: cidrOf(parseIp(text) as NonNullable<ReturnType<typeof parseIp>>, 0),
    target: { type: "internet-gateway", id: undefined },
    class: "system",
  }));
}

export class Routes {
  readonly #driver: Driver;
  readonly #sets = new Map<string, RouteSet>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  get size(): number {
    return this.#sets.size;
  }

  /** Counts the port in and gives it the routes that are known. The count is taken first, so that `release` is right after a failure, too. */
  async acquire(port: string, nic: Nic): Promise<void> {
    for (const { routes } of this.hold(port, nic)) {
      for (const route of routes) await this.#driver.addRouterEntry({ port, ...route });
    }
  }

  /** Counts in a port that has its routes. */
  hold(port: string, nic: Nic): readonly RouteSet[] {
    return routerKeys(nic).map((key) => {
      const set = this.#sets.get(key) ?? { ports: new Set<string>(), routes: initialRoutes(key, nic.kind) };
      set.ports.add(port);
      this.#sets.set(key, set);
      return set;
    });
  }

  /** The port's routes in the driver go with the port. */
  release(port: string, nic: Nic): void {
    for (const key of routerKeys(nic)) {
      const set = this.#sets.get(key);
      set?.ports.delete(port);
      if (set?.ports.size === 0) this.#sets.delete(key);
    }
  }
}
