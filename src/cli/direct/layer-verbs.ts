/** A port's layers and flow tables. */
import type { LayerDump, LayerInfo, TcpFlow, UftDump } from "../../opte/layers.ts";
import * as argument from "./arguments.ts";
import { printLayer, printLayers, printTcpFlows, printUft } from "./print-layers.ts";
import { type OnPort, onPort, type VerbSet } from "./verb-set.ts";

export function layerVerbs(verbs: VerbSet): void {
  verbs.dump<readonly LayerInfo[], [OnPort]>(
    onPort(verbs.command("list-layers", "a port's layers")),
    (driver, { port }) => driver.listLayers(port),
    printLayers,
  );
  verbs.dump<LayerDump, [string, OnPort]>(
    onPort(verbs.command("dump-layer", "a layer's flows and rules")).argument(
      "<name>",
      "the layer",
      argument.nameArgument,
    ),
    (driver, name, { port }) => driver.dumpLayer(port, name),
    (layer, _name, { port }) => printLayer(port, layer),
  );
  verbs.order<[string, OnPort]>(
    onPort(verbs.command("clear-lft", "forget the flows of one layer of a port")).argument(
      "<layer>",
      "the layer",
      argument.nameArgument,
    ),
    (driver, layer, { port }) => driver.clearLft(port, layer),
  );
  verbs.order<[OnPort]>(onPort(verbs.command("clear-uft", "forget a port's established flows")), (driver, { port }) =>
    driver.clearUft(port),
  );
  verbs.dump<UftDump, [OnPort]>(
    onPort(verbs.command("dump-uft", "a port's established flows")),
    (driver, { port }) => driver.dumpUft(port),
    printUft,
  );
  verbs.dump<readonly TcpFlow[], [OnPort]>(
    onPort(verbs.command("dump-tcp-flows", "a port's TCP connections")),
    (driver, { port }) => driver.dumpTcpFlows(port),
    printTcpFlows,
  );
}
