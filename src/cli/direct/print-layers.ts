/** Layers and flow tables as opteadm prints them (opte `print.rs`). */
import { driverText } from "../../opte/driver-text.ts";
import type {
  FlowEntry,
  FlowId,
  LayerDump,
  LayerInfo,
  LayerRule,
  LayerSide,
  TcpFlow,
  UftDump,
  UftSide,
} from "../../opte/layers.ts";
import { BOLD_RULE, page, RULE } from "./print.ts";

const row = (...cells: readonly (string | number | bigint)[]) => cells.join("\t");

/** A text as Rust's `{:?}` writes it. */
function quoted(text: string): string {
  const named: Readonly<Record<string, string>> = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\0": "\\0",
  };
  const escaped = text.replace(/["\\\p{Cc}]/gu, (char) => named[char] ?? `\\u{${char.charCodeAt(0).toString(16)}}`);
  return `"${escaped}"`;
}

export function printLayers(layers: readonly LayerInfo[]): string {
  return page([
    row("NAME", "RULES IN", "RULES OUT", "DEF IN", "DEF OUT", "FLOWS"),
    ...layers.map((one) => row(one.name, one.rulesIn, one.rulesOut, one.defaultIn, one.defaultOut, one.flows)),
  ]);
}

/** IANA's numbers of the protocols that OPTE has a name for. */
const PROTOCOLS: Readonly<Record<number, string>> = { 1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 58: "ICMPv6" };
const protocolName = ({ protocol }: FlowId) => PROTOCOLS[protocol] ?? "Unknown";

const hexByte = (byte: number) => `0x${byte.toString(16).padStart(2, "0")}`;

/** Source port, or ICMP's type and code; destination port, or ICMP's id. */
function upperLayer({ ports, icmp }: FlowId): readonly [string | number, string | number] {
  if (ports !== undefined) return [ports.source, ports.destination];
  return icmp === undefined ? ["N/A", "N/A"] : [`${hexByte(icmp.type)}/${hexByte(icmp.code)}`, icmp.id];
}

function flowLines(flows: readonly FlowEntry[], lastColumn: string): string[] {
  return [
    row("PROTO", "SRC IP", "SPORT/TY", "DST IP", "DPORT", "HITS", lastColumn),
    ...flows.map(({ flow, hits, summary }) => {
      const [source, destination] = upperLayer(flow);
      const [from, to] = [driverText(flow.source), driverText(flow.destination)];
      return row(protocolName(flow), from, source, to, destination, hits, summary);
    }),
  ];
}

/** One line for each predicate, and an empty one behind several. */
function ruleLines({ id, hits, priority, predicates, dataPredicates, action }: LayerRule): string[] {
  const [first = "*", ...others] = [...predicates, ...dataPredicates];
  return [
    row(id, priority, hits, first, quoted(action)),
    ...others.map((predicate) => row("", "", "", predicate, "")),
    ...(others.length === 0 ? [] : [row("", "", "", "", "")]),
  ];
}

function rulesPage(title: string, side: LayerSide): string {
  return page([
    "",
    title,
    RULE,
    row("ID", "PRI", "HITS", "PREDICATES", "ACTION"),
    ...side.rules.flatMap(ruleLines),
    row("DEF", "--", side.defaultHits, "--", quoted(side.default)),
  ]);
}

export function printLayer(port: string, { name, in: inbound, out }: LayerDump): string {
  return [
    `Port ${port} - `,
    page([`Layer ${name}`, BOLD_RULE, "Inbound Flows", RULE, ...flowLines(inbound.flows, "ACTION")]),
    page(["", "Outbound Flows", RULE, ...flowLines(out.flows, "ACTION")]),
    rulesPage("Inbound Rules", inbound),
    rulesPage("Outbound Rules", out),
    "\n",
  ].join("");
}

export function printUft({ in: inbound, out }: UftDump): string {
  const side = (title: string, { count, limit, flows }: UftSide) =>
    page([`UFT ${title}: ${count}/${limit}`, RULE, ...flowLines(flows, "XFORMS")]);
  return `${side("Inbound", inbound)}\n${side("Outbound", out)}`;
}

function flowText(flow: FlowId): string {
  const { ports, icmp } = flow;
  const [name, from, to] = [protocolName(flow), driverText(flow.source), driverText(flow.destination)];
  if (ports !== undefined) return `${name}:${from}:${ports.source}:${to}:${ports.destination}`;
  return icmp === undefined ? `${name}:${from}:${to}` : `${name}/${icmp.type}/${icmp.code}:${from}:${to}:${icmp.id}`;
}

export function printTcpFlows(flows: readonly TcpFlow[]): string {
  return page([
    row("FLOW", "STATE", "HITS", "SEGS IN", "SEGS OUT", "BYTES IN", "BYTES OUT"),
    ...flows.map((tcp) =>
      row(
        flowText(tcp.flow),
        tcp.state.toUpperCase().replaceAll("-", "_"),
        tcp.hits,
        tcp.segmentsIn,
        tcp.segmentsOut,
        tcp.bytesIn,
        tcp.bytesOut,
      ),
    ),
  ]);
}
