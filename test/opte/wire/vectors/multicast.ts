/** Multicast messages, in both layouts: without source filters (API 38, 39) and with (40, 41). */
import { ALL, BEFORE_FILTERS, vector, WITH_FILTERS } from "./vector.ts";

const U7 = "ff04 00*13 07";
const HOP1 = "fd00 00*13 01";
const SAME_IN_ALL = [
  vector(
    "SetMcast2PhysReq",
    ALL,
    "an IPv4 group",
    { group: { Ip4: "239.7.7.7" }, underlay: "ff04::7" },
    `00  ef 07 07 07   # group
     ${U7}             # underlay`,
  ),
  vector(
    "ClearMcast2PhysReq",
    ALL,
    "an IPv6 group",
    { group: { Ip6: "ff0e::1:2" }, underlay: "ff04::7" },
    `01  ff0e 00*10 0001 0002   # group
     ${U7}                      # underlay`,
  ),
  vector("ClearMcastForwardingReq", ALL, "the underlay alone", { underlay: "ff04::7" }, U7),
  vector(
    "McastUnsubscribeReq",
    ALL,
    "a port and a group",
    { port_name: "opte0", group: { Ip4: "224.0.0.251" } },
    `05 6f 70 74 65 30   # "opte0"
     00  e0 00 00 fb     # group`,
  ),
  vector("McastUnsubscribeAllReq", ALL, "a group", { group: { Ip4: "224.0.0.251" } }, "00  e0 00 00 fb"),
  vector("NextHopV6", ALL, "VNI 77", { addr: "fd00::1", vni: 77 }, `${HOP1}  00 00 4d`),
];

const WITHOUT = [
  vector(
    "SetMcastForwardingReq",
    BEFORE_FILTERS,
    "each hop has 20 bytes",
    {
      underlay: "ff04::7",
      next_hops: [
        [{ addr: "fd00::1", vni: 77 }, "Both"],
        [{ addr: "::", vni: 300 }, "Reserved"],
      ],
    },
    `${U7}                      # underlay
     02                         # two hops
     ${HOP1}  00 00 4d  02      # fd00::1, VNI 77, both
     00*16    00 01 2c  03      # ::, VNI 300, reserved`,
  ),
  vector(
    "DumpMcastForwardingResp",
    BEFORE_FILTERS,
    "an entry with one hop and one with none",
    {
      entries: [
        { underlay: "ff04::7", next_hops: [[{ addr: "fd00::1", vni: 77 }, "External"]] },
        { underlay: "ff04::8", next_hops: [] },
      ],
    },
    `02                                  # two entries
     ${U7}  01  ${HOP1}  00 00 4d  00    # ff04::7: one hop, external
     ff04 00*13 08  00                   # ff04::8: none`,
  ),
  vector(
    "McastSubscribeReq",
    BEFORE_FILTERS,
    "no filter",
    { port_name: "p", group: { Ip4: "239.0.0.1" } },
    "01 70  00 ef 00 00 01",
  ),
  vector(
    "DumpMcastSubscriptionsResp",
    BEFORE_FILTERS,
    "the ports' names alone",
    { entries: [{ underlay: "ff04::7", ports: ["p", "q"] }] },
    `01          # one entry
     ${U7}
     02  01 70  01 71   # "p", "q"`,
  ),
];

const ONE_AND_TWO = [{ Ip4: "10.0.0.1" }, { Ip6: "fd00::2" }];

const WITH = [
  vector("SourceFilter", WITH_FILTERS, "any source", { Exclude: [] }, "01 00"),
  vector("SourceFilter", WITH_FILTERS, "no source", { Include: [] }, "00 00"),
  vector(
    "SourceFilter",
    WITH_FILTERS,
    "IPv4 before IPv6",
    { Include: ONE_AND_TWO },
    `00  02               # include two
     00  0a 00 00 01      # 10.0.0.1
     01  fd00 00*13 02    # fd00::2`,
  ),
  vector("FilterMode", WITH_FILTERS, "exclude", "Exclude", "01"),
  vector(
    "McastForwardingNextHop",
    WITH_FILTERS,
    "a hop with a filter",
    {
      next_hop: { addr: "fd00::1", vni: 77 },
      replication: "Underlay",
      source_filter: { Exclude: [{ Ip4: "10.0.0.1" }] },
    },
    `${HOP1}  00 00 4d       # where to
     01                      # underlay
     01  01  00 0a 00 00 01  # all but 10.0.0.1`,
  ),
  vector(
    "SetMcastForwardingReq",
    WITH_FILTERS,
    "each hop has its filter behind it",
    {
      underlay: "ff04::7",
      next_hops: [
        { next_hop: { addr: "fd00::1", vni: 77 }, replication: "Both", source_filter: { Exclude: [] } },
        { next_hop: { addr: "::", vni: 300 }, replication: "Reserved", source_filter: { Include: [] } },
      ],
    },
    `${U7}                          # underlay
     02                             # two hops
     ${HOP1}  00 00 4d  02  01 00   # fd00::1, VNI 77, both, any source
     00*16    00 01 2c  03  00 00   # ::, VNI 300, reserved, no source`,
  ),
  vector(
    "DumpMcastForwardingResp",
    WITH_FILTERS,
    "an entry with one hop and one with none",
    {
      entries: [
        {
          underlay: "ff04::7",
          next_hops: [
            { next_hop: { addr: "fd00::1", vni: 77 }, replication: "External", source_filter: { Exclude: [] } },
          ],
        },
        { underlay: "ff04::8", next_hops: [] },
      ],
    },
    `02                                        # two entries
     ${U7}  01  ${HOP1}  00 00 4d  00  01 00   # ff04::7: one hop, external, any source
     ff04 00*13 08  00                         # ff04::8: none`,
  ),
  vector(
    "McastSubscribeReq",
    WITH_FILTERS,
    "a filter behind the group",
    { port_name: "p", group: { Ip4: "239.0.0.1" }, filter: { Include: [{ Ip4: "10.0.0.1" }] } },
    `01 70                      # "p"
     00  ef 00 00 01            # group
     00  01  00 0a 00 00 01     # include 10.0.0.1`,
  ),
  vector(
    "DumpMcastSubscriptionsResp",
    WITH_FILTERS,
    "each port with its filter",
    {
      entries: [
        {
          underlay: "ff04::7",
          subscribers: [
            { port: "p", filter: { Exclude: [] } },
            { port: "q", filter: { Include: ONE_AND_TWO } },
          ],
        },
      ],
    },
    `01                                                  # one entry
     ${U7}
     02                                                  # two subscribers
     01 70  01 00                                        # "p", any source
     01 71  00  02  00 0a 00 00 01  01 fd00 00*13 02     # "q", two sources`,
  ),
  vector(
    "DumpMcast2PhysResp",
    WITH_FILTERS,
    "the IPv4 groups, then the IPv6 groups",
    { ip4: [["239.7.7.7", "ff04::7"]], ip6: [["ff0e::1", "ff04::7"]] },
    `01  ef 07 07 07   ${U7}
     01  ff0e 00*13 01 ${U7}`,
  ),
];

export const multicast = [...SAME_IN_ALL, ...WITHOUT, ...WITH];
