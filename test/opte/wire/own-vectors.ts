/** Encodings put together by hand from the format's rules: what the codec and the fuzzing are held against. */
import { errors } from "./vectors/errors.ts";
import { flows } from "./vectors/flows.ts";
import { multicast } from "./vectors/multicast.ts";
import { network } from "./vectors/network.ts";
import { ports } from "./vectors/ports.ts";
import { small } from "./vectors/small.ts";
import { alsoAs, type Vector } from "./vectors/vector.ts";

export const OWN_VECTORS: readonly Vector[] = [
  ...small,
  ...multicast,
  ...ports,
  ...network,
  ...flows,
  ...errors,
  ...alsoAs(ports, "ClearUftReq", "ListLayersReq", "DumpUftReq", "DumpTcpFlowsReq"),
  ...alsoAs(network, "AddRouterEntryReq", "DelRouterEntryReq"),
  ...alsoAs(network, "AllowCidrReq", "RemoveCidrReq"),
  ...alsoAs(network, "RemoveCidrResp", "DetachSubnetResp"),
  ...alsoAs(network, "SetVirt2PhysReq", "ClearVirt2PhysReq"),
  ...alsoAs(network, "SetVirt2BoundaryReq", "ClearVirt2BoundaryReq"),
];
