/** The driver's errors: every variant once, in the order of their ordinals. */
import { ALL, vector } from "./vector.ts";

const text = (variant: string, ordinal: string) =>
  vector("OpteError", ALL, variant, { [variant]: "x" }, `${ordinal}  01 78`);
const bare = (variant: string, ordinal: string) => vector("OpteError", ALL, variant, variant, ordinal);

export const errors = [
  vector("OpteError", ALL, "BadApiVersion", { BadApiVersion: { user: 300n, kernel: 41n } }, "00  ac 02  29"),
  vector("OpteError", ALL, "BadLayerPos", { BadLayerPos: { layer: "a", pos: "b" } }, "01  01 61  01 62"),
  bare("BadName", "02"),
  text("BadState", "03"),
  bare("CopyinReq", "04"),
  bare("CopyoutResp", "05"),
  text("DeserCmdErr", "06"),
  text("DeserCmdReq", "07"),
  text("FlowExists", "08"),
  vector(
    "OpteError",
    ALL,
    "InvalidRouterEntry",
    { InvalidRouterEntry: { dest: { Ip4: "10.0.0.0/8" }, target: "t" } },
    "09  00 0a 00 00 00 08  01 74",
  ),
  text("InvalidUnderlayMulticast", "0a"),
  text("LayerNotFound", "0b"),
  vector(
    "OpteError",
    ALL,
    "MacExists",
    { MacExists: { port: "p", vni: 100, mac: "02:08:20:00:00:01" } },
    "0c  01 70  00 00 64  02 08 20 00 00 01",
  ),
  vector("OpteError", ALL, "MaxCapacity", { MaxCapacity: 1024n }, "0d  80 08"),
  bare("NoRequestBody", "0e"),
  text("PortCreate", "0f"),
  text("PortExists", "10"),
  text("PortNotFound", "11"),
  vector("OpteError", ALL, "RespTooLarge", { RespTooLarge: { needed: 20_000n, given: 1n } }, "12  a0 9c 01  01"),
  vector("OpteError", ALL, "RuleNotFound", { RuleNotFound: 7n }, "13  07"),
  text("SerCmdErr", "14"),
  text("SerCmdResp", "15"),
  vector("OpteError", ALL, "System", { System: { errno: 22, msg: "no" } }, "16  2c  02 6e 6f"),
  bare("InvalidIpCfg", "17"),
];
