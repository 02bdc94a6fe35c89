/** Why the device cannot be worked with, and what to do about it. */
import { constants } from "node:os";
import type { DeviceReply } from "../host/binding.ts";
import { errnoName, type SystemError } from "../host/system-error.ts";
import { DriverUnavailable, UnservedVersion } from "./error.ts";
import type { CommandName } from "./types.ts";
import { NEWEST, SERVED } from "./versions.ts";

export function unserved(kernel: bigint): UnservedVersion {
  const older = kernel < BigInt(SERVED[0] as number);
  const wayOut = older
    ? `install an OPTE package of API ${SERVED.join(" or ")} (its version is 0.${NEWEST}.…)`
    : "install a sledcast that knows it, or the OPTE package of an older API";
  const versions = `the kernel's OPTE driver speaks API ${kernel}, this sledcast ${SERVED.join(" and ")}`;
  return new UnservedVersion(kernel, `${versions}: ${wayOut}`);
}

const OPEN_WAYS_OUT: Readonly<Record<string, string>> = {
  ENOENT: "the xde driver is not attached; install the OPTE package, or name the device with --xde-device",
  ENXIO: "there is no driver behind it",
  ENODEV: "there is no driver behind it",
  EACCES: "start sledcastd as root",
  EPERM: "the process needs the privilege sys_dl_config or sys_net_config",
  EBUSY: "another process has it for itself",
  EMFILE: "this process has too many files open",
  EINVAL: "it is not the OPTE control device",
};

export function cannotOpen(error: SystemError): DriverUnavailable {
  const wayOut = OPEN_WAYS_OUT[error.code];
  const because = wayOut === undefined ? "" : `: ${wayOut}`;
  return new DriverUnavailable(`${error.path} cannot be opened (${error.code})${because}`, {
    code: error.code,
    reached: false,
  });
}

/** What the errno of a command without a reply means (opte-ioctl `run_cmd_ioctl`). */
const COMMAND_WORDS: Readonly<Record<string, string>> = {
  EPROTO: "the driver has another API version",
  EFAULT: "the driver could not read the request or write the reply",
  ENOMSG: "the driver could not decode the request or encode the reply",
  EPERM: "permission denied",
  ENOTTY: "it is not the OPTE control device",
  ENXIO: "the driver went away",
  ENODEV: "the driver went away",
  EINTR: "a signal came first",
  ENOBUFS: "it ran, and its reply had no room",
  ENOMEM: "there was no memory for it",
};

export function commandFailed(command: CommandName | "a command", path: string, errno: number): DriverUnavailable {
  const code = errnoName(errno);
  const words = COMMAND_WORDS[code] ?? "the driver gave no reason";
  return new DriverUnavailable(`${command} on ${path} failed (${code}): ${words}`, { code, reached: true });
}

const { ENXIO, ENODEV, EBADF, ENOENT, EIO, ENOTTY, EPROTO, EPERM } = constants.errno;

type Failure = Pick<DeviceReply, "errno" | "copiedOut">;

/** Whether the device is no longer the one that was opened; then it is opened again. */
export function isGone({ errno, copiedOut }: Failure): boolean {
  return !copiedOut && [ENXIO, ENODEV, EBADF, ENOENT, EIO, ENOTTY].includes(errno);
}

/** Whether no other command would fare better. */
export function isTrouble(failure: Failure): boolean {
  return isGone(failure) || (!failure.copiedOut && [EPROTO, EPERM].includes(failure.errno));
}
