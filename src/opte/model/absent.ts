/** Commands that the driver has and the model does not, by number (opte-api `OpteCmd`). */
export const ABSENT_COMMANDS: ReadonlyMap<number, string> = new Map([
  [20, "AddFwRule"],
  [21, "RemFwRule"],
  [30, "DumpTcpFlows"],
  [31, "DumpLayer"],
  [32, "DumpUft"],
  [33, "ListLayers"],
  [41, "ClearLft"],
  [52, "SetVirt2Boundary"],
  [53, "ClearVirt2Boundary"],
  [54, "DumpVirt2Boundary"],
]);
