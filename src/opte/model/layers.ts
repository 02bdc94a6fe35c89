/**
 * A port's layers and flow tables (opte `port/mod.rs`, xde.rs `new_port`), as API 41 has them: the
 * model of an earlier version shows the same. No packet comes through the model, so there are no
 * flows and nothing was hit.
 */
import type { LayerDump, LayerInfo, LayerSide, TcpFlow, UftDump } from "../layers.ts";
import type { Request } from "../types.ts";
import { firewallRules } from "./firewall.ts";
import type { ModelPort } from "./model-port.ts";
import { portOf } from "./ports.ts";
import { refuse } from "./refuse.ts";
import { RENEWED, type RenewedLayer } from "./renewal.ts";
import { routerRules } from "./routes.ts";
import { type BothWays, inOrder, type Numbered, numberedFrom, type RuleText } from "./rules.ts";
import type { Tables } from "./tables.ts";

interface Layer {
  readonly name: string;
  readonly rules: (port: ModelPort) => BothWays<readonly Numbered<RuleText>[]>;
  readonly defaults: BothWays<string>;
}

function renewed(layer: RenewedLayer): Layer["rules"] {
  return (port) => {
    const rules = RENEWED[layer](port);
    const first = port.layers.first[layer];
    return { in: numberedFrom(first.in, rules.in), out: numberedFrom(first.out, rules.out) };
  };
}

const OVERLAY: BothWays<readonly RuleText[]> = {
  in: [
    { priority: 1, predicates: [], action: "Static: Decap" },
    { priority: 2, predicates: [], action: "Meta: mcast-vni-validator" },
  ],
  out: [{ priority: 1, predicates: [], action: "Static: Encap" }],
};

/** From the guest outward. */
const LAYERS: readonly Layer[] = [
  { name: "gateway", rules: renewed("gateway"), defaults: { in: "deny", out: "deny" } },
  { name: "firewall", rules: firewallRules, defaults: { in: "deny", out: "stateful allow" } },
  { name: "router", rules: routerRules, defaults: { in: "allow", out: "deny" } },
  { name: "nat", rules: renewed("nat"), defaults: { in: "allow", out: "allow" } },
  {
    name: "overlay",
    rules: () => ({ in: numberedFrom(0, OVERLAY.in), out: numberedFrom(0, OVERLAY.out) }),
    defaults: { in: "deny", out: "deny" },
  },
];

export function listLayers(tables: Tables, { port }: Request<"ListLayers">): LayerInfo[] {
  const held = portOf(tables, port);
  return LAYERS.map(({ name, rules, defaults }) => {
    const { in: inbound, out } = rules(held);
    return {
      name,
      rulesIn: BigInt(inbound.length),
      rulesOut: BigInt(out.length),
      defaultIn: defaults.in,
      defaultOut: defaults.out,
      flows: 0,
    };
  });
}

function layerNamed(name: string): Layer {
  const layer = LAYERS.find((one) => one.name === name);
  if (layer === undefined) throw refuse("LayerNotFound", name);
  return layer;
}

export function dumpLayer(tables: Tables, { port, layer: name }: Request<"DumpLayer">): LayerDump {
  const held = portOf(tables, port);
  const { rules, defaults } = layerNamed(name);
  const both = rules(held);
  const side = (way: "in" | "out"): LayerSide => ({
    rules: inOrder(both[way]),
    default: defaults[way],
    defaultHits: 0n,
    flows: [],
  });
  return { name, in: side("in"), out: side("out") };
}

/** What was never opened has no flow tables to look into. */
function openedPort(tables: Tables, name: string): void {
  const { state } = portOf(tables, name);
  if (state === "ready") throw refuse("BadState", state);
}

/** xde.rs `FW_FT_LIMIT`: more than NAT can need. */
const FLOW_LIMIT = 524_288;

export function dumpUft(tables: Tables, { port }: Request<"DumpUft">): UftDump {
  openedPort(tables, port);
  const none = { limit: FLOW_LIMIT, count: 0, flows: [] };
  return { in: none, out: none };
}

export function dumpTcpFlows(tables: Tables, { port }: Request<"DumpTcpFlows">): TcpFlow[] {
  openedPort(tables, port);
  return [];
}

function runningPort(tables: Tables, name: string): void {
  const { state } = portOf(tables, name);
  if (state !== "running") throw refuse("BadState", state);
}

export function clearUft(tables: Tables, { port }: Request<"ClearUft">): undefined {
  runningPort(tables, port);
}

export function clearLft(tables: Tables, { port, layer }: Request<"ClearLft">): undefined {
  runningPort(tables, port);
  layerNamed(layer);
}
