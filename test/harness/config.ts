/** Declared configurations as a control plane writes them, and what the driver is told because of them. */
import { vi } from "vitest";
import type { DriverModel } from "../../src/opte/model/model.ts";
import type { CommandName, ForwardingEntry, M2pMapping } from "../../src/opte/types.ts";
import type { Answer, Sled } from "./sled.ts";

export const CONFIG = "/multicast/config";

export interface Hop {
  readonly next_hop: string;
  readonly replication: string;
  readonly filter: { readonly mode: string; readonly sources: readonly string[] };
}

export interface ConfigBody {
  readonly generation: number;
  readonly m2p: readonly { readonly group: string; readonly underlay: string }[];
  readonly forwarding: readonly { readonly underlay: string; readonly next_hops: readonly Hop[] }[];
}

export function hop(
  address: string,
  { replication = "underlay", mode = "exclude", sources = [] as string[] } = {},
): Hop {
  return { next_hop: address, replication, filter: { mode, sources } };
}

/** `m2p` as group → underlay, `forwarding` as underlay → next hops. */
export function configBody(
  generation: number,
  m2p: Readonly<Record<string, string>> = {},
  forwarding: Readonly<Record<string, readonly Hop[]>> = {},
): ConfigBody {
  return {
    generation,
    m2p: Object.entries(m2p).map(([group, underlay]) => ({ group, underlay })),
    forwarding: Object.entries(forwarding).map(([underlay, next_hops]) => ({ underlay, next_hops })),
  };
}

export interface Outcome {
  readonly generation: number;
  readonly applied: number;
  readonly failed: readonly { readonly entry: object; readonly action: string; readonly error: string }[];
}

export const putConfig = (sled: Sled, ...config: Parameters<typeof configBody>): Promise<Answer> =>
  sled.put(CONFIG, configBody(...config));

/** A command's request in a few words. */
const WORDS: { readonly [C in CommandName]?: (req: never) => string } = {
  SetMcast2Phys: ({ group, underlay }: M2pMapping) => `${group} ${underlay}`,
  ClearMcast2Phys: ({ group, underlay }: M2pMapping) => `${group} ${underlay}`,
  SetMcastForwarding: ({ underlay, nextHops }: ForwardingEntry) =>
    [underlay, ...nextHops.map(({ addr }) => addr)].join(" "),
  ClearMcastForwarding: ({ underlay }: { underlay: string }) => underlay,
};

function said([command, req]: readonly [CommandName, unknown]): string {
  const words = WORDS[command] as ((req: unknown) => string) | undefined;
  return words === undefined ? command : `${command} ${words(req)}`;
}

/** The commands that reach the driver, from now on. */
export class Commands {
  readonly #spy;

  constructor(model: DriverModel) {
    this.#spy = vi.spyOn(model, "call");
    this.forget();
  }

  get all(): string[] {
    return this.#spy.mock.calls.map((call) => said(call as never));
  }

  /** Those that change M2P or forwarding. */
  get writes(): string[] {
    return this.all.filter((text) => /^(Set|Clear)Mcast/.test(text));
  }

  /** From here on again. */
  forget(): void {
    this.#spy.mockClear();
  }
}

/** The driver's next hops as underlay → `address replication mode(sources)`. */
export function forwardingOf({ model }: Sled): Record<string, string[]> {
  return Object.fromEntries(
    model.tables.forwarding.map(([underlay, hops]) => [
      underlay,
      hops.map(({ addr, replication, filter }) => `${addr} ${replication} ${filter.mode}(${filter.sources.join()})`),
    ]),
  );
}
