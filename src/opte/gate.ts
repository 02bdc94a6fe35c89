/**
 * What must never reach the driver because the kernel panics on it or comes to harm. Names are
 * checked where they come in, too; this is the last door, and the only re-check in the program.
 */
import { badRequest } from "../error.ts";
import { MAX_PORT_NAME } from "./constants.ts";
import type { CommandName, Request } from "./types.ts";

const NAME_FIELDS = ["name", "port", "u1", "u2"] as const;

export function checkSendable(command: CommandName, req: unknown): void {
  if (req === undefined) return;
  const fields = req as Partial<Record<(typeof NAME_FIELDS)[number], string>>;
  for (const field of NAME_FIELDS) {
    if (fields[field]?.includes("\0")) {
      throw badRequest(`${command}: the name in ${field} has a NUL in it, which would panic the kernel`);
    }
  }
  if (command === "CreateXde" && Buffer.byteLength(fields.name as string) > MAX_PORT_NAME) {
    throw badRequest(
      `CreateXde: the port name ${fields.name} has over ${MAX_PORT_NAME} bytes; its kstat names could collide in the kernel`,
    );
  }
  if (command === "SetVirt2Boundary" && (req as Request<"SetVirt2Boundary">).endpoints.length === 0) {
    throw badRequest(
      "SetVirt2Boundary: name at least one tunnel endpoint; the kernel divides by their number at the first packet",
    );
  }
}
