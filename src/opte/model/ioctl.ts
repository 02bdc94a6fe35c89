/**
 * The driver's side of the ioctl: from request bytes to reply bytes over the model, in the order
 * in which xde goes about it (xde/src/ioctl.rs). Numbers are illumos's.
 */
import { type Codec, decode, encode } from "../../postcard/codec.ts";
import { DecodeError, EncodeError } from "../../postcard/error.ts";
import { DriverError, ILLUMOS_ERRNO, illumosErrno, type OpteError } from "../error.ts";
import type { CommandName, Commands } from "../types.ts";
import type { ApiVersion } from "../versions.ts";
import { COMMANDS, type WireCommand } from "../wire/commands.ts";
import { opteError } from "../wire/terms.ts";
import type { DriverModel } from "./model.ts";
import { KernelPanic } from "./refuse.ts";

export interface IoctlRequest {
  readonly apiVersion: bigint;
  readonly cmd: number;
  /** Empty: there is none. */
  readonly body: Uint8Array;
  /** Whether the body could not be copied in: its pointer was bad. */
  readonly unreadable: boolean;
  /** Bytes of room for the reply. */
  readonly capacity: bigint;
}

export interface IoctlReply {
  readonly errno: number;
  /** Whether a reply was copied out. */
  readonly copiedOut: boolean;
  /** Bytes the reply has, also where there was no room for it. */
  readonly actual: number;
  /** What was copied out. */
  readonly reply: Uint8Array;
}

const NOTHING = new Uint8Array();

type AnyCommand = readonly [CommandName, WireCommand<CommandName>];

function byNumber(version: ApiVersion): ReadonlyMap<number, AnyCommand> {
  const commands = Object.entries(COMMANDS[version]) as unknown as AnyCommand[];
  return new Map(commands.map((entry) => [entry[1].number, entry]));
}

const BY_NUMBER: Readonly<Record<ApiVersion, ReadonlyMap<number, AnyCommand>>> = {
  38: byNumber(38),
  39: byNumber(39),
  40: byNumber(40),
  41: byNumber(41),
};

export class IoctlModel {
  readonly model: DriverModel;
  readonly version: ApiVersion;

  constructor(model: DriverModel, version: ApiVersion) {
    this.model = model;
    this.version = version;
  }

  /** @throws KernelPanic, and whatever fault of another kind was put into the model. */
  async answer(request: IoctlRequest): Promise<IoctlReply> {
    const kernel = BigInt(this.version);
    if (request.apiVersion !== kernel) {
      const reply = encode(opteError, { variant: "BadApiVersion", user: request.apiVersion, kernel });
      // EPROTO whether or not the reply had room.
      return { ...copyOut(reply, request.capacity, ILLUMOS_ERRNO.EPROTO), errno: ILLUMOS_ERRNO.EPROTO };
    }
    try {
      return copyOut(await this.#run(request), request.capacity, 0);
    } catch (error) {
      // What the tables hold has no form in this version (filters, in a model that was told to be 38): the errno alone says so.
      if (error instanceof EncodeError) {
        return { errno: ILLUMOS_ERRNO.ENOMSG, copiedOut: false, actual: 0, reply: NOTHING };
      }
      if (!(error instanceof DriverError)) throw error;
      return copyOut(encode(opteError, error.opte), request.capacity, illumosErrno(error.opte));
    }
  }

  async #run(request: IoctlRequest): Promise<Uint8Array> {
    const [name, wire] = BY_NUMBER[this.version].get(request.cmd) ?? [];
    if (name === undefined || wire === undefined) {
      throw new KernelPanic(
        `API ${this.version} has no command ${request.cmd}; in the kernel that is undefined behaviour`,
      );
    }
    const body = wire.request && copyIn(name, wire.request as Codec<Commands[CommandName]["req"]>, request);
    return encode(wire.response as Codec<unknown>, await this.model.call(name, body));
  }
}

function copyIn<T>(name: CommandName, codec: Codec<T>, { body, unreadable }: IoctlRequest): T {
  const refuse = (opte: OpteError) => new DriverError(name, opte);
  if (unreadable) throw refuse({ variant: "CopyinReq" });
  if (body.length === 0) throw refuse({ variant: "NoRequestBody" });
  try {
    return decode(codec, body).value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw refuse({ variant: "DeserCmdReq", text: error.message });
  }
}

/** A reply without room is not written at all, and the command has run all the same. */
function copyOut(reply: Uint8Array, capacity: bigint, errno: number): IoctlReply {
  const actual = reply.length;
  return BigInt(actual) > capacity
    ? { errno: ILLUMOS_ERRNO.ENOBUFS, copiedOut: false, actual, reply: NOTHING }
    : { errno, copiedOut: true, actual, reply };
}
