/** Kstats as xde has them, in memory. */
import type { Kstat, Kstats } from "../../src/host/kstats.ts";

const bothWays = (...names: string[]) => names.flatMap((name) => [`in_${name}`, `out_${name}`]);

export const MULTICAST = [
  "mcast_tx_local",
  "mcast_tx_underlay",
  "mcast_tx_external",
  "mcast_tx_stale_local",
  "mcast_tx_no_fwd_entry",
  "mcast_rx_local",
  "mcast_rx_stale_local",
  "mcast_rx_no_subscribers",
  "mcast_tx_pullup_fail",
  "mcast_rx_pullup_fail",
  "mcast_rx_bad_inner_dst",
  "mcast_tx_source_filtered",
  "mcast_rx_source_filtered",
  "mcast_tx_fwd_source_filtered",
];

export const REASONS = ["reject", "unwanted_proto", "truncated", "straddled", "illegal_val", "bad_len", "misc"];
export const DROPS = [...bothWays(...REASONS.map((reason) => `drop_${reason}`)), "in_drop_bad_tun_opt"];

export const PORT_COUNTERS = [
  ...bothWays("drop", "drop_handle_pkt", "drop_layer", "drop_tcp_err", "hairpin", "modified", "process_err"),
  ...bothWays("uft_hit", "uft_miss", "uft_evictions"),
  "tcp_evictions",
];
export const PORT_GAUGES = [...bothWays("uft_flows", "uft_capacity"), "tcp_flows", "tcp_capacity"];

export const LAYER = [
  ...bothWays("lft_hit", "lft_full", "lft_miss", "rule_match", "rule_nomatch", "deny", "rules"),
  ...["lft_capacity", "flows", "evictions", "flow_ttl"],
];
export const ROUTE_CACHE = ["capacity", "occupancy", "hit", "miss", "refresh", "table_full", "error"];

/** The first statistic has the value `first`, each next one more. */
export function kstat(name: string, statistics: readonly string[], first: number | bigint = 1): Kstat {
  return { name, values: new Map(statistics.map((statistic, at) => [statistic, BigInt(first) + BigInt(at)])) };
}

export const xdeKstat = (first?: number | bigint) => kstat("xde", [...DROPS, ...MULTICAST], first);

/** A port's kstats: its own, its layers' and its route cache's. */
export const kstatsOfPort = (port: string, first?: number | bigint) => [
  kstat(port, [...PORT_COUNTERS, ...PORT_GAUGES], first),
  ...["gateway", "firewall", "router", "nat", "overlay"].map((layer) => kstat(`${port}_${layer}`, LAYER, first)),
  kstat(`${port}_route_cache`, ROUTE_CACHE, first),
];

/** A kernel's kstats of the module `xde`, which a test changes. */
export class MemoryKstats implements Kstats {
  kstats: readonly Kstat[];
  /** What a reading waits for. */
  before: () => Promise<void> = async () => {};
  opened = 0;
  readings = 0;

  constructor(...kstats: readonly Kstat[]) {
    this.kstats = kstats;
  }

  readonly open = async (): Promise<Kstats> => {
    this.opened++;
    return this;
  };

  async read(module: string): Promise<readonly Kstat[]> {
    this.readings++;
    await this.before();
    return module === "xde" ? this.kstats : [];
  }
}
