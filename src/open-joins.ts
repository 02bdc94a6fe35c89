/** The NIC joins that the settings ask for. */
import type { Config } from "./config.ts";
import { messageOf, SledcastError } from "./error.ts";
import { NO_NICS, type UnderlayJoins } from "./host/joins.ts";
import type { Log } from "./log.ts";

export async function openJoins({ underlayNics: nics }: Config, log: Log): Promise<UnderlayJoins> {
  if (nics.length === 0) {
    log.info({}, "no underlay NICs configured: underlay groups are not joined anywhere");
    return NO_NICS;
  }
  // Loaded only where there are NICs: a start without them does not wait for it.
  const [{ loadBinding }, { NicJoins }] = await Promise.all([
    import("./host/bindings.ts"),
    import("./host/nic-joins.ts"),
  ]);
  const { binding, why } = await loadBinding().catch((error: unknown) => {
    if (error instanceof SledcastError) throw error;
    throw new SledcastError("internal", `underlay.nics: ${messageOf(error)}`);
  });
  const watch = binding.watchInterfaces === undefined ? "polled" : "watched";
  log.info(
    { nics, binding: binding.name, ...(why === undefined ? {} : { why }) },
    `underlay groups are joined through the ${binding.name} binding; NICs are ${watch}`,
  );
  return new NicJoins({ binding, nics, log });
}
