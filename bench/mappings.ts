/** Mappings to fill tables and requests with: IPv4 groups, each on an underlay group of its own. */
export interface SampleMapping {
  readonly group: string;
  readonly underlay: string;
}

/** The underlay groups' text: `ff04::x`, or eight hextets none of which is zero. */
export type UnderlayForm = "short" | "full";

export const samplePath = "/networking/mcast-m2p";

const hex = (value: number) => value.toString(16);

/** The nth of up to 65,536 mappings; `block` keeps the groups of one set apart from those of another. */
export function sampleMapping(n: number, form: UnderlayForm = "short", block = 1): SampleMapping {
  const tail = hex(n + 1);
  const middle = [0x1a2b, 0x3c4d, 0x5e6f, 0x7a8b, 0x9cad].map((base) => hex(base + (n & 0xff))).join(":");
  return {
    group: `239.${block}.${n >> 8}.${n & 255}`,
    underlay: form === "short" ? `ff04::${hex(block)}:${tail}` : `ff04:${middle}:${hex(0x1000 + block)}:${tail}`,
  };
}

export function sampleMappings(count: number, form: UnderlayForm = "short", block = 1): SampleMapping[] {
  return Array.from({ length: count }, (_, n) => sampleMapping(n, form, block));
}

/** A forwarding entry of one next hop, like those of a group with members on one other sled. */
export const sampleEntry = (underlay: string, hop = "fd00::99") => ({
  underlay,
  next_hops: [{ next_hop: hop, replication: "underlay", filter: { mode: "exclude", sources: [] } }],
});

/** The body of `PUT /multicast/config` with so many groups, mapped and forwarded. */
export function sampleConfig(groups: number, generation: number, hop?: string): string {
  const m2p = sampleMappings(groups);
  return JSON.stringify({ generation, m2p, forwarding: m2p.map(({ underlay }) => sampleEntry(underlay, hop)) });
}
