/** How the driver says no. Variants and their errnos are opte-api's `OpteError` (cmd.rs). */
import { type ErrorKind, SledcastError } from "../error.ts";
import type { Cidr } from "../net/cidr.ts";
import type { Mac } from "../net/mac.ts";
import type { Vni } from "../net/vni.ts";
import type { CommandName } from "./types.ts";

export type OpteError =
  | { readonly variant: "BadApiVersion"; readonly user: bigint; readonly kernel: bigint }
  | { readonly variant: "BadLayerPos"; readonly layer: string; readonly pos: string }
  | { readonly variant: "MacExists"; readonly port: string; readonly vni: Vni; readonly mac: Mac }
  | { readonly variant: "InvalidRouterEntry"; readonly dest: Cidr; readonly target: string }
  | { readonly variant: "MaxCapacity"; readonly limit: bigint }
  | { readonly variant: "RespTooLarge"; readonly needed: bigint; readonly given: bigint }
  | { readonly variant: "RuleNotFound"; readonly id: bigint }
  | { readonly variant: "System"; readonly errno: number; readonly msg: string }
  | { readonly variant: OpteBareVariant }
  | { readonly variant: OpteTextVariant; readonly text: string };

export type OpteBareVariant = "BadName" | "CopyinReq" | "CopyoutResp" | "InvalidIpCfg" | "NoRequestBody";

export type OpteTextVariant =
  | "BadState"
  | "DeserCmdErr"
  | "DeserCmdReq"
  | "FlowExists"
  | "InvalidUnderlayMulticast"
  | "LayerNotFound"
  | "PortCreate"
  | "PortExists"
  | "PortNotFound"
  | "SerCmdErr"
  | "SerCmdResp";

/** illumos numbers: they travel in the payload and do not depend on where this runs. */
export const ILLUMOS_ERRNO = {
  ENOENT: 2,
  EIO: 5,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENFILE: 23,
  ENOSPC: 28,
  ENOMSG: 35,
  ENOTSUP: 48,
  EPROTO: 71,
  ENOBUFS: 132,
} as const;

const VARIANT_ERRNO = {
  BadApiVersion: ILLUMOS_ERRNO.EPROTO,
  CopyinReq: ILLUMOS_ERRNO.EFAULT,
  CopyoutResp: ILLUMOS_ERRNO.EFAULT,
  DeserCmdErr: ILLUMOS_ERRNO.ENOMSG,
  DeserCmdReq: ILLUMOS_ERRNO.ENOMSG,
  FlowExists: ILLUMOS_ERRNO.EEXIST,
  LayerNotFound: ILLUMOS_ERRNO.ENOENT,
  MacExists: ILLUMOS_ERRNO.EEXIST,
  MaxCapacity: ILLUMOS_ERRNO.ENFILE,
  PortExists: ILLUMOS_ERRNO.EEXIST,
  PortNotFound: ILLUMOS_ERRNO.ENOENT,
  RespTooLarge: ILLUMOS_ERRNO.ENOBUFS,
  RuleNotFound: ILLUMOS_ERRNO.ENOENT,
  SerCmdErr: ILLUMOS_ERRNO.ENOMSG,
  SerCmdResp: ILLUMOS_ERRNO.ENOMSG,
} as const satisfies Partial<Record<OpteError["variant"], number>>;

/** What ioctl(2) fails with beside the error: `OpteError::to_errno`, in illumos numbers. */
export function illumosErrno(error: OpteError): number {
  if (error.variant === "System") return error.errno;
  return (VARIANT_ERRNO as Partial<Record<OpteError["variant"], number>>)[error.variant] ?? ILLUMOS_ERRNO.EINVAL;
}

const RETRYABLE = new Set<number>([
  ILLUMOS_ERRNO.EIO,
  ILLUMOS_ERRNO.EAGAIN,
  ILLUMOS_ERRNO.ENOMEM,
  ILLUMOS_ERRNO.EBUSY,
  ILLUMOS_ERRNO.ENOSPC,
]);

/** The driver's own words, in one line. */
export function describeOpteError(error: OpteError): string {
  switch (error.variant) {
    case "BadApiVersion":
      return `BadApiVersion: this side speaks ${error.user}, the kernel ${error.kernel}`;
    case "BadLayerPos":
      return `BadLayerPos: ${error.layer} at ${error.pos}`;
    case "MacExists":
      return `MacExists: a port with MAC ${error.mac} exists in VNI ${error.vni} (asked for ${error.port})`;
    case "InvalidRouterEntry":
      return `InvalidRouterEntry: ${error.dest} via ${error.target}`;
    case "MaxCapacity":
      return `MaxCapacity: a table of ${error.limit} is full`;
    case "RespTooLarge":
      return `RespTooLarge: the reply has ${error.needed} bytes, there is room for ${error.given}`;
    case "RuleNotFound":
      return `RuleNotFound: ${error.id}`;
    case "System":
      return `System: errno ${error.errno}: ${error.msg}`;
    default:
      return "text" in error ? `${error.variant}: ${error.text}` : error.variant;
  }
}

function kindOfOpteError(error: OpteError): ErrorKind {
  if (error.variant === "BadApiVersion") return "driver-unavailable";
  return error.variant === "System" && RETRYABLE.has(error.errno) ? "driver-busy" : "driver-refused";
}

/** A command the driver answered with an error. */
export class DriverError extends SledcastError {
  override readonly name = "DriverError";
  readonly command: CommandName;
  readonly opte: OpteError;

  constructor(command: CommandName, opte: OpteError) {
    super(kindOfOpteError(opte), `the driver refused ${command}: ${describeOpteError(opte)}`);
    this.command = command;
    this.opte = opte;
  }
}

interface Circumstances {
  /** The errno's name, where a system call failed. */
  readonly code?: string;
  /** Whether the command may have reached the driver: then nobody knows whether it took effect. */
  readonly reached: boolean;
}

/** The driver is not there, or not one that can be worked with, or gave no answer that can be read. */
export class DriverUnavailable extends SledcastError {
  override readonly name: string = "DriverUnavailable";
  readonly code: string | undefined;
  readonly reached: boolean;

  constructor(message: string, { code, reached }: Circumstances) {
    super("driver-unavailable", message);
    this.code = code;
    this.reached = reached;
  }
}

/** A kernel whose API version is not served here. Only another build of one of the two can help. */
export class UnservedVersion extends DriverUnavailable {
  override readonly name = "UnservedVersion";
  readonly kernel: bigint;

  constructor(kernel: bigint, message: string) {
    super(message, { reached: false });
    this.kernel = kernel;
  }
}

/** Whether an error is the driver's, of this variant. */
export function isOpte(error: unknown, variant: OpteError["variant"]): error is DriverError {
  return error instanceof DriverError && error.opte.variant === variant;
}

/** Tells whether an error is the driver's `System` of that errno. */
export function isSystem(errno: number): (error: unknown) => boolean {
  return (error) => error instanceof DriverError && error.opte.variant === "System" && error.opte.errno === errno;
}

/** Errors that do not tell how far the command came: those of the system, of an error that was lost, and of a reply, which is made after the effect. */
const SAYS_NOTHING: ReadonlySet<OpteError["variant"]> = new Set([
  "System",
  "SerCmdErr",
  "DeserCmdErr",
  "SerCmdResp",
  "RespTooLarge",
  "CopyoutResp",
]);

/**
 * Whether the driver can have carried the command out although it answered with an error. A
 * refusal by its own checks comes before any effect; a system error, or no answer, proves nothing.
 */
export function mayHaveTakenEffect(error: unknown): boolean {
  if (error instanceof DriverUnavailable) return error.reached;
  return !(error instanceof DriverError) || SAYS_NOTHING.has(error.opte.variant);
}
