/**
 * What an operation holds while it waits in the lane, about as many bytes as its text had. Only
 * bodies that can be large are measured; the others are bounded by how many may wait.
 */
import type { DeclaredConfig } from "../multicast/declared.ts";
import type { ForwardingEntry } from "../opte/types.ts";
import type { Registration } from "../vmm/vmm.ts";

/** A mapping, a next hop, and a source of its filter, as JSON. */
const MAPPING_BYTES = 80;
const HOP_BYTES = 80;
const SOURCE_BYTES = 16;
/** A port's name, which has 31 characters at most. */
const NAME_BYTES = 32;

export function bytesOfEntry({ nextHops }: ForwardingEntry): number {
  return nextHops.reduce((sum, { filter }) => sum + HOP_BYTES + SOURCE_BYTES * filter.sources.length, 0);
}

export function bytesOfConfig({ m2p, forwarding }: DeclaredConfig): number {
  let bytes = MAPPING_BYTES * m2p.size;
  for (const [underlay, nextHops] of forwarding) bytes += HOP_BYTES + bytesOfEntry({ underlay, nextHops });
  return bytes;
}

export function bytesOfRegistration({ body }: Registration): number {
  return body.length;
}

export function bytesOfNames(names: readonly string[]): number {
  return NAME_BYTES * names.length;
}
