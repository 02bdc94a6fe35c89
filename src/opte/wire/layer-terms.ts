/** Layers and flow tables between the wire's shapes and this program's terms. */

import type { Ipv4, Ipv6 } from "../../net/ip.ts";
import { isIpv4 } from "../../net/ip.ts";
import { type Codec, mapped, type ValueOf } from "../../postcard/codec.ts";
import type { FlowEntry, FlowId, LayerDump, LayerInfo, LayerRule, TcpFlow, TcpState, UftDump } from "../layers.ts";
import type { Request } from "../types.ts";
import { flows } from "./flows.ts";
import * as ports from "./ports.ts";
import { orNull, orUndefined } from "./terms.ts";

export const dumpedLayer: Codec<Request<"DumpLayer">> = mapped(
  ports.shared.DumpLayerReq,
  ({ port_name, name }) => ({ port: port_name, layer: name }),
  ({ port, layer }) => ({ port_name: port, name: layer }),
);

export const clearedLayer: Codec<Request<"ClearLft">> = mapped(
  ports.shared.ClearLftReq,
  ({ port_name, layer_name }) => ({ port: port_name, layer: layer_name }),
  ({ port, layer }) => ({ port_name: port, layer_name: layer }),
);

type WireFlowId = ValueOf<typeof flows.InnerFlowId>;

const [ICMP, TCP, UDP, ICMPV6] = [1, 6, 17, 58];

/** The two words are ports, or the bytes (type, code, id) on a little-endian machine; with other protocols nothing. */
function toFlowId({ proto, addrs, proto_info: [first, second] = [] }: WireFlowId): FlowId {
  const { src: source, dst: destination } = "V4" in addrs ? addrs.V4 : addrs.V6;
  const [low = 0, high = 0] = [first, second];
  const id = { protocol: proto, source, destination };
  if (proto === TCP || proto === UDP) return { ...id, ports: { source: low, destination: high } };
  if (proto === ICMP || proto === ICMPV6) return { ...id, icmp: { type: low & 255, code: low >> 8, id: high } };
  return id;
}

function fromFlowId({ protocol, source, destination, ports, icmp }: FlowId): WireFlowId {
  const addrs = isIpv4(source)
    ? { V4: { src: source, dst: destination as Ipv4 } }
    : { V6: { src: source, dst: destination as Ipv6 } };
  const words =
    ports !== undefined
      ? [ports.source, ports.destination]
      : icmp !== undefined
        ? [icmp.type | (icmp.code << 8), icmp.id]
        : [0, 0];
  return { proto: protocol, addrs, proto_info: words };
}

type WireFlows = ValueOf<typeof flows.DumpUftResp>["in_flows"];

const toFlows = (wire: WireFlows): FlowEntry[] => wire.map(([flow, entry]) => ({ flow: toFlowId(flow), ...entry }));
const fromFlows = (entries: readonly FlowEntry[]): WireFlows =>
  entries.map(({ flow, hits, summary }) => [fromFlowId(flow), { hits, summary }] as const);

type WireRule = ValueOf<typeof flows.RuleTableEntryDump>;

const toRule = ({ id, hits, rule: { data_predicates, ...rule } }: WireRule): LayerRule => ({
  id,
  hits,
  ...rule,
  dataPredicates: data_predicates,
});

const fromRule = ({ id, hits, priority, predicates, dataPredicates, action }: LayerRule): WireRule => ({
  id,
  hits,
  rule: { priority, predicates, data_predicates: dataPredicates, action },
});

export const layer: Codec<LayerDump> = mapped(
  flows.DumpLayerResp,
  (wire) => ({
    name: wire.name,
    in: {
      rules: wire.rules_in.map(toRule),
      default: wire.default_in,
      defaultHits: wire.default_in_hits,
      flows: toFlows(wire.ft_in),
    },
    out: {
      rules: wire.rules_out.map(toRule),
      default: wire.default_out,
      defaultHits: wire.default_out_hits,
      flows: toFlows(wire.ft_out),
    },
  }),
  ({ name, in: inbound, out }) => ({
    name,
    rules_in: inbound.rules.map(fromRule),
    rules_out: out.rules.map(fromRule),
    default_in: inbound.default,
    default_in_hits: inbound.defaultHits,
    default_out: out.default,
    default_out_hits: out.defaultHits,
    ft_in: fromFlows(inbound.flows),
    ft_out: fromFlows(out.flows),
  }),
);

export const layerList: Codec<readonly LayerInfo[]> = mapped(
  flows.ListLayersResp,
  ({ layers }) =>
    layers.map((wire) => ({
      name: wire.name,
      rulesIn: wire.rules_in,
      rulesOut: wire.rules_out,
      defaultIn: wire.default_in,
      defaultOut: wire.default_out,
      flows: wire.flows,
    })),
  (list) => ({
    layers: list.map((info) => ({
      name: info.name,
      rules_in: info.rulesIn,
      rules_out: info.rulesOut,
      default_in: info.defaultIn,
      default_out: info.defaultOut,
      flows: info.flows,
    })),
  }),
);

export const uft: Codec<UftDump> = mapped(
  flows.DumpUftResp,
  (wire) => ({
    in: { limit: wire.in_limit, count: wire.in_num_flows, flows: toFlows(wire.in_flows) },
    out: { limit: wire.out_limit, count: wire.out_num_flows, flows: toFlows(wire.out_flows) },
  }),
  ({ in: inbound, out }) => ({
    in_limit: inbound.limit,
    in_num_flows: inbound.count,
    in_flows: fromFlows(inbound.flows),
    out_limit: out.limit,
    out_num_flows: out.count,
    out_flows: fromFlows(out.flows),
  }),
);

type WireTcpState = ValueOf<typeof flows.TcpState>;

const TCP_WIRE = {
  closed: "Closed",
  listen: "Listen",
  "syn-sent": "SynSent",
  "syn-rcvd": "SynRcvd",
  established: "Established",
  "close-wait": "CloseWait",
  "last-ack": "LastAck",
  "fin-wait-1": "FinWait1",
  "fin-wait-2": "FinWait2",
  "time-wait": "TimeWait",
} as const satisfies Record<TcpState, WireTcpState>;

const TCP_TERMS = Object.fromEntries(Object.entries(TCP_WIRE).map(([state, wire]) => [wire, state])) as Record<
  WireTcpState,
  TcpState
>;

type WireTcpFlow = ValueOf<typeof flows.DumpTcpFlowsResp>["flows"][number];

const toTcpFlow = ([flow, entry]: WireTcpFlow): TcpFlow => ({
  flow: toFlowId(flow),
  hits: entry.hits,
  inbound: entry.inbound_ufid === null ? undefined : toFlowId(entry.inbound_ufid),
  state: TCP_TERMS[entry.tcp_state.tcp_state],
  guestSeq: orUndefined(entry.tcp_state.guest_seq),
  guestAck: orUndefined(entry.tcp_state.guest_ack),
  remoteSeq: orUndefined(entry.tcp_state.remote_seq),
  remoteAck: orUndefined(entry.tcp_state.remote_ack),
  segmentsIn: entry.segs_in,
  segmentsOut: entry.segs_out,
  bytesIn: entry.bytes_in,
  bytesOut: entry.bytes_out,
});

const fromTcpFlow = (tcp: TcpFlow): WireTcpFlow => [
  fromFlowId(tcp.flow),
  {
    hits: tcp.hits,
    inbound_ufid: tcp.inbound === undefined ? null : fromFlowId(tcp.inbound),
    tcp_state: {
      tcp_state: TCP_WIRE[tcp.state],
      guest_seq: orNull(tcp.guestSeq),
      guest_ack: orNull(tcp.guestAck),
      remote_seq: orNull(tcp.remoteSeq),
      remote_ack: orNull(tcp.remoteAck),
    },
    segs_in: tcp.segmentsIn,
    segs_out: tcp.segmentsOut,
    bytes_in: tcp.bytesIn,
    bytes_out: tcp.bytesOut,
  },
];

export const tcpFlows: Codec<readonly TcpFlow[]> = mapped(
  flows.DumpTcpFlowsResp,
  (wire) => wire.flows.map(toTcpFlow),
  (table) => ({ flows: table.map(fromTcpFlow) }),
);
