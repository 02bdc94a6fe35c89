/** One command on its way through the device: what is sent, and what is made of the answer. */
import { SledcastError } from "../error.ts";
import type { DeviceCall, DeviceReply } from "../host/binding.ts";
import { type Codec, type Decoded, decode, encode } from "../postcard/codec.ts";
import { DecodeError } from "../postcard/error.ts";
import { DriverUnavailable, type OpteError } from "./error.ts";
import type { CommandName } from "./types.ts";
import { type ApiVersion, wireCommand } from "./versions.ts";
import { opteError } from "./wire/terms.ts";

/** Room for the first try (opte-ioctl); nearly every reply fits. */
const FIRST_CAPACITY = 16 * 1024;
/** A table can grow between two tries: that much more than was asked for, at least. */
const HEADROOM = 4 * 1024;
/** No table is that large; a driver that says so is not to be believed. */
const MOST_CAPACITY = 256 * 1024 * 1024;
export const MOST_TRIES = 3;

/**
 * Commands that may be run twice without a difference. Of the others a second run would report
 * what the first one did (the port exists), so they are not sent again to a device that was lost.
 */
const REPEATABLE: Readonly<Record<CommandName, boolean>> = {
  ListPorts: true,
  SetFwRules: true,
  ListLayers: true,
  DumpLayer: true,
  DumpUft: true,
  DumpTcpFlows: true,
  SetExternalIps: true,
  AllowCidr: true,
  AttachSubnet: true,
  ClearUft: true,
  ClearLft: true,
  SetVirt2Phys: true,
  ClearVirt2Phys: true,
  DumpVirt2Phys: true,
  SetVirt2Boundary: true,
  ClearVirt2Boundary: true,
  DumpVirt2Boundary: true,
  SetMcast2Phys: true,
  ClearMcast2Phys: true,
  DumpMcast2Phys: true,
  SetMcastForwarding: true,
  ClearMcastForwarding: true,
  DumpMcastForwarding: true,
  McastSubscribe: true,
  McastUnsubscribe: true,
  McastUnsubscribeAll: true,
  DumpMcastSubscriptions: true,
  CreateXde: false,
  DeleteXde: false,
  SetXdeUnderlay: false,
  ClearXdeUnderlay: false,
  AddFwRule: false,
  RemFwRule: false,
  AddRouterEntry: false,
  DelRouterEntry: false,
  RemoveCidr: false,
  DetachSubnet: false,
};

export const mayRepeat = ({ command, tries }: Pending) => tries < MOST_TRIES && REPEATABLE[command];

export interface Pending {
  readonly command: CommandName;
  readonly req: unknown;
  readonly resolve: (response: unknown) => void;
  readonly reject: (error: unknown) => void;
  capacity: number;
  tries: number;
  /** It was sent and did not come to its end: what to say if it is never sent again. It may have taken effect. */
  uncertain?: DriverUnavailable;
}

export function newPending(
  command: CommandName,
  req: unknown,
  resolve: Pending["resolve"],
  reject: Pending["reject"],
): Pending {
  return { command, req, resolve, reject, capacity: FIRST_CAPACITY, tries: 0 };
}

/** @throws EncodeError, or SledcastError for a command that the version does not have. */
export function deviceCall(version: ApiVersion, { command, req, capacity }: Pending): DeviceCall {
  const wire = wireCommand(version, command);
  if (wire === undefined) throw new SledcastError("driver-refused", `OPTE API ${version} does not have ${command}`);
  const request = wire.request && encode(wire.request as Codec<unknown>, req);
  return { apiVersion: version, cmd: wire.number, request, capacity };
}

/** @throws DriverUnavailable for a reply that is none. */
export function responseOf(
  version: ApiVersion,
  command: CommandName,
  { reply, copiedOut }: DeviceReply,
): Decoded<unknown> {
  const wire = wireCommand(version, command);
  if (wire === undefined || !copiedOut) {
    throw new DriverUnavailable(`the driver carried ${command} out and gave no reply`, { reached: true });
  }
  try {
    return decode<unknown>(wire.response, reply);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const where = `${error.message} (at byte ${error.at})`;
    throw new DriverUnavailable(`the driver's reply to ${command} cannot be read: ${where}`, { reached: true });
  }
}

/** As the Rust client does it: an error that cannot be read is an error of that name. */
export function errorOf({ reply }: DeviceReply): OpteError {
  try {
    return decode(opteError, reply).value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { variant: "DeserCmdErr", text: error.message };
  }
}

/** The command has run; its reply had no room. It is to be run again, where its kind allows that. */
export function giveMoreRoom(pending: Pending, actual: number): void {
  if (actual <= pending.capacity || actual > MOST_CAPACITY) {
    const wish = `asks for room for a reply of ${actual} bytes to ${pending.command}; it was given ${pending.capacity}`;
    throw new DriverUnavailable(`the driver ${wish}`, { reached: true });
  }
  if (!REPEATABLE[pending.command]) {
    throw new DriverUnavailable(`${pending.command} ran, but its reply of ${actual} bytes had no room`, {
      reached: true,
    });
  }
  if (pending.tries >= MOST_TRIES) {
    throw new SledcastError(
      "driver-busy",
      `the reply to ${pending.command} grew past its room ${MOST_TRIES} times; try again when the tables change less`,
    );
  }
  pending.capacity = Math.min(actual + Math.max(HEADROOM, actual >> 3), MOST_CAPACITY);
}
