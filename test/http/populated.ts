/** A sled with something in every table, so that "nothing changed" says something. */
import { ensureBody, PROPOLIS } from "../harness/registration.ts";
import { Sled, type SledOptions } from "../harness/sled.ts";

export const GROUP = "239.1.1.1";
export const UNDERLAY = "ff04::1";
export const HOP = "fd00::aa";

export const M2P = "/networking/mcast-m2p";
export const FWD = "/networking/mcast-fwd";
export const VMM = `/vmms/${PROPOLIS}`;
export const MEMBERSHIP = `${VMM}/multicast-group`;
export const STATE = `${VMM}/state`;

export function hop(change: object = {}) {
  return { next_hop: HOP, replication: "underlay", filter: { mode: "exclude", sources: [] }, ...change };
}

export function forwarding(change: object = {}) {
  return { underlay: UNDERLAY, next_hops: [hop()], ...change };
}

export function membership(change: object = {}) {
  return { group_ip: GROUP, sources: [], ...change };
}

export async function populatedSled(options: SledOptions = {}): Promise<Sled> {
  const sled = await Sled.start(options);
  await sled.setMapping(GROUP, UNDERLAY);
  await sled.put(FWD, forwarding());
  await sled.put(VMM, ensureBody({ multicast_groups: [membership({ sources: ["10.1.1.1"] })] }));
  return sled;
}
