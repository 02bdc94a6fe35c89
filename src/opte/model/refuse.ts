/** How the model says no: the driver's variants with the driver's texts (xde.rs, dev_map.rs, opte-api ip.rs). */
import { type Ip, ipBytes, isIpv4 } from "../../net/ip.ts";
import type { OpteError, OpteTextVariant } from "../error.ts";

/** Thrown by a command's implementation; the transport adds which command it was. */
export class Refusal extends Error {
  readonly opte: OpteError;
  constructor(opte: OpteError) {
    super(opte.variant);
    this.opte = opte;
  }
}

/** What would have brought the kernel down. It has no answer. */
export class KernelPanic extends Error {
  override readonly name = "KernelPanic";
}

export function refuse(variant: OpteTextVariant, text: string): Refusal {
  return new Refusal({ variant, text });
}

export function refuseSystem(errno: number, msg: string): Refusal {
  return new Refusal({ variant: "System", errno, msg });
}

/**
 * An address as the driver prints it (smoltcp's `Display`): unlike RFC 5952, the FIRST run of zero
 * groups is compressed, even a single one. IPv4-mapped addresses are dotted, as everywhere.
 */
export function driverText(ip: Ip): string {
  if (isIpv4(ip) || ip.includes(".")) return ip;
  const bytes = ipBytes(ip);
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  const start = groups.indexOf(0);
  if (start < 0) return text(groups);
  let end = start;
  while (groups[end] === 0) end++;
  return `${text(groups.slice(0, start))}::${text(groups.slice(end))}`;
}
