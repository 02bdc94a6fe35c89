/** Layers whose rules the driver makes anew, all of them, when what they follow from has changed. */
import { gatewayRules } from "./gateway.ts";
import type { ModelPort } from "./model-port.ts";
import { natRules } from "./nat.ts";
import type { LayerRules } from "./rules.ts";

export type RenewedLayer = keyof ModelPort["layers"]["first"];

export const RENEWED: Readonly<Record<RenewedLayer, (port: ModelPort) => LayerRules>> = {
  gateway: gatewayRules,
  nat: natRules,
};

/** The rules that go take their ids with them. `change`: of what the layers' rules follow from. */
export function renewing(port: ModelPort, layers: readonly RenewedLayer[], change: () => void): void {
  const { first } = port.layers;
  for (const layer of layers) {
    const { in: inbound, out } = RENEWED[layer](port);
    first[layer] = { in: first[layer].in + inbound.length, out: first[layer].out + out.length };
  }
  change();
}
