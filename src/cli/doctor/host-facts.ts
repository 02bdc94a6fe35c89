/** What this host shows to somebody who looks, with or without an agent. Nothing is changed by looking. */
import { X509Certificate } from "node:crypto";
import { access, constants, readFile, statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { messageOf } from "../../error.ts";
import type { Binding } from "../../host/binding.ts";
import { loadBinding } from "../../host/bindings.ts";
import { MembershipScript } from "../../host/memberships.ts";
import { errnoName } from "../../host/system-error.ts";
import { type CheckReport, check } from "../../intent/ledger/check.ts";
import { type Holder, stateDirHolder } from "../../intent/state-dir.ts";
import { checkDoors, type DoorSettings } from "../../open-doors.ts";
import { askDeviceApart, type DeviceAnswer } from "./device.ts";
import type { Subject } from "./told.ts";

/** What was seen, or why it could not be looked at. */
export type Seen<T> = { readonly value: T } | { readonly reason: string };

export interface Nic {
  readonly name: string;
  /** 0: there is none. */
  readonly index: number;
  readonly ipv6: readonly string[];
}

export interface NativeCode {
  readonly name: string;
  /** What was amiss with the one that should have been. */
  readonly why?: string;
}

/** Files of tokens, keys and certificates, as a daemon of this user would find them. */
export type DoorFiles =
  | { readonly kind: "usable" }
  /** This process may not read it; a daemon may. */
  | { readonly kind: "closed"; readonly file: string }
  | { readonly kind: "refused"; readonly reason: string };

export interface HostFacts {
  readonly platform: NodeJS.Platform;
  /** Of this process, not of the daemon. */
  readonly uid: number | undefined;
  readonly native: Seen<NativeCode>;
  /** Undefined: the driver is the model, which has none. */
  readonly device: DeviceAnswer | undefined;
  /** The errno of making an IPv6 socket; undefined: one was made. */
  readonly socket: Seen<string | undefined>;
  readonly nics: Seen<readonly Nic[]>;
  readonly ledger: Seen<Pick<CheckReport, "generations" | "refused">>;
  readonly stateDir: "writable" | "missing" | "closed";
  /** Bytes that are free where the state directory is, for who is not root; undefined: nobody could say. */
  readonly free: number | undefined;
  /** Undefined: there are none, or nobody told of them. */
  readonly doorFiles: DoorFiles | undefined;
  /** Until when the agent's certificate is good; undefined: it has none. */
  readonly certificate: Seen<Date> | undefined;
  /** Who has the state directory. */
  readonly holder: Holder | undefined;
}

async function seen<T>(look: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await look() };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

/** As the joins are held: unbound, and gone again at once. */
async function makeSocket(binding: Binding): Promise<string | undefined> {
  const memberships = binding.openMemberships();
  try {
    const script = new MembershipScript();
    script.open(0);
    script.close(0);
    const [errno = 0] = await memberships.run(script);
    return errno === 0 ? undefined : errnoName(errno);
  } finally {
    await memberships.close();
  }
}

async function lookAtNics(binding: Binding, names: readonly string[]): Promise<readonly Nic[]> {
  const indexes = names.length === 0 ? [] : await binding.interfaceIndexes(names);
  const addresses = networkInterfaces();
  return names.map((name, i) => ({
    name,
    index: indexes[i] ?? 0,
    ipv6: (addresses[name] ?? []).filter(({ family }) => family === "IPv6").map(({ address }) => address),
  }));
}

async function goodUntil(file: string): Promise<Date> {
  return new Date(new X509Certificate(await readFile(file)).validTo);
}

/** Of the folder that there is, the directory itself or one above. */
async function freeBytes(dir: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch (error) {
    const above = path.dirname(path.resolve(dir));
    const isGone = (error as NodeJS.ErrnoException).code === "ENOENT" && above !== path.resolve(dir);
    return isGone ? freeBytes(above) : undefined;
  }
}

async function lookAtDoorFiles(settings: DoorSettings): Promise<DoorFiles | undefined> {
  const { tokenFile, tlsCert, tlsKey, tlsCa } = settings;
  const files = [tokenFile, tlsCert, tlsKey, tlsCa].flatMap((file) => (file === undefined ? [] : [file]));
  if (files.length === 0) return undefined;
  for (const file of files) {
    const code = await access(file, constants.R_OK).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code === "EACCES") return { kind: "closed", file };
  }
  try {
    checkDoors(settings);
    return { kind: "usable" };
  } catch (error) {
    return { kind: "refused", reason: messageOf(error) };
  }
}

async function lookAtDir(dir: string): Promise<HostFacts["stateDir"]> {
  try {
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return "writable";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "closed";
  }
}

export async function lookAtHost(subject: Subject): Promise<HostFacts> {
  const { driver, xdeDevice, stateDir, certificate, doors, nics = [] } = subject;
  const device = driver === "xde" ? askDeviceApart(xdeDevice) : undefined;
  const native = await seen(loadBinding);
  const through = <T>(look: (binding: Binding) => Promise<T>): Promise<Seen<T>> =>
    "reason" in native ? Promise.resolve(native) : seen(() => look(native.value.binding));
  return {
    platform: process.platform,
    uid: process.getuid?.(),
    native:
      "reason" in native
        ? native
        : {
            value: {
              name: native.value.binding.name,
              ...(native.value.why === undefined ? {} : { why: native.value.why }),
            },
          },
    device: await device,
    socket: await through(makeSocket),
    nics: await through((binding) => lookAtNics(binding, nics)),
    ledger: await seen(() => check(stateDir)),
    stateDir: await lookAtDir(stateDir),
    free: await freeBytes(stateDir),
    doorFiles: doors === undefined ? undefined : await lookAtDoorFiles(doors),
    certificate: certificate === undefined ? undefined : await seen(() => goodUntil(certificate)),
    holder: stateDirHolder(stateDir),
  };
}
