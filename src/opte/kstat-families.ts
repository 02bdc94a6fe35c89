/**
 * What Prometheus is told of xde's kstats: which statistics, and what each counts. Read from the driver: xde/src/stats.rs and
 * where xde/src/xde.rs counts, and for ports lib/opte/src/engine/port/mod.rs. A statistic that the driver lacks has no sample.
 */
import { Family, type Sample } from "../metric-series.ts";
import type { Statistics, XdeCounters } from "./kstats.ts";

const MULTICAST = {
  mcast_tx_local: "Multicast sent by guests: copies handed to other ports of this sled",
  mcast_tx_underlay:
    "Multicast sent by guests: copies sent to next hops for other sleds (replication underlay or both)",
  mcast_tx_external:
    "Multicast sent by guests: copies sent to next hops for external networks (replication external or both)",
  mcast_tx_stale_local: "Multicast sent by guests: subscribers on this sled passed over because their port is gone",
  mcast_tx_no_fwd_entry: "Multicast sent by guests: packets whose underlay group has no forwarding entry",
  mcast_rx_local: "Multicast from the underlay: copies handed to ports of this sled",
  mcast_rx_stale_local: "Multicast from the underlay: subscribers passed over because their port is gone",
  mcast_rx_no_subscribers: "Multicast from the underlay: packets of an underlay group without any subscription here",
  mcast_tx_pullup_fail: "Multicast sent by guests: copies lost because their headers could not be pulled up",
  mcast_rx_pullup_fail: "Multicast from the underlay: copies lost because their headers could not be pulled up",
  mcast_rx_bad_inner_dst: "Multicast from the underlay: packets dropped because the inner destination is not multicast",
  mcast_tx_source_filtered: "Multicast sent by guests: copies that filters of subscribers on this sled kept out",
  mcast_rx_source_filtered: "Multicast from the underlay: copies that subscribers' filters kept out",
  mcast_tx_fwd_source_filtered: "Multicast sent by guests: copies that next hops' filters kept out",
} as const;

const DROPS =
  "Packets dropped because their headers could not be parsed, by direction (in: to ports, out: from guests) and reason";
const DROP = /^(in|out)_drop_(.+)$/;

type Kind = "counter" | "gauge";
type Described = readonly [statistic: string, kind: Kind, help: string];

const bothWays = (statistic: string, kind: Kind, help: string): Described[] => [
  [`in_${statistic}`, kind, `Inbound: ${help}`],
  [`out_${statistic}`, kind, `Outbound: ${help}`],
];

const PORT: readonly Described[] = [
  ...bothWays("drop", "counter", "packets that the port dropped, for whatever reason"),
  ...bothWays("drop_handle_pkt", "counter", "packets dropped by the network's own handler"),
  ...bothWays("drop_layer", "counter", "packets dropped because a layer's rules deny them"),
  ...bothWays("drop_tcp_err", "counter", "packets dropped because they do not fit the state of their TCP flow"),
  ...bothWays("hairpin", "counter", "packets answered by the port itself (ARP, DHCP and the like)"),
  ...bothWays("modified", "counter", "packets that the port rewrote and passed on"),
  ...bothWays("process_err", "counter", "packets whose processing failed"),
  ...bothWays("uft_hit", "counter", "packets that an entry of the unified flow table decided"),
  ...bothWays(
    "uft_miss",
    "counter",
    "packets without an entry in the unified flow table, which went through the rules",
  ),
  ...bothWays("uft_flows", "gauge", "flows in the unified flow table"),
  ...bothWays("uft_capacity", "gauge", "flows that the unified flow table can hold"),
  ...bothWays("uft_evictions", "counter", "flows that left the unified flow table to make room for another"),
  ["tcp_flows", "gauge", "Flows in the port's TCP state table"],
  ["tcp_capacity", "gauge", "Flows that the port's TCP state table can hold"],
  ["tcp_evictions", "counter", "Flows that left the port's TCP state table to make room for another"],
];

const counted = (statistics: Statistics, name: string, labels: Sample["labels"]): Sample[] => {
  const value = statistics.get(name);
  return value === undefined ? [] : [{ labels, value: Number(value) }];
};

function drops(driver: Statistics): Sample[] {
  return [...driver].flatMap(([name, value]) => {
    const [, direction, reason] = DROP.exec(name) ?? [];
    return direction === undefined || reason === undefined
      ? []
      : [{ labels: { direction, reason }, value: Number(value) }];
  });
}

/** Of one reading. Where there are no kstats there is no family. */
export function familiesOf(counters: XdeCounters | undefined): readonly Family[] {
  if (counters === undefined) return [];
  const { driver, ports } = counters;
  return [
    ...Object.entries(MULTICAST).map(
      ([name, help]) => new Family(`sledcast_xde_${name}_total`, help, "counter", counted(driver, name, {})),
    ),
    new Family("sledcast_xde_drops_total", DROPS, "counter", drops(driver)),
    ...PORT.map(([name, kind, help]) => {
      const samples = [...ports].flatMap(([port, statistics]) => counted(statistics, name, { port }));
      return new Family(`sledcast_port_${name}${kind === "counter" ? "_total" : ""}`, help, kind, samples);
    }),
  ];
}
