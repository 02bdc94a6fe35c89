/** Route sets as the ledger keeps them. */
import type { Ledger, LedgerChange } from "../intent/ledger.ts";
import type { Uuid } from "../uuid.ts";
import type { Route, RouterId, RouteSetUpdate } from "./spec.ts";

export type KeptRoutes = RouteSetUpdate;

interface RouteSetRecord {
  readonly id: RouterId;
  /** A version has 64 bits, which a JSON number has not. */
  readonly version?: { readonly routerId: Uuid; readonly version: string };
  readonly routes: readonly Route[];
}

const PREFIX = "routes ";

export function routerKey({ vni, subnet }: RouterId): string {
  return subnet === undefined ? `system ${vni}` : `custom ${vni} ${subnet}`;
}

/** `set` undefined: no port uses it any more. */
export function routesChange(id: RouterId, set: RouteSetUpdate | undefined): LedgerChange {
  const { version } = set ?? {};
  const value: RouteSetRecord | undefined = set && {
    id,
    ...(version && { version: { ...version, version: String(version.version) } }),
    routes: set.routes,
  };
  return { key: PREFIX + routerKey(id), value };
}

export function isKept(ledger: Ledger, id: RouterId): boolean {
  return ledger.get(PREFIX + routerKey(id)) !== undefined;
}

export function readRoutes(ledger: Ledger): ReadonlyMap<string, KeptRoutes> {
  return new Map(
    [...ledger.entries(PREFIX)].map(([key, value]) => {
      const { id, version, routes } = value as RouteSetRecord;
      const exact = version && { ...version, version: BigInt(version.version) };
      // JSON leaves out what is undefined.
      return [key.slice(PREFIX.length), { id: { vni: id.vni, subnet: id.subnet }, version: exact, routes }];
    }),
  );
}
