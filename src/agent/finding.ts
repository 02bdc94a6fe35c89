/** What audits find, and how it is reported. */
import type { AuditMode } from "../config.ts";
import type { NicDrift } from "../host/joins.ts";
import type { Step } from "../multicast/convergence.ts";

export interface Finding {
  readonly what:
    | NicDrift["what"]
    | "underlay-unset"
    | `${Step["thing"]}-${Step["drift"]}`
    | "mapping-taken-up"
    | "subscription-missing"
    | "subscription-differs"
    | "subscription-unexplained"
    | "foreign-subscriptions-changed"
    | "port-appeared"
    | "port-gone"
    | "port-left-over"
    | "vmm-lost";
  readonly subject: Readonly<Record<string, string | undefined>>;
  /** Whether it is in order now; in observe mode nothing is. */
  readonly repaired: boolean;
  readonly error?: string;
}

export interface AuditReport {
  readonly time: string;
  readonly mode: AuditMode;
  readonly seconds: number;
  /** How many findings there were; of one that is kept, only the first hundred are. */
  readonly found: number;
  readonly findings: readonly Finding[];
}
