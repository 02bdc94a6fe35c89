/** How far a membership has come, and what it waits for. */
import type { Ip } from "../net/ip.ts";
import { isOpte } from "../opte/error.ts";

export type MemberState =
  | { readonly state: "applied" }
  /** Waits for a mapping or a port that is not there yet: normal. */
  | { readonly state: "pending"; readonly reason: string }
  /** Not in effect because something failed: retried. */
  | { readonly state: "degraded"; readonly reason: string };

export const APPLIED: MemberState = { state: "applied" };
export const NOT_TRIED: MemberState = { state: "pending", reason: "the agent has started and has not come to it yet" };
export const noMapping = (group: Ip): MemberState => ({
  state: "pending",
  reason: `group ${group} has no M2P mapping yet`,
});
export const noPort = (port: string): MemberState => ({
  state: "pending",
  reason: `port ${port} is not in the driver`,
});

/** Whether a subscription failed only because something is not there yet. */
export function whatItWaitsFor(port: string, group: Ip, error: unknown): MemberState | undefined {
  if (isOpte(error, "PortNotFound")) return noPort(port);
  // Group and sources were checked where they came in, so all that is left is that the driver
  // lost the mapping behind our back. The next dump takes that up.
  return isOpte(error, "BadState") ? noMapping(group) : undefined;
}
