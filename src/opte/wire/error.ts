/** `OpteError`: what the driver answers instead of a response (opte-api `cmd.rs`). The same in API 38 to 41. */
import { enumeration, struct, unit } from "../../postcard/composites.ts";
import { i32, string, u64, usize } from "../../postcard/scalars.ts";
import { IpCidr, MacAddr, VniCodec } from "./basic.ts";

export const OpteError = enumeration({
  BadApiVersion: struct({ user: u64, kernel: u64 }),
  BadLayerPos: struct({ layer: string, pos: string }),
  BadName: unit,
  BadState: string,
  CopyinReq: unit,
  CopyoutResp: unit,
  DeserCmdErr: string,
  DeserCmdReq: string,
  FlowExists: string,
  InvalidRouterEntry: struct({ dest: IpCidr, target: string }),
  InvalidUnderlayMulticast: string,
  LayerNotFound: string,
  MacExists: struct({ port: string, vni: VniCodec, mac: MacAddr }),
  MaxCapacity: u64,
  NoRequestBody: unit,
  PortCreate: string,
  PortExists: string,
  PortNotFound: string,
  RespTooLarge: struct({ needed: usize, given: usize }),
  RuleNotFound: u64,
  SerCmdErr: string,
  SerCmdResp: string,
  System: struct({ errno: i32, msg: string }),
  InvalidIpCfg: unit,
});
