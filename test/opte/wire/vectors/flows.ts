/** Layers and flow tables. */
import { ALL, vector } from "./vector.ts";

const FLOW = { proto: 6, addrs: { V4: { src: "10.0.0.5", dst: "10.0.0.6" } }, proto_info: [49_152, 443] };
const FLOW_BYTES = "06  00 0a000005 0a000006  80 80 03  bb 03";
const PING = { proto: 58, addrs: { V6: { src: "fd00::1", dst: "fd00::2" } }, proto_info: [128, 0] };
const PING_BYTES = "3a  01 fd00 00*13 01 fd00 00*13 02  80 01  00";

export const flows = [
  vector("InnerFlowId", ALL, "IPv4 is variant 0, not its address family", FLOW, FLOW_BYTES),
  vector("InnerFlowId", ALL, "IPv6", PING, PING_BYTES),
  vector("TcpState", ALL, "the last", "TimeWait", "09"),
  vector(
    "ListLayersResp",
    ALL,
    "one layer",
    { layers: [{ name: "nat", rules_in: 1n, rules_out: 300n, default_in: "allow", default_out: "deny", flows: 0 }] },
    `01
     03 6e 61 74          # "nat"
     01  ac 02            # rules in and out
     05 61 6c 6c 6f 77    # "allow"
     04 64 65 6e 79       # "deny"
     00                   # flows`,
  ),
  vector(
    "DumpLayerResp",
    ALL,
    "a rule and a flow",
    {
      name: "nat",
      rules_in: [{ id: 1n, hits: 128n, rule: { priority: 10, predicates: ["a"], data_predicates: [], action: "b" } }],
      rules_out: [],
      default_in: "",
      default_in_hits: 0n,
      default_out: "",
      default_out_hits: 5n,
      ft_in: [[FLOW, { hits: 2n, summary: "s" }]],
      ft_out: [],
    },
    `03 6e 61 74                                # "nat"
     01  01  80 01  0a  01 01 61  00  01 62     # rule 1, 128 hits, priority 10, one predicate, action "b"
     00                                         # no rules out
     00 00  00 05                               # defaults and their hits
     01  ${FLOW_BYTES}  02  01 73               # one flow, 2 hits, "s"
     00`,
  ),
  vector(
    "DumpUftResp",
    ALL,
    "one flow in",
    {
      in_limit: 8096,
      in_num_flows: 1,
      in_flows: [[PING, { hits: 0n, summary: "" }]],
      out_limit: 8096,
      out_num_flows: 0,
      out_flows: [],
    },
    `a0 3f  01  01 ${PING_BYTES} 00 00
     a0 3f  00  00`,
  ),
  vector(
    "DumpTcpFlowsResp",
    ALL,
    "a flow with half of its state",
    {
      flows: [
        [
          FLOW,
          {
            hits: 3n,
            inbound_ufid: null,
            tcp_state: {
              tcp_state: "Established",
              guest_seq: 2 ** 32 - 1,
              guest_ack: null,
              remote_seq: 1,
              remote_ack: null,
            },
            segs_in: 1n,
            segs_out: 2n,
            bytes_in: 300n,
            bytes_out: 0n,
          },
        ],
      ],
    },
    `01  ${FLOW_BYTES}
     03                            # hits
     00                            # no flow the other way
     04                            # established
     01 ff ff ff ff 0f  00  01 01  00
     01 02 ac 02 00                # segments and bytes, in and out`,
  ),
];
