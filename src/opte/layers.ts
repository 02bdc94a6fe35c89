/** What the driver tells of a port's layers and flow tables (opte-api `cmd.rs`, opte `api.rs`). */
import type { Ip } from "../net/ip.ts";

export interface FlowPorts {
  readonly source: number;
  readonly destination: number;
}

export interface FlowIcmp {
  readonly type: number;
  readonly code: number;
  readonly id: number;
}

interface FlowEnds {
  /** IP's number. */
  readonly protocol: number;
  readonly source: Ip;
  readonly destination: Ip;
}

/** The packets of one flow. Protocols other than TCP, UDP and ICMP have addresses only. */
export type FlowId = FlowEnds &
  (
    | { readonly ports: FlowPorts; readonly icmp?: undefined }
    | { readonly ports?: undefined; readonly icmp: FlowIcmp }
    | { readonly ports?: undefined; readonly icmp?: undefined }
  );

/** What a flow table has for a flow: what is done to its packets, in the driver's words. */
export interface FlowEntry {
  readonly flow: FlowId;
  readonly hits: bigint;
  readonly summary: string;
}

export interface LayerInfo {
  readonly name: string;
  readonly rulesIn: bigint;
  readonly rulesOut: bigint;
  readonly defaultIn: string;
  readonly defaultOut: string;
  readonly flows: number;
}

/** A rule as its layer has it; predicates and action are the driver's texts. */
export interface LayerRule {
  readonly id: bigint;
  readonly hits: bigint;
  readonly priority: number;
  readonly predicates: readonly string[];
  readonly dataPredicates: readonly string[];
  readonly action: string;
}

/** One direction of a layer. Rules are in the order in which they are tried. */
export interface LayerSide {
  readonly rules: readonly LayerRule[];
  readonly default: string;
  readonly defaultHits: bigint;
  readonly flows: readonly FlowEntry[];
}

export interface LayerDump {
  readonly name: string;
  readonly in: LayerSide;
  readonly out: LayerSide;
}

export interface UftSide {
  readonly limit: number;
  readonly count: number;
  readonly flows: readonly FlowEntry[];
}

export interface UftDump {
  readonly in: UftSide;
  readonly out: UftSide;
}

export const TCP_STATES = [
  "closed",
  "listen",
  "syn-sent",
  "syn-rcvd",
  "established",
  "close-wait",
  "last-ack",
  "fin-wait-1",
  "fin-wait-2",
  "time-wait",
] as const;

export type TcpState = (typeof TCP_STATES)[number];

export interface TcpFlow {
  readonly flow: FlowId;
  readonly hits: bigint;
  readonly inbound: FlowId | undefined;
  readonly state: TcpState;
  readonly guestSeq: number | undefined;
  readonly guestAck: number | undefined;
  readonly remoteSeq: number | undefined;
  readonly remoteAck: number | undefined;
  readonly segmentsIn: bigint;
  readonly segmentsOut: bigint;
  readonly bytesIn: bigint;
  readonly bytesOut: bigint;
}
