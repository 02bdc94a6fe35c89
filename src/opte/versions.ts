/** OPTE API versions: which are known, and which the daemon can work with. */
import type { CommandName } from "./types.ts";
import { COMMANDS, type WireCommand, type WireCommands } from "./wire/commands.ts";

export type ApiVersion = keyof typeof COMMANDS;

/** What this program is written for. */
export const NEWEST: ApiVersion = 41;

/** 38 and 39 have no source filters and cannot tell their M2P table: nothing could be kept right there. */
export const SERVED: readonly ApiVersion[] = [40, 41];

export function knownVersion(version: number | bigint): ApiVersion | undefined {
  const number = Number(version);
  return number in COMMANDS ? (number as ApiVersion) : undefined;
}

export function isServed(version: number | bigint): boolean {
  return (SERVED as readonly number[]).includes(Number(version));
}

/** Undefined where that version does not have the command. */
export function wireCommand<C extends CommandName>(version: ApiVersion, command: C): WireCommand<C> | undefined {
  const commands: WireCommands = COMMANDS[version];
  // A name can come from a script, and then be one that every object inherits.
  return Object.hasOwn(commands, command) ? (commands[command] as WireCommand<C>) : undefined;
}
