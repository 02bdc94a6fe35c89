/** How the model says no: the driver's variants with the driver's texts (xde.rs, dev_map.rs, opte-api ip.rs). */
import type { OpteError, OpteTextVariant } from "../error.ts";

/**
 * Thrown by a command's implementation; the transport adds which command it was. Not an `Error`: a
 * refusal is an answer, and the stack of one nobody reads costs more than the command (ClearUft is
 * refused by every port that nobody has opened, and sent to all of them).
 */
export class Refusal {
  readonly opte: OpteError;
  constructor(opte: OpteError) {
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
