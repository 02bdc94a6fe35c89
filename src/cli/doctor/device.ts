/**
 * Asks the driver itself, without an agent, and changes nothing: it is opened as the driver wants it (read-write), and
 * told to list its ports, a command that every API version has.
 *
 * Another process does it. A call that the kernel does not return from cannot be given up, and a process with such a
 * thread does not end either; this one is to say so and end.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../error.ts";
import { loadBinding } from "../../host/bindings.ts";
import type { Log } from "../../log.ts";
import { DriverUnavailable, UnservedVersion } from "../../opte/error.ts";
import { Xde } from "../../opte/xde.ts";

export type DeviceAnswer =
  | { readonly kind: "answers"; readonly apiVersion: number; readonly ports: readonly string[] }
  /** `code`: of the errno, where a system call failed. */
  | { readonly kind: "refuses"; readonly reason: string; readonly code?: string }
  | { readonly kind: "unserved"; readonly reason: string }
  | { readonly kind: "silent"; readonly seconds: number };

const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export async function askDevice(path: string): Promise<DeviceAnswer> {
  try {
    const { binding } = await loadBinding();
    const xde = new Xde({ binding, path, log: QUIET });
    try {
      const ports = await xde.call("ListPorts", undefined);
      return { kind: "answers", apiVersion: xde.info.apiVersion, ports: ports.map(({ name }) => name) };
    } finally {
      await xde.close();
    }
  } catch (error) {
    const reason = messageOf(error);
    if (error instanceof UnservedVersion) return { kind: "unserved", reason };
    const code = error instanceof DriverUnavailable ? error.code : undefined;
    return { kind: "refuses", reason, ...(code === undefined ? {} : { code }) };
  }
}

const PATIENCE_S = 5;

/** In another process; one that does not answer in time is left behind. */
export function askDeviceApart(path: string, patience = PATIENCE_S): Promise<DeviceAnswer> {
  const program = fileURLToPath(import.meta.url.replace(/device(\.[jt]s)$/, "device-process$1"));
  const child = fork(program, [path], { stdio: "ignore", execArgv: [] });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      child.disconnect();
      child.unref();
      resolve({ kind: "silent", seconds: patience });
    }, patience * 1000);
    const settle = (answer: DeviceAnswer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    child.once("message", (answer) => settle(answer as DeviceAnswer));
    child.once("error", (error) => settle({ kind: "refuses", reason: messageOf(error) }));
    child.once("exit", (code, signal) =>
      settle({ kind: "refuses", reason: `the process that asked ${path} ended with ${signal ?? code}` }),
    );
  });
}
