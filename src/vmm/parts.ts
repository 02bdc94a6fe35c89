/** What the VMMs of a sled are made with. */
import type { Tell } from "../events.ts";
import type { Ledger } from "../intent/ledger.ts";
import type { Log } from "../log.ts";
import type { Flows } from "../multicast/flows.ts";
import type { Subscriptions } from "../multicast/subscriptions.ts";
import type { Driver } from "../opte/driver.ts";
import type { PortManager } from "../ports/manager.ts";

export interface VmmParts {
  readonly driver: Driver;
  readonly ports: PortManager;
  readonly subscriptions: Subscriptions;
  readonly flows: Flows;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly tell: Tell;
}
