/** Memberships of VMMs without a primary port: they wait, and no port's subscriptions tell of them. */
import type { Tell } from "../events.ts";
import type { MulticastAddr } from "../net/group.ts";
import type { Uuid } from "../uuid.ts";
import { type Membership, primaryPort, type Vmm } from "./vmm.ts";

export const NO_PRIMARY = { state: "pending", reason: "the VMM has no primary port" } as const;

export function* waitingForPort(
  vmms: Iterable<Vmm>,
): Iterable<{ readonly id: Uuid; readonly group: MulticastAddr; readonly reason: string }> {
  for (const vmm of vmms) {
    if (primaryPort(vmm) !== undefined) continue;
    for (const group of vmm.memberships.keys()) yield { id: vmm.id, group, reason: NO_PRIMARY.reason };
  }
}

/** Nothing more can become of them. */
export function tellWaiting(tell: Tell, id: Uuid, { group, sources }: Membership, state: "pending" | "ended"): void {
  const reason = state === "pending" ? NO_PRIMARY.reason : undefined;
  tell("membership", { port: null, group, propolis_id: id, state, sources, reason });
}
