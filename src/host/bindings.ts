/** Which binding this host has. */
import { badRequest } from "../error.ts";
import type { Binding, BindingName } from "./binding.ts";
import { loadKoffi } from "./koffi.ts";
import { loadNapi } from "./napi.ts";

const LOADERS: Record<BindingName, () => Promise<Binding>> = { addon: loadNapi, koffi: loadKoffi };

function isName(name: string): name is BindingName {
  return Object.hasOwn(LOADERS, name);
}

/**
 * The addon if it loads, else koffi; `prefer` turns the order round. `why` says what was amiss with
 * the one that should have been. `SLEDCAST_BINDING=addon` or `=koffi` in the environment overrides
 * `prefer` and leaves no second choice: it is for finding out, and for tests.
 */
export async function loadBinding(prefer: BindingName = "addon"): Promise<{ binding: Binding; why?: string }> {
  const forced = process.env.SLEDCAST_BINDING || undefined;
  if (forced !== undefined && !isName(forced)) {
    throw badRequest(`SLEDCAST_BINDING is ${JSON.stringify(forced)}, not "addon" or "koffi"`);
  }
  const names: BindingName[] = prefer === "koffi" ? ["koffi", "addon"] : ["addon", "koffi"];
  const reasons: string[] = [];
  for (const name of forced === undefined ? names : [forced]) {
    try {
      const binding = await LOADERS[name]();
      return reasons.length === 0 ? { binding } : { binding, why: reasons.join("; ") };
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `no binding to the host's ioctl loads (${reasons.join("; ")}); build the addon with ` +
      "`node scripts/build-addon.mjs`, for which cmake and a C++ compiler must be installed",
  );
}
