/** The addon (`native/`), which `scripts/build-addon.mjs` builds: what it exports, and how it is loaded. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { PeerCredentials } from "./binding.ts";
import { doesNotLoad } from "./load-error.ts";
import type { NetworkAddon } from "./napi-network.ts";

/** `native/node/{device,file_lock,peer_credentials,datalinks,kstats}.h`, and the network's. */
export interface Addon extends NetworkAddon {
  readonly Device: new (path: string) => NativeDevice;
  readonly Datalinks: new (library?: string) => NativeDatalinks;
  readonly Kstats: new (library?: string) => NativeKstats;
  lockFile(fd: number): number;
  peerCredentials(fd: number): PeerCredentials | number;
}

/** Each call tells whether it was taken up; `done` is called only then. */
export interface NativeDevice {
  open(done: (errno: number) => void): boolean;
  run(batch: ArrayBuffer, count: number, done: (answer?: ArrayBuffer) => void): boolean;
  close(done: () => void): boolean;
}

/** A library that is opened at run time. `why` is empty when it is there, and missing when there was no memory for it. */
export interface NativeLibrary {
  open(done: (why?: string) => void): void;
}

/** What libdladm answered: the function that spoke last, its `dladm_status_t`, and the library's own text for that. */
export interface DladmAnswer {
  readonly function: string;
  readonly status: number;
  readonly text: string;
}

/** A link as dlmgmtd has it: flags of `DLADM_OPT_*`, a `datalink_class_t`, a `DL_*` media. */
export interface NativeLink {
  readonly id: number;
  readonly flags: number;
  readonly class: number;
  readonly media: number;
}

/** What comes with an answer comes with the status 0 alone. */
export type DladmTold<Told> = DladmAnswer & (Told | { readonly [Key in keyof Told]?: undefined });

/**
 * Each call tells whether it was taken up: not before the library is there. Then `done` is called, without
 * an answer where there was no memory for one.
 */
export interface NativeDatalinks extends NativeLibrary {
  create(name: string, done: (answer?: DladmTold<{ readonly id: number }>) => void): boolean;
  info(name: string, done: (answer?: DladmTold<NativeLink>) => void): boolean;
  nameOf(id: number, done: (answer?: DladmTold<NativeLink & { readonly name: string }>) => void): boolean;
  destroy(id: number, done: (answer?: DladmAnswer) => void): boolean;
}

/** As above; the answer is the records of `native/os/kstats.h`, or an errno. */
export interface NativeKstats extends NativeLibrary {
  read(module: string, done: (answer?: ArrayBuffer | number) => void): boolean;
}

/** From here (src/host, or dist/host) to the package's root. */
const ADDON = fileURLToPath(new URL("../../build/Release/sledcast.node", import.meta.url));

/** Throws one line where it was not built, or does not fit this Node. */
export function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)(ADDON);
  } catch (error) {
    throw doesNotLoad("the addon", error);
  }
}

/** Waits until the library is there; rejects with one line where it is not. */
export async function openLibrary(name: string, native: NativeLibrary): Promise<void> {
  const why = await new Promise<string | undefined>((resolve) => native.open(resolve));
  if (why !== "") throw doesNotLoad(name, why ?? "no memory for it");
}
