/** What the driver tells of its layers and flow tables (opte-api `cmd.rs`, opte `api.rs`). The same in API 38 to 41. */
import { array, seq } from "../../postcard/collections.ts";
import { enumeration, option, pair, struct, unit } from "../../postcard/composites.ts";
import { string, u8, u16, u32, u64, usize } from "../../postcard/scalars.ts";
import { Ipv4Addr, Ipv6Addr } from "./basic.ts";

const AddrPair = enumeration({
  V4: struct({ src: Ipv4Addr, dst: Ipv4Addr }),
  V6: struct({ src: Ipv6Addr, dst: Ipv6Addr }),
});
/** `proto_info`: source and destination port, or ICMP's type, code and id. */
const InnerFlowId = struct({ proto: u8, addrs: AddrPair, proto_info: array(u16, 2) });

const TcpState = enumeration({
  Closed: unit,
  Listen: unit,
  SynSent: unit,
  SynRcvd: unit,
  Established: unit,
  CloseWait: unit,
  LastAck: unit,
  FinWait1: unit,
  FinWait2: unit,
  TimeWait: unit,
});
const TcpFlowStateDump = struct({
  tcp_state: TcpState,
  guest_seq: option(u32),
  guest_ack: option(u32),
  remote_seq: option(u32),
  remote_ack: option(u32),
});
const TcpFlowEntryDump = struct({
  hits: u64,
  inbound_ufid: option(InnerFlowId),
  tcp_state: TcpFlowStateDump,
  segs_in: u64,
  segs_out: u64,
  bytes_in: u64,
  bytes_out: u64,
});

const HitsAndSummary = struct({ hits: u64, summary: string });
const FlowTable = seq(pair(InnerFlowId, HitsAndSummary));
const RuleDump = struct({
  priority: u16,
  predicates: seq(string),
  data_predicates: seq(string),
  action: string,
});
const RuleTableEntryDump = struct({ id: u64, hits: u64, rule: RuleDump });
const LayerDesc = struct({
  name: string,
  rules_in: usize,
  rules_out: usize,
  default_in: string,
  default_out: string,
  flows: u32,
});

export const flows = {
  AddrPair,
  InnerFlowId,
  TcpState,
  TcpFlowStateDump,
  TcpFlowEntryDump,
  UftEntryDump: HitsAndSummary,
  ActionDescEntryDump: HitsAndSummary,
  RuleDump,
  RuleTableEntryDump,
  LayerDesc,
  ListLayersResp: struct({ layers: seq(LayerDesc) }),
  DumpLayerResp: struct({
    name: string,
    rules_in: seq(RuleTableEntryDump),
    rules_out: seq(RuleTableEntryDump),
    default_in: string,
    default_in_hits: u64,
    default_out: string,
    default_out_hits: u64,
    ft_in: FlowTable,
    ft_out: FlowTable,
  }),
  DumpUftResp: struct({
    in_limit: u32,
    in_num_flows: u32,
    in_flows: FlowTable,
    out_limit: u32,
    out_num_flows: u32,
    out_flows: FlowTable,
  }),
  DumpTcpFlowsResp: struct({ flows: seq(pair(InnerFlowId, TcpFlowEntryDump)) }),
};
