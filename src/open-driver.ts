/** The driver that the settings ask for, and what goes with it. */
import type { Config } from "./config.ts";
import { messageOf, SledcastError } from "./error.ts";
import { isMissingPrivilege } from "./host/system-error.ts";
import type { Log } from "./log.ts";
import type { Transport } from "./opte/driver.ts";
import { UnservedVersion } from "./opte/error.ts";
import { DriverModel } from "./opte/model/model.ts";

/** A device that does not answer within this time at the start is waited for while HTTP is served. */
const PROBE_WITHIN_MS = 3000;

/** Without one of these nothing that the daemon could do would help: it ends, and says why. */
function isHopeless(error: unknown): boolean {
  return error instanceof UnservedVersion || isMissingPrivilege(error);
}

/** What only the real driver needs is loaded only for it: a start with the model does not wait for it. */
async function openXde(config: Config, log: Log): Promise<Transport> {
  const [{ loadBinding }, { Xde }] = await Promise.all([import("./host/bindings.ts"), import("./opte/xde.ts")]);
  const { binding, why } = await loadBinding().catch((error: unknown) => {
    if (error instanceof SledcastError) throw error;
    throw new SledcastError("internal", `driver xde: ${messageOf(error)}`);
  });
  const xde = new Xde({ binding, path: config.xdeDevice, log });
  log.info(
    { device: config.xdeDevice, binding: binding.name, ...(why === undefined ? {} : { why }) },
    `the driver is reached through the ${binding.name} binding`,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PROBE_WITHIN_MS);
  });
  const probe = xde.call("ListPorts", undefined).then(
    () => {},
    (error: unknown) => {
      // What is not hopeless is told by /readyz, and tried again.
      if (isHopeless(error)) throw error;
    },
  );
  probe.catch(() => {});
  try {
    await Promise.race([probe, late]);
  } finally {
    clearTimeout(timer);
  }
  return xde;
}

export async function openDriver(config: Config, log: Log): Promise<Transport> {
  if (config.driver === "xde") return openXde(config, log);
  return new DriverModel({
    ports: config.modelPorts,
    ...(config.modelState === undefined ? {} : { state: config.modelState }),
  });
}

/** What xde is to be given as its underlay: the first two NICs, where there are two and it is wanted. */
export function underlayDevicesOf(config: Config, log: Log): readonly [string, string] | undefined {
  if (config.driver !== "xde" || !config.setUnderlay) return undefined;
  const [u1, u2] = config.underlayNics;
  if (u1 !== undefined && u2 !== undefined) return [u1, u2];
  log.info({ nics: config.underlayNics }, "fewer than two underlay NICs: the driver's underlay is left to others");
  return undefined;
}
