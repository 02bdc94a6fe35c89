/** Numbers and addresses that OPTE fixes. */
import type { Mac } from "../net/mac.ts";

/** Every port's gateway has this MAC (oxide-vpc `GW_MAC_ADDR`). */
export const GATEWAY_MAC = "a8:40:25:ff:77:77" as Mac;

/**
 * Longest port name, in bytes: kstat names are cut by bytes. From 24 on two kstat names of one port can become equal, and
 * xde uses the kstat that is then refused without a check; up to 18 nothing is cut at all.
 */
export const MAX_PORT_NAME = 18;
