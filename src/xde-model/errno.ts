/** Error numbers for the fake device's caller: the model's are illumos's, a program built here knows its own. */
import { constants } from "node:os";

/** illumos numbers of what the driver and open(2) answer (illumos `sys/errno.h`), by name. */
const ILLUMOS: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ENOSPC: 28,
  ERANGE: 34,
  ENOMSG: 35,
  ENOTSUP: 48,
  EPROTO: 71,
  ENOBUFS: 132,
};

export type ErrnoStyle = "linux" | "illumos";

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ILLUMOS).map(([name, number]) => [number, name]));

/** A number without a name here stays as it is: the driver passes on whatever `System` carries. */
export function errnoFor(style: ErrnoStyle, illumos: number): number {
  if (style === "illumos") return illumos;
  const name = NAMES.get(illumos);
  return (name && (constants.errno as Readonly<Record<string, number>>)[name]) || illumos;
}

export function illumosErrnoNamed(name: string): number | undefined {
  return Object.hasOwn(ILLUMOS, name) ? ILLUMOS[name] : undefined;
}
