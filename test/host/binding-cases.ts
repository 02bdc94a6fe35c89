/** The bindings that a contract is held against. What does not load here is left out with its reason; in CI that fails. */
import type { Binding } from "../../src/host/binding.ts";
import { loadKoffi } from "../../src/host/koffi.ts";
import { loadNapi } from "../../src/host/napi.ts";
import { mustRun } from "./binding-server.ts";

export interface BindingCase {
  readonly name: "addon" | "koffi";
  readonly load: () => Promise<Binding>;
  /** Why it is not to be tried; undefined: it is. */
  readonly why: string | undefined;
}

const LOADERS = { addon: loadNapi, koffi: loadKoffi };

/** `what` is said not to be tested where a binding is missing. */
export async function bindingCase(name: BindingCase["name"], what: string): Promise<BindingCase> {
  const load = LOADERS[name];
  const why = await load().then(
    () => undefined,
    (error: Error) => error.message.split("\n", 1)[0],
  );
  if (why !== undefined) console.log(`${what}: not tested: ${why}`);
  return { name, load, why: mustRun ? undefined : why };
}

export const bindingCases = (what: string): Promise<readonly BindingCase[]> =>
  Promise.all([bindingCase("addon", what), bindingCase("koffi", what)]);
