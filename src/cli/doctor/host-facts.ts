/** What this host shows to somebody who looks, with or without an agent. Nothing is changed by looking. */
import { X509Certificate } from "node:crypto";
import { access, constants, readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { messageOf } from "../../error.ts";
import type { Binding } from "../../host/binding.ts";
import { loadBinding } from "../../host/bindings.ts";
import { MembershipScript } from "../../host/memberships.ts";
import { errnoName } from "../../host/system-error.ts";
import { type CheckReport, check } from "../../intent/ledger/check.ts";
import { type Holder, stateDirHolder } from "../../intent/state-dir.ts";
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

async function lookAtDir(dir: string): Promise<HostFacts["stateDir"]> {
  try {
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return "writable";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "closed";
  }
}

export async function lookAtHost({ driver, xdeDevice, stateDir, certificate, nics = [] }: Subject): Promise<HostFacts> {
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
    certificate: certificate === undefined ? undefined : await seen(() => goodUntil(certificate)),
    holder: stateDirHolder(stateDir),
  };
}
